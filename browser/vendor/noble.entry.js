export { ed25519 } from "@noble/curves/ed25519.js";
export { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";
