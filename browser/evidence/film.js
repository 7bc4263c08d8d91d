// Where the samples of an MP4 stand (ISO/IEC 14496-12): its tables are read for this alone.
//
// The tables are the clip maker's. Every byte of data must be of one sample of one track, and each
// sample one stretch of the original: else a film could be put together from single bytes.
// `read(at, size)` is async and gives fewer bytes only at the end of the file.

import { Malformed, Rejected } from "../errors.js";

const MAX_TABLES = 67_108_864;
const MAX_BOXES = 1000;
const MAX_FILM_SAMPLES = 2_000_000;
const ENABLED = 1; // among the flags of `tkhd`
const TABLES = ["stts", "stss", "ctts", "sdtp", "stsc", "stsz", "stco", "co64", "sgpd", "sbgp"];
// The boxes that have a place in each other, and their most bytes. No room for a cover picture.
const CHILDREN = {
  moov: { mvhd: 120, trak: MAX_TABLES, udta: 128 },
  trak: { tkhd: 104, edts: MAX_TABLES, mdia: MAX_TABLES },
  mdia: { mdhd: 44, hdlr: 128, minf: MAX_TABLES },
  minf: { vmhd: 20, smhd: 16, dinf: 36, stbl: MAX_TABLES },
  stbl: { stsd: 16_384, ...Object.fromEntries(TABLES.map((name) => [name, MAX_TABLES])) },
};
const REPEATED = ["sgpd", "sbgp"];
// A `dref` of one `url ` that says: in this file.
const IN_THIS_FILE = "\0\0\0\x1cdref\0\0\0\0\0\0\0\x01\0\0\0\x0curl \0\0\0\x01";
// Of plain sound a sample is two bytes, and pairs of bytes of any recording make any speech.
const COMPRESSED = ["avc1", "hvc1", "hev1", "mp4v", "av01", "vp09", "mp4a", "Opus", "fLaC", "alac", "ac-3", "ec-3"];
const NOTHING = new Uint8Array(0);

export async function checkFilm(read, size, pieces) {
  const [data, tables] = await outermost(read, size);
  const samples = await allSamples(tables);
  let sample = 0, piece = 0;
  for (let [start, end] of data) {
    for (; start !== end && sample < samples.length; sample++) {
      const [at, length] = samples[sample];
      if (at !== start || at + length > end) {
        throw new Rejected(`byte ${start} of the file to play is in no sample, or in two`);
      }
      while (piece < pieces.length && pieces[piece].at + pieces[piece].size <= at) piece++;
      if (piece === pieces.length || pieces[piece].at > at || pieces[piece].at + pieces[piece].size < at + length) {
        throw new Rejected(`the sample at byte ${at} is no stretch of the original`);
      }
      start += length;
    }
    if (start !== end) throw new Rejected(`byte ${start} of the file to play is in no sample`);
  }
  if (sample < samples.length) {
    throw new Rejected("the file to play has a sample twice, or one that is not in it");
  }
}

// `vide` where it plays pictures, `soun` where it plays sound: of a track that is not enabled no
// player plays anything.
export async function kinds(read, size) {
  const [, tables] = await outermost(read, size);
  const found = new Set();
  for await (const [name, trak] of named("moov", tables)) {
    if (name !== "trak") continue;
    const track = await once("trak", trak);
    const flags = track.get("tkhd") ?? NOTHING;
    if (flags.length < 4 || !(flags[3] & ENABLED)) continue;
    const media = await once("mdia", track.get("mdia") ?? NOTHING);
    found.add(latin1((media.get("hdlr") ?? NOTHING).subarray(8, 12)));
  }
  return found;
}

// Type, start and end of the content of each outermost box; they fill the file.
async function* boxes(read, size) {
  for (let at = 0; at < size; ) {
    const head = await read(at, 16);
    if (head.length < 8) throw new Malformed(`want a box at byte ${at}, and the file ends`);
    const view = viewOf(head);
    let length = view.getUint32(0), content = at + 8;
    if (length === 1 && head.length === 16) {
      // A length that a number cannot hold exactly is beyond any file.
      length = Number(view.getBigUint64(8));
      content = at + 16;
    }
    if (length < content - at || at + length > size) {
      throw new Malformed(`the box at byte ${at} has ${length} bytes, of ${size - at}`);
    }
    yield [latin1(head.subarray(4, 8)), content, at + length];
    at += length;
  }
}

async function outermost(read, size) {
  const data = [];
  let tables = null, count = 0;
  for await (const [name, start, end] of boxes(read, size)) {
    if (name === "mdat") {
      if (end > start) data.push([start, end]);
    } else if (name === "moov" && tables === null && end - start <= MAX_TABLES) {
      tables = await read(start, end - start);
    } else if ((name !== "free" || end > start) && (name !== "ftyp" || count > 0 || end - start > 64)) {
      throw new Rejected("want a file to play of one ftyp, empty free, mdat and one moov");
    }
    if (count++ === MAX_BOXES) throw new Rejected(`want a file to play of at most ${MAX_BOXES} boxes`);
  }
  if (tables === null) throw new Rejected("want a file to play with one moov");
  return [data, tables];
}

// Place and size of each sample of all tracks, as they stand in the file.
async function allSamples(tables) {
  const found = [];
  for await (const [name, track] of named("moov", tables)) {
    if (name === "trak") for (const sample of await samplesOf(track)) found.push(sample);
    if (found.length > MAX_FILM_SAMPLES) {
      throw new Rejected(`want at most ${MAX_FILM_SAMPLES} samples in a file to play`);
    }
  }
  return found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
}

async function samplesOf(track) {
  const inside = async (name, parent) => once(name, parent.get(name) ?? NOTHING);
  const media = await inside("mdia", await once("trak", track));
  const information = await inside("minf", media);
  const table = await inside("stbl", information);
  if (!["vide", "soun"].includes(latin1((media.get("hdlr") ?? NOTHING).subarray(8, 12)))) {
    throw new Rejected("want pictures and sound only in a file to play");
  }
  if (!information.has("dinf") || latin1(information.get("dinf")) !== IN_THIS_FILE) {
    throw new Rejected("want a file to play whose samples are in itself");
  }
  const described = latin1((table.get("stsd") ?? NOTHING).subarray(0, 16));
  if (described.slice(0, 8) !== "\0\0\0\0\0\0\0\x01" || !COMPRESSED.includes(described.slice(12, 16))) {
    throw new Rejected("want compressed pictures or sound");
  }
  const sizes = sizesOf(table.get("stsz") ?? NOTHING);
  const places = placesOf(table);
  const found = [];
  let next = 0, place = 0;
  for (const count of counts(table.get("stsc") ?? NOTHING, places.length)) {
    let at = places[place++];
    for (let i = 0; i < count; i++) {
      const size = next < sizes.length ? sizes[next++] : 0;
      if (size === 0) {
        throw new Rejected("the tables of the file to play have too few samples, or empty ones");
      }
      found.push([at, size]);
      at += size;
    }
  }
  if (found.length !== sizes.length) {
    throw new Rejected("the tables of the file to play have samples that are nowhere");
  }
  return found;
}

function sizesOf(content) {
  if (content.length < 12) throw new Malformed("want a table of sizes");
  const view = viewOf(content), same = view.getUint32(4), count = view.getUint32(8);
  if (count > MAX_FILM_SAMPLES) {
    throw new Rejected(`want at most ${MAX_FILM_SAMPLES} samples in a file to play`);
  }
  return same ? new Array(count).fill(same) : numbers(content.subarray(8), 1);
}

function placesOf(table) {
  if (table.has("stco") === table.has("co64")) throw new Malformed("want one table of places");
  return table.has("stco") ? numbers(table.get("stco").subarray(4), 1) : numbers(table.get("co64").subarray(4), 1, 8);
}

// How many samples stand at each place.
function* counts(content, places) {
  const rows = numbers(content.subarray(4), 3);
  const length = rows.length / 3;
  if (length ? rows[0] !== 1 || places === 0 : places !== 0) {
    throw new Rejected("want samples of one description, from the first place on");
  }
  for (let i = 0; i < length; i++) {
    if (rows[3 * i + 2] !== 1) throw new Rejected("want samples of one description, from the first place on");
  }
  for (let i = 0; i < length; i++) {
    const first = rows[3 * i], count = rows[3 * i + 1];
    const end = i + 1 < length ? rows[3 * i + 3] : places + 1;
    if (!(first < end && end <= places + 1) || !(count > 0 && count <= MAX_FILM_SAMPLES)) {
      throw new Malformed(`want places in order, got ${first} to ${end}`);
    }
    for (let n = first; n < end; n++) yield count;
  }
}

// Rows of big-endian numbers behind their count, of `width` bytes each; nothing may follow.
function numbers(content, columns, width = 4) {
  if (content.length < 4) throw new Malformed("want a table");
  const view = viewOf(content), count = view.getUint32(0);
  if (content.length !== 4 + count * columns * width || count > MAX_FILM_SAMPLES) {
    throw new Malformed(`want a table of ${count} rows, got ${content.length} bytes`);
  }
  const found = new Array(count * columns);
  for (let i = 0; i < found.length; i++) {
    // A place that a number cannot hold exactly is in no file.
    found[i] = width === 8 ? Number(view.getBigUint64(4 + i * 8)) : view.getUint32(4 + i * 4);
  }
  return found;
}

async function once(parent, content) {
  const found = new Map();
  for await (const [name, inner] of named(parent, content)) {
    if (found.has(name) && !REPEATED.includes(name)) throw new Rejected(`want one ${name} in ${parent}`);
    found.set(name, inner);
  }
  return found;
}

// The boxes in one, of the kinds and sizes that have a place there.
async function* named(parent, content) {
  const known = CHILDREN[parent];
  const read = async (at, n) => content.subarray(at, at + n);
  for await (const [name, start, end] of boxes(read, content.length)) {
    const most = Object.hasOwn(known, name) ? known[name] : 0;
    if (end - start + 8 > most) throw new Rejected(`want no ${name} of ${end - start} bytes in ${parent}`);
    yield [name, content.subarray(start, end)];
  }
}

function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// Each byte as the character of that number: names of boxes may hold any byte.
function latin1(bytes) {
  return String.fromCharCode(...bytes);
}
