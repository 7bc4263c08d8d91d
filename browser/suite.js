// The only file that names an algorithm. Everything else says `digest` and `verify`.
//
// Hashes answer at once, and are hash-wasm's: WebCrypto has no running SHA-256, no SM3, and for
// small messages takes longer to ask than to compute. Only `bigDigest` and signatures are async.
// Ed25519 is WebCrypto's where there is one, ML-DSA-44 is noble's, RSA is four lines of BigInt.

import {
  bigFromBytes,
  concat,
  equalBytes,
  formatBase64,
  formatHex,
  parseBase64,
  parseUtf8,
  splitLines,
  toBytes,
  utf8,
} from "./encoding.js";
import { Malformed, Rejected, Unavailable } from "./errors.js";
import { createCRC32, createSHA256, createSHA512, createSM3 } from "./vendor/hash-wasm.js";
import { ed25519, ml_dsa44 } from "./vendor/noble.js";

export const DIGEST_SIZE = 32;
export const STRONG_SIZE = 64;

// --- hashes --------------------------------------------------------------------------------

// Each use of these begins and ends within one call, so one of each serves all.
const SHA256 = await createSHA256();
const SHA512 = await createSHA512();

// SHA-256.
export function digest(data) {
  return SHA256.init().update(data).digest("binary");
}

// SHA-256 of prefix ‖ message, for each of many small ones.
export function digests(prefix, messages) {
  return Array.from(messages, (message) =>
    SHA256.init().update(prefix).update(message).digest("binary"),
  );
}

// SHA-512: what proofs are renewed with, before SHA-256 ends.
export function strongDigest(data) {
  return SHA512.init().update(data).digest("binary");
}

// SHA-256 of as much as a chunk, by WebCrypto: another thread computes it meanwhile.
export async function bigDigest(data) {
  if (!globalThis.crypto?.subtle) return digest(data);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data));
}

// Made once and used again: making one takes longer than a small file does.
const IDLE = new Map();

async function begin(create) {
  const hash = IDLE.get(create)?.pop() ?? (await create());
  hash.init();
  const end = (form) => {
    const found = hash.digest(form);
    if (!IDLE.has(create)) IDLE.set(create, []);
    IDLE.get(create).push(hash);
    return found;
  };
  return { update: (data) => void hash.update(data), digest: () => end("binary"), hex: () => end("hex") };
}

// Running digests: `update` as often as needed, `digest` once. SHA-256.
export function newDigest() {
  return begin(createSHA256);
}

// SHA-512.
export function newStrongDigest() {
  return begin(createSHA512);
}

// SM3 (GB/T 32905).
export function newSm3() {
  return begin(createSM3);
}

// The CRC-32 of zips; its `digest` is a Number.
export async function newCrc32() {
  const running = await begin(createCRC32);
  return { update: running.update, digest: () => Number.parseInt(running.hex(), 16) };
}

// HMAC-SHA-256 of many small messages.
export { shortMacs } from "./hmac.js";

// MGF1 with SHA-256 (RFC 8017, B.2.1): `length` bytes that nobody chose.
export function mask(seed, length) {
  const blocks = Array.from({ length: Math.ceil(length / DIGEST_SIZE) }, (_, i) =>
    digest(concat(seed, toBytes(i, 4))),
  );
  return concat(...blocks).subarray(0, length);
}

// --- Ed25519 -------------------------------------------------------------------------------

const PRIME = 2n ** 255n - 19n;

// The points of order 1, 2, 4 and 8, and other spellings of them: with such a key anyone can
// make a signature. Without the sign of x, which stands in the highest bit of the last byte.
const LOW_ORDER = new Set([
  "0100000000000000000000000000000000000000000000000000000000000000",
  "0000000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
]);

// Refuses a key under which more than one person could sign.
export function ed25519CheckKey(key) {
  if (key.length !== 32) throw new Malformed(`want 32 bytes of Ed25519 key, got ${key.length}`);
  const unsigned = Uint8Array.from(key);
  unsigned[31] &= 0x7f;
  if (LOW_ORDER.has(formatHex(unsigned))) {
    throw new Rejected("an Ed25519 key of low order: anyone can sign for it");
  }
  if (bigFromBytes(unsigned.reverse()) >= PRIME) {
    throw new Rejected("an Ed25519 key in a second spelling: want y below 2^255 - 19");
  }
}

// Raises `Rejected`; 64-byte signatures only.
export async function ed25519Verify(key, signature, message) {
  // Some browsers have no Ed25519, and some refuse more than RFC 8032 does: a no is asked again.
  if (await ed25519ByWebCrypto(key, signature, message)) return;
  if (!ed25519Plain(key, signature, message)) throw new Rejected("the signature does not match");
}

async function ed25519ByWebCrypto(key, signature, message) {
  try {
    const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", imported, signature, message);
  } catch {
    return false;
  }
}

// RFC 8032, 5.1.7, without the cofactor, as OpenSSL has it: noble's own check multiplies by eight,
// and so takes signatures of keys with a part of low order that others refuse.
export function ed25519Plain(key, signature, message) {
  if (signature.length !== 64) return false;
  const s = bigFromBytes(signature.slice(32).reverse());
  if (s >= ed25519.Point.Fn.ORDER) return false;
  let negated;
  try {
    negated = ed25519.Point.fromBytes(key, true).negate();
  } catch {
    return false; // no point of the curve
  }
  const r = signature.subarray(0, 32);
  const k = bigFromBytes(strongDigest(concat(r, key, message)).reverse()) % ed25519.Point.Fn.ORDER;
  const base = s ? ed25519.Point.BASE.multiplyUnsafe(s) : ed25519.Point.ZERO;
  const point = k ? base.add(negated.multiplyUnsafe(k)) : base;
  return equalBytes(point.toBytes(), r);
}

// --- ML-DSA-44 -----------------------------------------------------------------------------

export function mldsaCheckKey(key) {
  if (key.length !== 1312) throw new Malformed(`want 1312 bytes of ML-DSA-44 key, got ${key.length}`);
}

// Raises `Rejected`; 2420-byte signatures, empty context.
export async function mldsaVerify(key, signature, message) {
  const sized = key.length === 1312 && signature.length === 2420;
  if (!sized || !ml_dsa44.verify(signature, message, key)) {
    throw new Rejected("the signature does not match");
  }
}

// --- SM2 -----------------------------------------------------------------------------------

const SM2_P = 0xfffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffffn;
const SM2_B = 0x28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93n;
const SM2_ORDER = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n;
const SM2_GENERATOR_X = 0x32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7n;

// Its one spelling, a point of the curve, and not one that everybody can sign with.
export function sm2CheckKey(key) {
  if (key.length !== 65 || key[0] !== 4) {
    throw new Malformed(`want an SM2 key of 65 bytes that begins with 04, got ${key.length}`);
  }
  const [x, y] = [bigFromBytes(key.subarray(1, 33)), bigFromBytes(key.subarray(33))];
  if (x === SM2_GENERATOR_X) throw new Rejected("an SM2 key whose private half everyone knows");
  if (x >= SM2_P || y >= SM2_P) {
    throw new Rejected("an SM2 key in a second spelling: want x and y below p");
  }
  if ((y * y - (x * x - 3n) * x - SM2_B) % SM2_P !== 0n) {
    throw new Rejected("an SM2 key that is no point of the curve: nobody can sign for it");
  }
}

// Never good: what is not a signature at all is refused, everything else is not told here.
export async function sm2Verify(key, signature, message) {
  if (signature.length !== 64) {
    throw new Rejected(`want 64 bytes of SM2 signature, got ${signature.length}`);
  }
  for (const half of [signature.subarray(0, 32), signature.subarray(32)]) {
    const number = bigFromBytes(half);
    if (number <= 0n || number >= SM2_ORDER) throw new Rejected("an SM2 signature out of range");
  }
  throw new Unavailable("SM2 cannot be computed: no library for it is in use");
}

// --- RSA of the series keys ----------------------------------------------------------------

export const SERIES_BITS = 3072;
export const SERIES_EXPONENT = 65537;

const SERIES_SIZE = SERIES_BITS / 8;
// SubjectPublicKeyInfo of such a key, before and behind its modulus.
const SERIES_HEAD = bytesOfHex("308201a2300d06092a864886f70d01010105000382018f003082018a0282018100");
const SERIES_TAIL = bytesOfHex("0203010001");
// What stands between padding and digest: the DigestInfo of SHA-256 (RFC 8017, 9.2).
const DIGEST_INFO = bytesOfHex("3031300d060960864801650304020105000420");

// SubjectPublicKeyInfo PEM, the one spelling that `seriesModulus` accepts.
export function seriesPublicPem(modulus) {
  const der = concat(SERIES_HEAD, toBytes(modulus, SERIES_SIZE), SERIES_TAIL);
  const lines = formatBase64(der).match(/.{1,64}/g);
  const all = ["-----BEGIN PUBLIC KEY-----", ...lines, "-----END PUBLIC KEY-----", ""];
  return utf8(all.join("\n"));
}

// n of a 3,072-bit RSA key with exponent 65537; refuses every other key and spelling.
export function seriesModulus(pem) {
  const refusal = new Malformed("want the one PEM spelling of an RSA public key of 3072 bits");
  let der;
  try {
    der = parseBase64(splitLines(parseUtf8(pem)).slice(1, -1).join(""));
  } catch (error) {
    if (error instanceof Malformed) throw refusal;
    throw error;
  }
  const n = bigFromBytes(der.subarray(SERIES_HEAD.length, -SERIES_TAIL.length));
  const right = n >> BigInt(SERIES_BITS - 1) === 1n && n & 1n;
  if (!right || !equalBytes(seriesPublicPem(n), pem)) throw refusal;
  return n;
}

// RSASSA-PKCS1-v1_5. Raises `Rejected` unless `signature` to the 65537th power is the padded
// digest, exactly: nothing is parsed, so nothing can hide behind the digest or in the padding.
export async function seriesVerify(modulus, signature, message) {
  const number = bigFromBytes(signature);
  const padding = new Uint8Array(SERIES_SIZE - 3 - DIGEST_INFO.length - DIGEST_SIZE).fill(0xff);
  const wanted = concat([0, 1], padding, [0], DIGEST_INFO, digest(message));
  if (
    signature.length !== SERIES_SIZE ||
    number >= modulus ||
    raised(number, modulus) !== bigFromBytes(wanted)
  ) {
    throw new Rejected("the series signature does not match the name");
  }
}

// To the power of 65537 = 2^16 + 1.
export function raised(number, modulus) {
  let power = number;
  for (let i = 0; i < 16; i += 1) power = (power * power) % modulus;
  return (power * number) % modulus;
}

function bytesOfHex(text) {
  return Uint8Array.from(text.match(/../g), (digits) => Number.parseInt(digits, 16));
}
