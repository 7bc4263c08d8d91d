// The report as `tiezheng verify --json` prints it, but for the packet's path: one line of ASCII,
// keys sorted, so that the same report is the same bytes.

export function asciiJson(value) {
  const text = JSON.stringify(sorted(value));
  return `${text.replace(/[^ -~]/gu, escaped)}\n`;
}

const escaped = (c) =>
  Array.from(
    { length: c.length },
    (_, i) => `\\u${c.charCodeAt(i).toString(16).padStart(4, "0")}`,
  ).join("");

function sorted(value) {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  // Our keys are ASCII words, never numbers, which would come first.
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((key) => [key, sorted(value[key])]),
  );
}
