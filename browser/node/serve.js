// The verifier for tests in another language: requests as JSON lines on stdin, answers on stdout.
//
//     {"packet": P, "trust": T, "log": L, "atMs": 1, "require": ["order"], "certificates": {…},
//      "lookahead": 65536}
//     {"report": …} or {"refused": "Malformed", "message": "…"} or {"fault": "…stack…"}
//
// `{"read": name, "documents": […]}` and `{"check": kind, "cases": […]}` are of `readers.js`.
//
// P, T and L are a path, or files in base64 by their paths; L may be null. Without T the packet is
// opened only. Files in memory are a packet as they are; those on the disk have to be one.

import { createInterface } from "node:readline";

import { parseBase64, parseHex } from "../encoding.js";
import { LedgerError } from "../errors.js";
import { ItemDigest } from "../evidence/chunks.js";
import { Series } from "../evidence/series.js";
import { Trust } from "../evidence/trust.js";
import { FolderLog } from "../sources.js";
import { verifyPacket } from "../verify.js";
import { openLog, openPacket, readTrust } from "./disk.js";
import { checkAll, readAll } from "./readers.js";

class MemoryPacket {
  #files;

  constructor(files) {
    this.#files = files;
  }

  sizes() {
    return new Map([...this.#files].map(([path, data]) => [path, data.length]));
  }

  async *stream(path) {
    yield this.#files.get(path);
  }

  async read(path, at, size) {
    return this.#files.get(path).subarray(at, at + size);
  }
}

async function answer(request) {
  if (request.read) return { answers: readAll(request.read, request.documents) };
  if (request.check) return { answers: await checkAll(request.check, request.cases) };
  const { packet, trust, log = null, atMs = null, require = [], certificates = {} } = request;
  const opened = typeof packet === "string" ? await openPacket(packet) : new MemoryPacket(inMemory(packet));
  if (trust === undefined) return { report: null };
  const files = typeof trust === "string" ? await readTrust(trust) : inMemory(trust);
  Series.lookahead = request.lookahead;
  const report = await verifyPacket(opened, await Trust.fromFiles(files), {
    log: logOf(log),
    atMs,
    require: new Set(require),
    certificates: Object.entries(certificates).map(([name, digests]) => [name, digestOf(digests)]),
  });
  return { report: report.toJson() };
}

function inMemory(files) {
  return new Map(Object.entries(files).map(([path, text]) => [path, parseBase64(text)]));
}

function logOf(log) {
  if (log === null) return null;
  if (typeof log === "string") return openLog(log);
  const files = inMemory(log);
  return new FolderLog(async (path) => {
    const data = files.get(path);
    return data ? { size: data.length, read: async (at, size) => data.subarray(at, at + size) } : null;
  });
}

function digestOf({ size, sha256, chunks }) {
  return new ItemDigest({ size, sha256: parseHex(sha256), chunks: parseHex(chunks) });
}

for await (const line of createInterface({ input: process.stdin })) {
  let answered;
  try {
    answered = await answer(JSON.parse(line));
  } catch (error) {
    if (error instanceof LedgerError) answered = { refused: error.name, message: error.message };
    else answered = { fault: error.stack ?? String(error) };
  }
  process.stdout.write(`${JSON.stringify(answered)}\n`);
}
