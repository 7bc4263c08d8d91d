// What a person gave the page: a zip or the files of a folder, and which of the three it is.

import { Malformed } from "../errors.js";
import { pathsIn } from "./unzip.js";

const MAX_GIVEN = 500_000;

/** A folder that was chosen: paths without the folder's own name. */
export function chosenFolder(list) {
  const files = [...list].map((file) => ({
    path: file.webkitRelativePath.split("/").slice(1).join("/"),
    file,
  }));
  return { name: list[0]?.webkitRelativePath.split("/")[0] ?? "", files };
}

export const chosenFile = (file) => ({ name: file.name, zip: file });

/** All that was dropped, each folder and file on its own. To be called while the event lasts. */
export function dropped(transfer) {
  const files = [...transfer.items].filter((item) => item.kind === "file");
  return Promise.all(files.map(opened));
}

// From a page that is a file itself Chromium reads a dropped folder by its handle only, Firefox and
// Safari by its entry only.
function opened(item) {
  const entry = item.webkitGetAsEntry();
  if (!entry?.isDirectory) return chosenFile(item.getAsFile());
  const handle = item.getAsFileSystemHandle?.();
  return handle
    ? handle.then((folder) => collected(entry.name, folder, ofHandle))
    : collected(entry.name, entry, ofEntry);
}

async function collected(name, top, childrenOf) {
  const files = [];
  const pending = [[top, ""]];
  while (pending.length) {
    const [folder, prefix] = pending.pop();
    for (const { child, file } of await childrenOf(folder)) {
      if (file) files.push({ path: prefix + child.name, file });
      else pending.push([child, `${prefix}${child.name}/`]);
      if (files.length + pending.length > MAX_GIVEN) throw new RangeError(`want at most ${MAX_GIVEN} files`);
    }
  }
  return { name, files };
}

async function ofHandle(folder) {
  const all = [];
  for await (const child of folder.values()) {
    all.push({ child, file: child.kind === "file" ? await child.getFile() : null });
  }
  return all;
}

async function ofEntry(folder) {
  const reader = folder.createReader();
  const all = [];
  for (;;) {
    // A reader hands out some at a time, and none at the end.
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return all;
    for (const child of some) {
      const file = child.isFile
        ? await new Promise((done, failed) => child.file(done, failed))
        : null;
      all.push({ child, file });
    }
  }
}

/**
 * By its form: 'packet', 'trust', 'log', or 'single' for any other file. A folder that holds
 * several of them is none of them: a trust folder on the packet's disc is the party's, not yours.
 */
export async function kindOf(given) {
  if (given.zip) return kindOfZip(given.zip);
  const paths = new Set(given.files.map(({ path }) => path));
  if (paths.has("bagit.txt")) return "packet";
  if (isTrust(paths)) return "trust";
  if ([...paths].some((path) => /^(?:[^/]+\/)?checkpoint$/u.test(path))) return "log";
  return null;
}

const isTrust = (paths) => paths.has("logs") && paths.has("registrar.vkey");

async function kindOfZip(file) {
  const head = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  const start = new TextDecoder("latin1").decode(head);
  if (!start.startsWith("PK\x03\x04")) return "single";
  const name = start.slice(30, 30 + head[26] + 256 * head[27]);
  if (name.startsWith("packet/")) return "packet";
  try {
    return isTrust(await pathsIn(file)) ? "trust" : "single";
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return "single";
  }
}
