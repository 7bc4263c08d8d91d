// What speaks for the party: evidence that its filer, or a later correction, says is favourable.
//
// Who said it once does not take it back: a correction may add such a word, and none can blank it.
// Nobody can say it of another agency's evidence.

import { isBlank } from "../encoding.js";
import { StatementSubject } from "../evidence/statement.js";

const FIELD = "favourable_to_party";

// A Map from the id of evidence to in what it speaks for the party; statements in log order.
export function favourable(statements) {
  const found = new Map();
  const agencies = new Map();
  const note = (id, text) => {
    if (!isBlank(text)) found.set(id, text);
  };
  for (const { agency, id, kind, predicate, subjects } of statements) {
    if (kind === "evidence") {
      agencies.set(id, agency);
      note(id, predicate[FIELD] ?? "");
    } else if (kind === "correction") {
      const text = Object.hasOwn(predicate.changes, FIELD) ? predicate.changes[FIELD] : "";
      for (const subject of subjects) {
        const isOwn = subject instanceof StatementSubject && agencies.get(subject.id) === agency;
        if (isOwn) note(subject.id, text);
      }
    }
  }
  return found;
}
