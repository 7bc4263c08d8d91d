// The trust folder as a zip that any program made: yours, so read plainly, but within bounds.
// Packets are never read with this: see `sources`.

import { Malformed } from "../errors.js";
import { newCrc32 } from "../suite.js";

const MAX_ZIP = 64 << 20;
const MAX_FILES = 2000;

/** Paths and bytes; a folder around all of them is taken off. */
export async function unzip(blob) {
  const { data, view } = await opened(blob);
  const files = new Map();
  let left = MAX_ZIP;
  for (const member of membersOf(data, view)) {
    if (member.path.endsWith("/")) continue;
    if (files.has(member.path)) throw new Malformed(`the zip holds ${member.path} twice`);
    if (files.size === MAX_FILES) throw new Malformed(`want at most ${MAX_FILES} files in a zip`);
    const bytes = await unpacked(data, view, member, left);
    left -= bytes.length;
    files.set(member.path, bytes);
  }
  return withoutFolder(files);
}

/** The paths alone. */
export async function pathsIn(blob) {
  const { data, view } = await opened(blob);
  const paths = Array.from(membersOf(data, view), ({ path }) => [path, null]);
  return new Set(withoutFolder(new Map(paths.filter(([path]) => !path.endsWith("/")))).keys());
}

async function opened(blob) {
  if (blob.size > MAX_ZIP) throw new Malformed(`want at most ${MAX_ZIP} bytes in a zip`);
  const data = new Uint8Array(await blob.arrayBuffer());
  return { data, view: new DataView(data.buffer) };
}

function* membersOf(data, view) {
  try {
    yield* listed(data, view);
  } catch (error) {
    // Behind the end of the data, or no UTF-8.
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    throw new Malformed("the directory is broken");
  }
}

function* listed(data, view) {
  let end = data.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) throw new Malformed("want a zip, and found no end of one");
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left -= 1) {
    if (view.getUint32(at, true) !== 0x02014b50) throw new Malformed("the directory is broken");
    const name = view.getUint16(at + 28, true);
    yield {
      path: new TextDecoder("utf-8", { fatal: true }).decode(
        data.subarray(at + 46, at + 46 + name),
      ),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    };
    at += 46 + name + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
}

async function unpacked(data, view, member, left) {
  const { path, method, packed, offset } = member;
  if (offset + 30 > data.length) throw new Malformed("the directory is broken");
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  const bytes = data.subarray(start, start + packed);
  if (method !== 0 && method !== 8) throw new Malformed(`${path}: packed in a way not known here`);
  const stream = new Blob([bytes]).stream();
  const plain = method ? stream.pipeThrough(new DecompressionStream("deflate-raw")) : stream;
  const pieces = [];
  const crc = await newCrc32();
  let size = 0;
  for (const reader = plain.getReader(); ;) {
    const { done, value } = await piece(reader, path);
    if (done) break;
    size += value.length;
    if (size > left) throw new Malformed(`want at most ${MAX_ZIP} bytes in a zip`);
    crc.update(value);
    pieces.push(value);
  }
  // A zip damaged on its way would else be a folder that trusts others.
  if (crc.digest() !== member.crc || size !== member.size) throw damaged(path);
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

async function piece(reader, path) {
  try {
    return await reader.read();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw damaged(path);
  }
}

const damaged = (path) => new Malformed(`${path} is damaged in the zip`);

function withoutFolder(files) {
  const tops = new Set([...files.keys()].map((path) => path.split("/")[0]));
  if (tops.size !== 1 || files.has([...tops][0])) return files;
  const length = [...tops][0].length + 1;
  return new Map([...files].map(([path, bytes]) => [path.slice(length), bytes]));
}
