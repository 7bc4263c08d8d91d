// The timestamp tokens of a packet: what stands around them is checked here, they themselves not.
//
// A token counts for an entry only if its body is, byte for byte, the text of a checkpoint to which
// that entry is proved in the same packet. Whose token it is, and when it was made, is undecided.

import { equalBytes, utf8 } from "../encoding.js";
import { Rejected } from "../errors.js";
import { Finding, Outcome } from "../report.js";
import { Checkpoint } from "../tlog/checkpoint.js";
import { NotChecked, failed, isRefusal } from "./findings.js";

const NOT_OPENED = "timestamp tokens";

export async function* stampFindings(ex) {
  const { bodies, tokens, revocations } = ex.layout;
  for (const [tree, path] of bodies) {
    if (!tokens.has(tree)) {
      yield new Finding("time", Outcome.FAILED, path, "a text without a token");
    }
  }
  for (const [tree, lists] of revocations) {
    for (const [name, path] of lists) {
      if (!tokens.get(tree)?.has(name)) {
        yield new Finding("time", Outcome.FAILED, path, "a revocation list without a token");
      }
    }
  }
  for (const [tree, named] of tokens) {
    for (const [name, path] of named) {
      const stamp = { path, tree, checked: "no authority of yours" };
      ex.stamps.push(stamp);
      try {
        await checkBody(ex, tree);
        for (const part of [revocations.get(tree)?.get(name), path]) {
          if (part !== undefined) await ex.read(part);
        }
      } catch (error) {
        if (!isRefusal(error)) throw error;
        stamp.checked = "failed";
        yield failed("time", path, error);
        continue;
      }
      // Of a folder without authorities no token is opened anywhere, and nothing said of it.
      if (!ex.trust.authorities.length) continue;
      stamp.checked = "not checked here";
      yield new NotChecked("time", path, NOT_OPENED);
    }
  }
}

async function checkBody(ex, tree) {
  const path = ex.layout.bodies.get(tree);
  if (path === undefined) throw new Rejected("the text that it stamps is not in the packet");
  const body = await ex.read(path);
  const [label, size] = tree.split("@");
  const root = ex.roots.get(tree);
  // A tree with a root is one of a log that the trust folder knows.
  const text = root && new Checkpoint(ex.logOf(label).origin, size, root).toText();
  if (!text || !equalBytes(utf8(text), body)) {
    throw new Rejected("it stamps another text than that of a checkpoint proved here");
  }
}

export function stampFacts({ path, tree, checked }) {
  const [log, size] = tree.split("@");
  return { checked, file: path, log, size };
}
