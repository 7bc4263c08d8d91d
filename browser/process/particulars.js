// Particulars: what a court wants noted on each item of evidence, and what is still missing.

import { isBlank } from "../encoding.js";
import { StatementSubject } from "../evidence/statement.js";

// 制作方法 制作时间 制作人 证明对象 原始载体
const WANTED = ["method", "occurred", "maker", "purpose", "carrier"];

// Of the evidence among these statements, in log order: its id and which of `WANTED` are missing.
//
// A correction by the same agency fills in what it names. The last one counts, so that one which
// names a field and leaves it empty takes it away.
export function lacking(statements) {
  const said = corrected(statements);
  const found = [];
  for (const statement of statements) {
    if (statement.kind !== "evidence") continue;
    const changes = said.get(`${statement.agency}/${statement.id}`);
    const given = new Map([...Object.entries(statement.predicate), ...(changes ?? [])]);
    const fields = WANTED.filter((field) => !isGiven(given, field));
    if (fields.length) found.push({ id: statement.id, fields });
  }
  return found;
}

// By agency and id, what corrections say. No agency has a slash in its name.
function corrected(statements) {
  const said = new Map();
  for (const statement of statements) {
    if (statement.kind !== "correction") continue;
    for (const subject of statement.subjects) {
      if (!(subject instanceof StatementSubject)) continue;
      const about = `${statement.agency}/${subject.id}`;
      const changes = Object.entries(statement.predicate.changes);
      said.set(about, [...(said.get(about) ?? []), ...changes]);
    }
  }
  return said;
}

function isGiven(given, field) {
  if (field === "maker" && !given.has("maker") && given.has("device")) {
    // Whoever wore the recorder has made the recording.
    return Boolean(given.get("officers")?.length);
  }
  const value = given.get(field) ?? "";
  return typeof value === "string" ? !isBlank(value) : true;
}
