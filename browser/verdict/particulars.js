// Particulars: what a court wants noted on each item, as far as it is shown.

import { lacking } from "../process/particulars.js";
import { Finding, Outcome } from "../report.js";

export async function* particulars(ex) {
  const shown = ex.shown();
  const places = new Map(shown.map(([view, { id }]) => [id, view.place.toText()]));
  const evidence = shown.filter(([, { kind }]) => kind === "evidence").length;
  // A correction counts only if it is shown who made it.
  const heard = shown.filter(([view, { kind }]) => kind === "evidence" || view.signers.length);
  const lacks = lacking(heard.map(([, statement]) => statement));
  for (const { id, fields } of lacks) {
    const detail = `not noted: ${fields.join(", ")}`;
    yield new Finding("particulars", Outcome.UNDECIDED, places.get(id), detail);
  }
  if (!lacks.length) {
    yield new Finding("particulars", Outcome.PASSED, "packet", `${evidence} items`);
  }
}
