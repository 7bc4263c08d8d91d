// Chromium, driven by lines of JSON on stdin: {"do": …, …} each, answered by a line each.

const fs = require("node:fs");
const readline = require("node:readline");
const { chromium } = require("playwright-core");

const [executablePath, profile] = process.argv.slice(2);
const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

// A busy machine may take its time; the test itself ends after 300 s.
const PATIENCE_MS = 240_000;

let context;
let page;
let seen = [];

const deeds = {
  async start() {
    context = await chromium.launchPersistentContext(profile, {
      executablePath,
      headless: true,
      args: QUIET,
      viewport: { width: 1100, height: 900 },
      acceptDownloads: true,
      timeout: PATIENCE_MS,
    });
    context.setDefaultTimeout(PATIENCE_MS);
  },
  async open({ url }) {
    await page?.close();
    seen = [];
    page = await context.newPage();
    page.on("request", (request) => seen.push(["request", request.url()]));
    page.on("console", (message) => seen.push(["console", message.text()]));
    page.on("pageerror", (error) => seen.push(["error", String(error)]));
    page.on("websocket", (socket) => seen.push(["request", socket.url()]));
    await page.goto(url);
    await page.waitForSelector("#check");
  },
  async give({ place, path }) {
    const form = fs.statSync(path).isDirectory() ? "folder" : "zip";
    await page.setInputFiles(`#${place}-${form}`, path);
  },
  // As from a file manager: the browser itself reads what lies at the path.
  async drop({ paths }) {
    const session = await context.newCDPSession(page);
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      await session.send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
    }
  },
  click: ({ at }) => page.click(at),
  press: ({ key }) => page.keyboard.press(key),
  fill: ({ at, text }) => page.fill(at, text),
  async wait({ for: selector }) {
    await page.waitForSelector(selector);
  },
  text: ({ at }) => page.innerText(at),
  texts: ({ at }) => page.$$eval(at, (all) => all.map((one) => one.innerText.trim())),
  count: ({ at }) => page.$$eval(at, (all) => all.length),
  evaluate: ({ code }) => page.evaluate(code),
  async save({ at }) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(at)]);
    return fs.readFileSync(await download.path(), "utf8");
  },
  async pdf({ path }) {
    await page.pdf({ path });
  },
  async shot({ path }) {
    await page.screenshot({ path, fullPage: true });
  },
  seen: () => seen,
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { do: deed, ...given } = JSON.parse(line);
    let answer;
    try {
      answer = { value: (await deeds[deed](given)) ?? null };
    } catch (error) {
      answer = { error: String(error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
  await context?.close();
}

main();
