export { createCRC32, createSHA256, createSHA512, createSM3 } from "hash-wasm";
