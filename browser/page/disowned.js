// What counts for nothing, by the findings of a report as it stands in JSON.

const DISOWNED =
  /^(counts for nothing|undecided, and nothing rests on it): seen [^\n]*, signed by (\S+), of which entry (\S+), (seen [^\n]*), says that it was compromised since ([^\n]*)$/u;

/** The places of statements whose key was stolen by then, as the log says only later. */
export function countingForNothing(report) {
  const found = report.findings.filter((f) => f.outcome === "undecided" && disowned(f));
  return new Set(found.map((f) => f.about));
}

/** What the finding says of a statement whose key was stolen by then; else null. */
export const disowned = (f) => (f.step === "signature" ? DISOWNED.exec(f.detail) : null);
