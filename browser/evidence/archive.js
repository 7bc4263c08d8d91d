// The one form in which a packet is a zip: every byte follows from names, sizes, CRCs and contents.
//
// Stored, sorted by path below `packet/`, nothing before, between or after. A reader writes the
// headers anew and compares: nothing else can hide in the file, and no two zip programs can see
// two different packets in it. PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5.

import { concat, joined, utf8 } from "../encoding.js";

export const PREFIX = "packet/";

const UTF8 = 0x0800;
const DAY_ONE = (1 << 5) | 1; // 1980-01-01
const UNIX = 3 << 8;
const FILE_0644 = 0o100644 * 65536; // `<<` would make it negative
const PLAIN = 20;
const ZIP64 = 45;
const MAX32 = 0xffffffff;
const MAX16 = 0xffff;

export const END_SIZE = 22;
export const END64_SIZE = 56 + 20;

// A stored file; `path` without the prefix.
export class Member {
  constructor(path, size, crc) {
    Object.assign(this, { path, size, crc });
  }

  get name() {
    return utf8(PREFIX + this.path);
  }

  get big() {
    return this.size >= MAX32;
  }
}

export function localHeader(member) {
  const { name, size, big } = member;
  const extra = big ? concat(u16(1, 16), u64(size, size)) : u16();
  const short = big ? MAX32 : size;
  return concat(
    utf8("PK\x03\x04"),
    u16(big ? ZIP64 : PLAIN, UTF8, 0, 0, DAY_ONE),
    u32(member.crc, short, short),
    u16(name.length, extra.length),
    name,
    extra,
  );
}

export function centralHeader(member, offset) {
  const { name, size, big } = member;
  const wide = [...(big ? [size, size] : []), ...(offset >= MAX32 ? [offset] : [])];
  const extra = wide.length ? concat(u16(1, 8 * wide.length), u64(...wide)) : u16();
  const version = wide.length ? ZIP64 : PLAIN;
  const short = big ? MAX32 : size;
  return concat(
    utf8("PK\x01\x02"),
    u16(UNIX | version, version, UTF8, 0, 0, DAY_ONE),
    u32(member.crc, short, short),
    u16(name.length, extra.length, 0, 0, 0),
    u32(FILE_0644, Math.min(offset, MAX32)),
    name,
    extra,
  );
}

// Everything after the last file: the central directory and its end records.
export function directory(members) {
  const parts = [];
  let offset = 0;
  for (const member of members) {
    parts.push(centralHeader(member, offset));
    offset += localHeader(member).length + member.size;
  }
  const central = joined(parts);
  return concat(central, endRecords(members.length, central.length, offset));
}

function endRecords(count, size, offset) {
  const end64 = concat(
    utf8("PK\x06\x06"),
    u64(44),
    u16(UNIX | ZIP64, ZIP64),
    u32(0, 0),
    u64(count, count, size, offset),
    utf8("PK\x06\x07"),
    u32(0),
    u64(offset + size),
    u32(1),
  );
  const end = concat(
    utf8("PK\x05\x06"),
    u16(0, 0, Math.min(count, MAX16), Math.min(count, MAX16)),
    u32(Math.min(size, MAX32), Math.min(offset, MAX32)),
    u16(0),
  );
  return count >= MAX16 || size >= MAX32 || offset >= MAX32 ? concat(end64, end) : end;
}

// Little-endian numbers, back to back.
function numbers(size, set) {
  return (...values) => {
    const data = new Uint8Array(size * values.length);
    const view = new DataView(data.buffer);
    for (const [i, value] of values.entries()) set(view, i * size, value);
    return data;
  };
}
const u16 = numbers(2, (view, at, value) => view.setUint16(at, value, true));
const u32 = numbers(4, (view, at, value) => view.setUint32(at, value, true));
const u64 = numbers(8, (view, at, value) => view.setBigUint64(at, BigInt(value), true));
