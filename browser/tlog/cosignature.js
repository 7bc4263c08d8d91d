// Cosignatures: someone independent saw this tree grow. c2sp.org/tlog-cosignature@v1.1.0-rc.1.
//
// A signature line holds `uint64 timestamp ‖ signature`, timestamp in POSIX seconds. What is
// signed is, for Ed25519, two lines above the checkpoint; for ML-DSA-44 a binary message that
// names the cosigner, the time, the origin, and the tree as the subtree [0, size).

import { MAX_DECIMAL, bigFromBytes, concat, plain, toBytes, utf8 } from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { Algorithm, checkLine } from "./note.js";

const TIMESTAMP_SIZE = 8;
const NAME_LIMIT = 255;

// The time at which `key` cosigned, in POSIX seconds, or null if it did not. A line that claims
// the key and does not verify refuses the whole note: someone has tampered with it.
export async function checkCosignature(note, checkpoint, key) {
  const line = note.by(key);
  if (line === null) return null;
  const at = bigFromBytes(line.value.subarray(0, TIMESTAMP_SIZE));
  // Time zero makes no claim that this was the largest tree seen.
  if (line.value.length <= TIMESTAMP_SIZE || at === 0n || at > MAX_DECIMAL) {
    throw new Rejected(`the cosignature by ${key.keyid} has no time`);
  }
  const message = cosignedMessage(key, checkpoint, at);
  const words = `the cosignature by ${key.keyid} does not match`;
  await checkLine(key, message, line.value.subarray(TIMESTAMP_SIZE), words);
  return plain(at);
}

// What an ML-DSA-44 cosigner signs of a whole tree.
function treeMessage(name, at, { origin, size, root }) {
  const [cosigner, log] = [utf8(name), utf8(origin)];
  for (const text of [cosigner, log]) {
    if (!text.length || text.length > NAME_LIMIT) {
      throw new Malformed("want names of 1 to 255 bytes");
    }
  }
  return concat(
    utf8("subtree/v1\n\0"),
    ...[[cosigner.length], cosigner, toBytes(at, 8)],
    ...[[log.length], log, toBytes(0, 8), toBytes(size, 8), root],
  );
}

export function cosignedMessage(key, checkpoint, at) {
  if (key.algorithm === Algorithm.COSIGNATURE_ED25519) {
    return utf8(`cosignature/v1\ntime ${at}\n${checkpoint.toText()}`);
  }
  if (key.algorithm === Algorithm.COSIGNATURE_MLDSA44) return treeMessage(key.name, at, checkpoint);
  throw new Rejected(`${key.keyid} is not a cosigner's key`);
}
