// Files on a disk, for tests under node: what the page gets from the browser's file dialogs.

import {
  closeSync,
  fstatSync,
  lstatSync,
  openAsBlob,
  openSync,
  readSync,
  readdirSync,
  statSync,
} from "node:fs";
import { join } from "node:path";

import { clip, repr } from "../encoding.js";
import { Malformed, Rejected, Unavailable } from "../errors.js";
import { checkPath } from "../evidence/packet.js";
import { BLOCK, BlobBytes, FolderLog, openFolder, openZip, readTrustFiles } from "../sources.js";

export class DiskBytes {
  constructor(path) {
    this.path = path;
    this.size = statSync(path).size;
  }

  async read(at, size) {
    let file;
    try {
      file = openSync(this.path, "r");
    } catch (error) {
      throw new Unavailable(`cannot read ${repr(this.path)}: ${error.message}`);
    }
    try {
      const data = new Uint8Array(Math.min(size, Math.max(0, fstatSync(file).size - at)));
      let got = 0;
      while (got < data.length) {
        const more = readSync(file, data, got, Math.min(BLOCK, data.length - got), at + got);
        if (!more) break;
        got += more;
      }
      return data.subarray(0, got);
    } finally {
      closeSync(file);
    }
  }
}

export async function openPacket(path) {
  let found;
  try {
    found = statSync(path);
  } catch (error) {
    throw new Unavailable(`cannot read ${repr(path)}: ${error.message}`);
  }
  if (found.isFile()) return openZip(new BlobBytes(await openAsBlob(path)));
  if (!found.isDirectory()) {
    throw new Unavailable(`${repr(path)} is no packet: neither a folder nor a zip`);
  }
  const files = new Map();
  collect(path, "", files, checkPath);
  return openFolder(files);
}

export async function readTrust(path) {
  const files = new Map();
  collect(path, "", files, () => {});
  return readTrustFiles(files);
}

export function openLog(path) {
  return new FolderLog(async (below) => {
    const file = join(path, below);
    return statSync(file, { throwIfNoEntry: false })?.isFile() ? new DiskBytes(file) : null;
  });
}

function collect(root, folder, files, check) {
  const names = readdirSync(join(root, folder));
  if (folder && !names.length) throw new Malformed(`no such folder in a packet: ${repr(folder)}`);
  for (const name of names) {
    const path = folder ? `${folder}/${name}` : name;
    check(path);
    const found = lstatSync(join(root, path));
    if (found.isDirectory()) collect(root, path, files, check);
    else if (found.isFile()) files.set(path, new DiskBytes(join(root, path)));
    else throw new Rejected(`${repr(clip(path))} is a link or a device, not a file`);
  }
}
