// The first page and the findings' words, as the page makes them: JSON lines in, JSON lines out.
//
// The first line is the tables; each other one {"reports": […], "details": [[step, detail], …]}.

import { createInterface } from "node:readline";

const page = new URL("../../../browser/page/", import.meta.url);
const { choose } = await import(new URL("language.js", page));
const { carried } = await import(new URL("carried.js", page));
const { clipColumns } = await import(new URL("columns.js", page));
const { computed, detailWords } = await import(new URL("wording.js", page));
const { fill } = await import(new URL("tables.js", page));
const { firstPage } = await import(new URL("first_page.js", page));
const { packetReference } = await import(new URL("reference.js", page));

const lines = createInterface({ input: process.stdin });
let filled = false;
for await (const line of lines) {
  const asked = JSON.parse(line);
  let answer;
  if (!filled) {
    fill(asked);
    filled = true;
    answer = computed();
  } else {
    answer = { pages: [], details: [], clipped: [] };
    for (const report of asked.reports ?? []) {
      answer.pages.push(firstPage(report, await packetReference(report.packet)));
    }
    for (const [step, detail] of asked.details ?? []) {
      const words = {};
      for (const language of ["zh", "en"]) {
        choose(language);
        words[language] = detailWords(step, detail);
      }
      answer.details.push(words);
    }
    answer.carried = (asked.carried ?? []).map((report) => {
      const words = {};
      for (const language of ["zh", "en"]) {
        choose(language);
        words[language] = carried(report);
      }
      return words;
    });
    for (const [text, limit] of asked.clipped ?? []) answer.clipped.push(clipColumns(text, limit));
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
