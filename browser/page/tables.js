// The words of the terminal's report, as the build read them off its own tables.

export const tables = {};

export function fill(words) {
  Object.assign(tables, words);
}
