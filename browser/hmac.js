// HMAC-SHA-256 (RFC 2104, FIPS 180-4) of very many messages of less than a block under one key.
//
// A verdict takes 65,536 tags of each series. The two blocks that the key fills are compressed
// once; each message is then one block inside and one outside, and no call leaves this file.

const BLOCK = 64;
const ROOM = BLOCK - 9; // behind the message stand a bit and the length

// The first 32 bits of the fractional parts of the cube and square roots of the first primes.
const K = new Int32Array(64);
const H = new Int32Array(8);
for (let n = 2, i = 0; i < 64; n += 1) {
  if (!isPrime(n)) continue;
  K[i] = fraction(Math.cbrt(n));
  if (i < 8) H[i] = fraction(Math.sqrt(n));
  i += 1;
}

const W = new Int32Array(64);

// The first `size` bytes of the MAC of each of `messages`, which have at most 55 bytes each.
export function shortMacs(key, messages, size) {
  if (key.length > BLOCK) throw new RangeError(`want a key of at most ${BLOCK} bytes`);
  const inner = padded(key, 0x36363636);
  const outer = padded(key, 0x5c5c5c5c);
  const state = new Int32Array(8);
  const found = [];
  for (const message of messages) {
    if (message.length > ROOM) throw new RangeError(`want at most ${ROOM} bytes a message`);
    fill(message);
    state.set(inner);
    compress(state);
    W.set(state);
    W[8] = 0x80000000;
    W.fill(0, 9, 15);
    W[15] = 8 * (BLOCK + 32);
    state.set(outer);
    compress(state);
    found.push(bytesOf(state, size));
  }
  return found;
}

// The state after the block that a key makes with a pad.
function padded(key, pad) {
  const words = new Int32Array(16);
  for (let i = 0; i < key.length; i += 1) words[i >> 2] |= key[i] << (24 - 8 * (i & 3));
  const state = Int32Array.from(H);
  for (let i = 0; i < 16; i += 1) W[i] = words[i] ^ pad;
  compress(state);
  return state;
}

// A message as the last block behind one of 64 bytes.
function fill(message) {
  W.fill(0, 0, 15);
  const size = message.length;
  for (let i = 0; i < size; i += 1) W[i >> 2] |= message[i] << (24 - 8 * (i & 3));
  W[size >> 2] |= 0x80 << (24 - 8 * (size & 3));
  W[15] = 8 * (BLOCK + size);
}

function bytesOf(state, size) {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i += 1) bytes[i] = state[i >> 2] >>> (24 - 8 * (i & 3));
  return bytes;
}

// FIPS 180-4, 6.2.2, over the block in the first sixteen words of W.
function compress(state) {
  for (let t = 16; t < 64; t += 1) {
    const x = W[t - 15];
    const y = W[t - 2];
    const small0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const small1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    W[t] = (W[t - 16] + small0 + W[t - 7] + small1) | 0;
  }
  // Not taken apart by a pattern: that alone takes as long as everything else here.
  let a = state[0];
  let b = state[1];
  let c = state[2];
  let d = state[3];
  let e = state[4];
  let f = state[5];
  let g = state[6];
  let h = state[7];
  for (let t = 0; t < 64; t += 1) {
    const big1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const first = (h + big1 + ((e & f) ^ (~e & g)) + K[t] + W[t]) | 0;
    const big0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const second = (big0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
}

function isPrime(n) {
  for (let i = 2; i * i <= n; i += 1) if (n % i === 0) return false;
  return true;
}

function fraction(root) {
  return Math.floor((root % 1) * 2 ** 32) | 0;
}
