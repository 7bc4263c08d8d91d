// Packets, trust folders and copies of a log from wherever bytes can be read at an offset.
//
// Everything here is over `Bytes`: an object with `size` and `read(at, size)`, a promise of that
// many bytes. A Blob of the browser is one by `BlobBytes`; a file on a disk, for the tests, by
// `node/disk.js`.

import { clip, equalBytes, parseUtf8, repr, startsWith, utf8 } from "./encoding.js";
import { Malformed, Rejected, Unavailable, Unknown } from "./errors.js";
import {
  END64_SIZE,
  END_SIZE,
  Member,
  PREFIX,
  directory,
  localHeader,
} from "./evidence/archive.js";
import { MAX_FILES, checkPath } from "./evidence/packet.js";
import { logLabel } from "./evidence/membership.js";
import { newCrc32 } from "./suite.js";
import { Tile } from "./tlog/tile.js";

export const BLOCK = 1 << 20; // bytes in a piece
const MAX_DIRECTORY = MAX_FILES * 256;
const MAX32 = 0xffffffff;

const MAX_TRUST_FILE = 1_048_576;
const MAX_TRUST_FILES = 1024;
const MAX_LOG_FILE = 17_000_000;
const LOG_FILES = new Set(["checkpoint", "opening.dsse.json", "opening.salt"]);

// A Blob or File of the browser. Asking it takes longer than reading a small file does, so of a
// large one, such as a zip of many files, the block that was read last is kept.
export class BlobBytes {
  #kept = { start: -1, data: null };

  constructor(blob) {
    this.blob = blob;
    this.size = blob.size;
  }

  async read(at, size) {
    const start = at - (at % BLOCK);
    if (this.size <= BLOCK || at + size > start + BLOCK) return this.#slice(at, size);
    if (this.#kept.start !== start) this.#kept = { start, data: await this.#slice(start, BLOCK) };
    // Another reader may have put another block there meanwhile.
    const { start: found, data } = this.#kept;
    return found === start ? data.subarray(at - start, at - start + size) : this.#slice(at, size);
  }

  async #slice(at, size) {
    try {
      return new Uint8Array(await this.blob.slice(at, at + size).arrayBuffer());
    } catch (error) {
      // The file has been changed, moved or locked since it was chosen.
      throw new Unavailable(`cannot read a file: ${error.message}`);
    }
  }
}

// --- packets -------------------------------------------------------------------------------

// A bag as a folder: `files` is a Map from path below the bag to `Bytes`.
export class FolderPacket {
  #files;
  #sizes;

  constructor(files) {
    if (files.size >= MAX_FILES) throw new Malformed(`want at most ${MAX_FILES} files in a packet`);
    for (const path of files.keys()) checkPath(path);
    this.#files = files;
    this.#sizes = new Map([...files].map(([path, bytes]) => [path, bytes.size]));
  }

  sizes() {
    return this.#sizes;
  }

  async *stream(path) {
    const size = this.#sizes.get(path);
    for (let at = 0; at < size; ) {
      const piece = await this.read(path, at, BLOCK);
      if (!piece.length) throw new Rejected(`${path} has changed while it was read`);
      at += piece.length;
      yield piece;
    }
  }

  async read(path, at, size) {
    const left = Math.max(0, this.#sizes.get(path) - at);
    return this.#files.get(path).read(at, Math.min(size, left));
  }
}

// A bag as one zip in the form of `evidence/archive.js`.
export class ZipPacket {
  #bytes;
  #members;
  #starts;
  #sizes;

  static async open(bytes) {
    const packet = new ZipPacket();
    const members = await membersOf(bytes);
    packet.#bytes = bytes;
    packet.#starts = await checkForm(bytes, members);
    packet.#members = new Map(members.map((member) => [member.path, member]));
    packet.#sizes = new Map(members.map((member) => [member.path, member.size]));
    return packet;
  }

  // One file of it on its own, and what another worker needs to read it so.
  static ofPart(bytes, { path, size, crc, start }) {
    const packet = new ZipPacket();
    packet.#bytes = bytes;
    packet.#members = new Map([[path, new Member(path, size, crc)]]);
    packet.#starts = new Map([[path, start]]);
    packet.#sizes = new Map([[path, size]]);
    return packet;
  }

  part(path) {
    const { size, crc } = this.#members.get(path);
    return { path, size, crc, start: this.#starts.get(path) };
  }

  sizes() {
    return this.#sizes;
  }

  async *stream(path) {
    const member = this.#members.get(path);
    const crc = await newCrc32();
    for (let at = 0; at < member.size; ) {
      const piece = await this.read(path, at, BLOCK);
      if (!piece.length) throw new Rejected(`${path} ends ${member.size - at} bytes early`);
      at += piece.length;
      crc.update(piece);
      yield piece;
    }
    if (crc.digest() !== member.crc) {
      throw new Rejected(`${path} does not match its checksum in the zip`);
    }
  }

  async read(path, at, size) {
    const left = Math.max(0, this.#sizes.get(path) - at);
    return this.#bytes.read(this.#starts.get(path) + at, Math.min(size, left));
  }
}

// Raises `Unavailable` where a single file is no zip at all.
export async function openZip(bytes) {
  if (!startsWith(await bytes.read(0, 2), utf8("PK"))) {
    throw new Unavailable("this is no packet: neither a folder nor a zip");
  }
  return ZipPacket.open(bytes);
}

// Raises `Unavailable` where the files are no bag at all.
export function openFolder(files) {
  if (!files.has("bagit.txt")) throw new Unavailable("this is no packet: it has no bagit.txt");
  return new FolderPacket(files);
}

// What the central directory names; its other bytes are checked by `checkForm`.
async function membersOf(bytes) {
  const [start, end] = await directoryBounds(bytes);
  const data = await bytes.read(start, end - start);
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const members = [];
  for (let at = 0; at < data.length; ) {
    if (data.length - at < 46 || view.getUint32(at, true) !== 0x02014b50) {
      throw new Malformed("the zip's directory is damaged");
    }
    const nameSize = view.getUint16(at + 28, true);
    const extraSize = view.getUint16(at + 30, true);
    const name = data.subarray(at + 46, at + 46 + nameSize);
    const extra = at + 46 + nameSize;
    let size = view.getUint32(at + 24, true);
    // Where the extra field is cut, the headers written anew will differ.
    if (size === MAX32 && extraSize >= 12 && extra + 12 <= data.length) {
      size = small(view.getBigUint64(extra + 4, true));
    }
    members.push(new Member(memberPath(name), size, view.getUint32(at + 16, true)));
    if (members.length > MAX_FILES) {
      throw new Malformed(`want at most ${MAX_FILES} files in a packet`);
    }
    at += 46 + nameSize + extraSize;
  }
  return members;
}

async function directoryBounds(bytes) {
  const from = Math.max(0, bytes.size - END_SIZE - END64_SIZE);
  const tail = await bytes.read(from, bytes.size - from);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.length);
  const last = tail.length - END_SIZE;
  if (last < 0 || view.getUint32(last, true) !== 0x06054b50) {
    throw new Malformed("the zip is cut short, or something stands after its end");
  }
  let length = view.getUint32(last + 12, true);
  let start = view.getUint32(last + 16, true);
  let end = bytes.size - END_SIZE;
  if (last === END64_SIZE && view.getUint32(0, true) === 0x06064b50) {
    length = small(view.getBigUint64(40, true));
    start = small(view.getBigUint64(48, true));
    end -= END64_SIZE;
  }
  if (start + length !== end || length > MAX_DIRECTORY) {
    throw new Malformed("the zip's directory is not where its end record says");
  }
  return [start, end];
}

// No file here is so long that its size would not be exact.
function small(big) {
  if (big > BigInt(Number.MAX_SAFE_INTEGER)) throw new Malformed("the zip's directory is damaged");
  return Number(big);
}

function memberPath(name) {
  const text = parseUtf8(name);
  if (!text.startsWith(PREFIX)) {
    throw new Malformed(`want every file below ${repr(PREFIX)}, got ${repr(clip(text))}`);
  }
  const path = text.slice(PREFIX.length);
  checkPath(path);
  return path;
}

// Raises unless the file is, header by header, what we would write; a Map of data offsets.
async function checkForm(bytes, members) {
  // The alphabet of paths is ASCII, where `<` is the order of bytes.
  if (members.some((member, i) => i && members[i - 1].path >= member.path)) {
    throw new Malformed("want the zip's files sorted by path, each once");
  }
  const starts = new Map();
  let at = 0;
  for (const member of members) {
    const header = localHeader(member);
    if (!equalBytes(await bytes.read(at, header.length), header)) {
      throw new Malformed(`the zip's header of ${member.path} is not in the one form`);
    }
    starts.set(member.path, at + header.length);
    at += header.length + member.size;
    if (at > bytes.size) {
      throw new Malformed(`the zip is too short for ${member.size} bytes of ${member.path}`);
    }
  }
  const tail = directory(members);
  if (at + tail.length !== bytes.size) {
    throw new Malformed("the zip has bytes that belong to no file");
  }
  if (!equalBytes(await bytes.read(at, tail.length), tail)) {
    throw new Malformed("the zip's directory is not in the one form");
  }
  return starts;
}

// --- trust folders and copies of a log -----------------------------------------------------

// What `Trust.fromFiles` takes, of a Map from path below the folder to `Bytes`.
export async function readTrustFiles(files) {
  if (files.size > MAX_TRUST_FILES) {
    throw new Malformed(`want at most ${MAX_TRUST_FILES} files in a trust folder`);
  }
  const read = new Map();
  for (const [path, bytes] of files) {
    if (path.split("/").length > 2) {
      throw new Malformed(`want a file, not a link or a deeper folder: ${repr(clip(path))}`);
    }
    if (bytes.size > MAX_TRUST_FILE) {
      throw new Malformed(`want at most ${MAX_TRUST_FILE} bytes`, { path });
    }
    read.set(path, await bytes.read(0, bytes.size));
  }
  return read;
}

// A copy of one log, or a folder of copies by label; to be read and never believed. `find` gives
// the `Bytes` of a path below the folder, or null.
export class FolderLog {
  #find;
  #single;

  constructor(find) {
    this.#find = find;
  }

  // A file of the log; raises `Unknown` where there is none.
  async read(label, path) {
    if (!LOG_FILES.has(path)) Tile.fromPath(path);
    const bytes = await this.#find((await this.#folder(label)) + path);
    if (bytes === null) throw new Unknown(`no file ${repr(path)} in the log`);
    if (bytes.size > MAX_LOG_FILE) {
      throw new Malformed(`want at most ${MAX_LOG_FILE} bytes`, { path });
    }
    return bytes.read(0, bytes.size);
  }

  async #folder(label) {
    logLabel(label);
    this.#single ??= await this.#find("checkpoint");
    if (this.#single === null) return `${label}/`;
    let held;
    try {
      const head = parseUtf8(await this.#single.read(0, 1024));
      held = logLabel(head.split("\n", 1)[0]);
    } catch (error) {
      // Unreadable: whose log it is will show in its entries.
      if (error instanceof Malformed) return "";
      throw error;
    }
    if (held !== label) {
      throw new Unknown(`this is a copy of the log ${repr(held)}, not of ${repr(label)}`);
    }
    return "";
  }
}
