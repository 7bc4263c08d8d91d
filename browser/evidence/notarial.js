// What a notary says: of an application he was brought, and of a certificate he issued.

import { Malformed } from "../errors.js";

export const MAX_CERTIFIED = 501; // the certificate, and the statements that it compared

export const DECISIONS = ["accepted", "refused"];
export const DISPUTES = ["none_known", "disputed"];
export const GROUNDS = [
  "no_guardian",
  "no_interest",
  "expert_matter",
  "disputed",
  "false_materials",
  "insufficient_materials",
  "untrue_or_unlawful",
  "against_morals",
  "fee_unpaid",
];
export const RECORDS = ["cleanliness", "comparison", "on_site", "spot_check"];

const COMMON = ["agency", "id", "occurred"];
const MAY = ["after", "case", "note", "provisional"];

export const APPLICATION_FORMS = [
  [[...COMMON, "applicant", "dispute", "interest", "purpose"], MAY],
  [[...COMMON, "application", "decision"], [...MAY, "ground"]],
  [[...COMMON, "application", "record"], MAY],
];
export const CERTIFICATE_FORMS = [
  [[...COMMON, "number"], [...MAY, "application"]],
  [[...COMMON, "issued", "revoked"], MAY],
];

// Nothing is refused without a reason of the list, and nothing accepted with one.
export function checkGround(predicate) {
  if ((predicate.decision === "refused") !== "ground" in predicate) {
    throw new Malformed("want a ground exactly where it is refused", { path: "predicate.ground" });
  }
}

// What the one text of an application is: its sheet, or the record of what was done.
export function subjectName(predicate) {
  return "record" in predicate ? "record" : "application";
}

// How many registered persons must have signed: one stolen key issues no certificate.
export function personsWanted(predicate) {
  return "number" in predicate || predicate.record === "on_site" ? 2 : 1;
}
