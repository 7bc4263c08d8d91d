// What a worker of the page does: the check of a packet, and for it, in further workers, the
// digests of large files. Nothing here touches the page.

import { formatHex } from "../encoding.js";
import { LedgerError, Malformed, Rejected, Unavailable, Unknown } from "../errors.js";
import { ItemHasher } from "../evidence/chunks.js";
import { Trust } from "../evidence/trust.js";
import {
  BLOCK,
  BlobBytes,
  FolderLog,
  FolderPacket,
  ZipPacket,
  openFolder,
  openZip,
  readTrustFiles,
} from "../sources.js";
import { digestFile } from "../verdict/container.js";
import { Examination } from "../verdict/examination.js";
import { NOT_CHECKED, examinePacket } from "../verify.js";
import { pictureOf } from "./picture.js";
import { packetReference } from "./reference.js";
import { unzip } from "./unzip.js";
import { startWorker } from "./workers.js";

const LARGE = 4 << 20; // bytes from which on a file is worth another worker
const TELL_MS = 100;

export function serve() {
  const deeds = { verify, digest: digestSingle, hash: hashPart };
  addEventListener("message", async ({ data }) => {
    try {
      await deeds[data.kind](data);
    } catch (error) {
      // Anything but a refusal is a fault of this program, and never a verdict.
      const kind = error instanceof LedgerError ? "unreadable" : "fault";
      postMessage({ kind, message: String(error?.message ?? error) });
    }
  });
  postMessage({ kind: "ready" });
}

async function verify({ packet: given, trust: folder, log: copy, options, script }) {
  const trust = await Trust.fromFiles(await trustFiles(folder));
  const packet = await openPacket(given);
  const partOf = partsOf(given, packet);
  const total = [...packet.sizes().values()].reduce((sum, size) => sum + size, 0);
  const onBytes = progress(total);
  const log = copy === null ? null : openLog(copy);
  const ex = new Examination({ packet, trust, log, onBytes, atMs: options.atMs });
  const pool = openPool(onBytes, script);
  const items = new Map();
  ex.atOnce = pool.size;
  ex.digestFile = async (path) => {
    const large = packet.sizes().get(path) >= LARGE;
    const digests = large
      ? await pool.digest(partOf(path))
      : await digestFile(packet, path, onBytes);
    if (path.startsWith("data/items/")) items.set(path, digests);
    return digests;
  };
  const onStep = (name) => postMessage({ kind: "step", name });
  const report = (await examinePacket(ex, new Set(options.require), onStep)).toJson();
  pool.end();
  const { picture, proven } = await pictureOf(ex, report, items);
  postMessage({
    kind: "verdict",
    verdict: {
      report,
      reference: await packetReference(report.packet),
      notChecked: NOT_CHECKED.map(({ en, zh }) => ({ en, zh })),
      picture,
      proven: new Map(
        proven.map((path) => [path, { blob: blobOf(partOf(path)), leaves: ex.leaves.get(path) }]),
      ),
    },
  });
}

// --- what was given ------------------------------------------------------------------------

const bytesByPath = (files) => new Map(files.map(({ path, file }) => [path, new BlobBytes(file)]));

async function trustFiles({ zip, files }) {
  if (!zip) return readTrustFiles(bytesByPath(files));
  const members = [...(await unzip(zip))];
  return readTrustFiles(
    bytesByPath(members.map(([path, data]) => ({ path, file: new Blob([data]) }))),
  );
}

// A packet whose outer form is refused is judged all the same: its report says why.
async function openPacket({ zip, files }) {
  try {
    return await (zip ? openZip(new BlobBytes(zip)) : openFolder(bytesByPath(files)));
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof Rejected)) throw error;
    return new Refused(error);
  }
}

// Told when it is asked for its files, as the first step does.
class Refused {
  #error;
  #asked = false;

  constructor(error) {
    this.#error = error;
  }

  sizes() {
    // Once before, by who counts the bytes.
    if (this.#asked) throw this.#error;
    this.#asked = true;
    return new Map();
  }
}

// A copy without a checkpoint is none: another folder was chosen.
function openLog({ name, files }) {
  const all = bytesByPath(files);
  const folder = new FolderLog(async (path) => all.get(path) ?? null);
  return {
    async read(label, path) {
      try {
        return await folder.read(label, path);
      } catch (error) {
        if (!(error instanceof Unknown && path === "checkpoint")) throw error;
        throw new Unavailable(`no copy of the log ${label} in '${name}': ${error.message}`);
      }
    },
  };
}

// --- digests in other workers --------------------------------------------------------------

// Of a path its file on its own, as it can be sent to another worker.
function partsOf({ zip, files }, packet) {
  if (zip) return (path) => ({ path, blob: zip, member: packet.part(path) });
  const blobs = new Map(files.map(({ path, file }) => [path, file]));
  return (path) => ({ path, blob: blobs.get(path), member: null });
}

const sourceOf = ({ path, blob, member }) =>
  member
    ? ZipPacket.ofPart(new BlobBytes(blob), member)
    : new FolderPacket(new Map([[path, new BlobBytes(blob)]]));

const blobOf = ({ blob, member }) =>
  member ? blob.slice(member.start, member.start + member.size) : blob;

async function hashPart({ part }) {
  const onBytes = (size) => postMessage({ kind: "bytes", size });
  const { found, leaves, refused } = await digestFile(sourceOf(part), part.path, onBytes);
  postMessage({ kind: "hashed", found: { ...found }, leaves, refused });
}

// Up to four workers, started when they are wanted; each takes one file at a time.
function openPool(onBytes, script) {
  const size = Math.min(4, Math.max(2, navigator.hardwareConcurrency ?? 2));
  const idle = [];
  const workers = [];

  function start() {
    const task = {};
    const worker = startWorker(
      {
        bytes: ({ size: read }) => onBytes(read),
        hashed: (digests) => task.done(digests),
        unreadable: ({ message }) => task.failed(new Unavailable(message)),
        fault: ({ message }) => task.failed(new Error(message)),
      },
      script,
    );
    workers.push(worker);
    return { worker, task };
  }

  return {
    size,
    async digest(part) {
      const one = idle.pop() ?? start();
      const digests = await new Promise((done, failed) => {
        Object.assign(one.task, { done, failed });
        one.worker.send({ kind: "hash", part });
      });
      idle.push(one);
      return digests;
    },
    end: () => workers.forEach((worker) => worker.end()),
  };
}

// --- a single file -------------------------------------------------------------------------

async function digestSingle({ file }) {
  const bytes = new BlobBytes(file);
  const onBytes = progress(file.size);
  const hasher = await ItemHasher.begin();
  for (let at = 0; at < file.size;) {
    const piece = await bytes.read(at, BLOCK);
    await hasher.update(piece);
    at += piece.length;
    onBytes(piece.length);
  }
  const { sha256, chunks } = await hasher.finish();
  const leaves = hasher.leaves;
  postMessage({ kind: "digested", sha256: formatHex(sha256), root: formatHex(chunks), leaves });
}

function progress(total) {
  let done = 0;
  let told = 0;
  return (size) => {
    done += size;
    if (done < total && Date.now() - told < TELL_MS) return;
    told = Date.now();
    postMessage({ kind: "progress", done, total });
  };
}
