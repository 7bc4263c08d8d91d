// Envelopes: a statement with its signatures, as DSSE v1 writes them.
//
// What is signed is PAE: `DSSEv1 28 application/vnd.in-toto+json LEN payload`. The file is exact
// JCS, since the log commits to its bytes. `keyid` only finds candidates.

import { concat, equalBytes, exactly, parseBase64, parseJson, repr, utf8 } from "../encoding.js";
import { Malformed, Rejected } from "../errors.js";
import { Algorithm } from "../tlog/note.js";

const PAYLOAD_TYPE = "application/vnd.in-toto+json";
const MAX_ENVELOPE = 1_048_576;
const MAX_SIGNATURES = 16;

export const FOR_STATEMENTS = new Set([Algorithm.ED25519, Algorithm.SM2]);

// A payload and who claims to have signed it; nothing is checked yet.
export class Envelope {
  constructor(payload, signatures) {
    Object.assign(this, { payload, signatures });
  }

  static fromBytes(data) {
    const value = parseJson(data, { limit: MAX_ENVELOPE });
    if (!exactly(value, { payload: "text", payloadType: "text", signatures: "list" })) {
      throw new Malformed("want an envelope with payload, payloadType and signatures");
    }
    const { payload, payloadType, signatures } = value;
    if (payloadType !== PAYLOAD_TYPE) {
      throw new Malformed(`want ${repr(PAYLOAD_TYPE)}`, { path: "payloadType" });
    }
    if (!signatures.length || signatures.length > MAX_SIGNATURES) {
      const message = `want 1 to ${MAX_SIGNATURES}, got ${signatures.length}`;
      throw new Malformed(message, { path: "signatures" });
    }
    return new Envelope(parseBase64(payload), signatures.map(signature));
  }

  // The keys that signed. `find` gives the key for a keyid or raises `Rejected`.
  //
  // Every signature must verify, and no key may stand twice: one key twice is not two officers.
  async open(find) {
    const message = pae(this.payload);
    const keys = [];
    for (const { keyid, sig } of this.signatures) {
      const key = find(keyid);
      if (!FOR_STATEMENTS.has(key.algorithm)) {
        throw new Rejected(`${key.keyid} is not a key for statements`);
      }
      if (keys.some((other) => equalBytes(other.public, key.public))) {
        throw new Rejected(`${key.keyid} has signed twice`);
      }
      try {
        await key.verify(message, sig);
      } catch (error) {
        if (!(error instanceof Rejected)) throw error;
        throw new Rejected(`the signature by ${key.keyid} does not match`);
      }
      keys.push(key);
    }
    return keys;
  }
}

// DSSE's pre-authentication encoding.
export function pae(payload) {
  const head = `DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.length} `;
  return concat(utf8(head), payload);
}

function signature(row) {
  if (!exactly(row, { keyid: "text", sig: "text" })) {
    throw new Malformed("want keyid and sig, nothing else", { path: "signatures" });
  }
  return { keyid: row.keyid, sig: parseBase64(row.sig) };
}
