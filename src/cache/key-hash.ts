/*
 * HalfSipHash-1-3 of a key: 64 bits under a random key of the process, so that
 * nobody outside can choose URLs that meet in one bucket. (Aumasson and
 * Bernstein's 32-bit variant of SipHash: all of its arithmetic is what
 * JavaScript's integers do.) Equal hashes decide nothing: keys are compared.
 */

/** The random key: two 32-bit words. */
export type HashSeed = readonly [number, number];

/** Hashes keys; the last result is in {@link KeyHasher.low} and {@link KeyHasher.high}. */
export class KeyHasher {
  readonly #k0: number;
  readonly #k1: number;
  #last = "";
  low: number;
  high: number;

  constructor(seed: HashSeed) {
    [this.#k0, this.#k1] = seed;
    this.low = 0;
    this.high = 0;
    this.#compute("");
  }

  /** One request asks for the hash of its key several times: it is kept. */
  hash(key: string): void {
    if (key === this.#last) return;
    this.#last = key;
    this.#compute(key);
  }

  #compute(key: string): void {
    let v0 = this.#k0;
    let v1 = this.#k1 ^ 0xee; // 64 bits of output
    let v2 = 0x6c796765 ^ this.#k0;
    let v3 = 0x74656462 ^ this.#k1;
    const { length } = key;
    const whole = length & ~3;
    let at = 0;
    for (;;) {
      let word: number;
      if (at < whole) {
        word =
          key.charCodeAt(at) |
          (key.charCodeAt(at + 1) << 8) |
          (key.charCodeAt(at + 2) << 16) |
          (key.charCodeAt(at + 3) << 24);
        at += 4;
      } else {
        word = length << 24;
        for (let i = length - 1; i >= whole; i--)
          word |= key.charCodeAt(i) << ((i - whole) * 8);
        at = -1;
      }
      v3 ^= word;
      // One round (inlined: four words of state cannot be returned).
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
      if (at < 0) break;
    }
    v2 ^= 0xee;
    for (let i = 0; i < 6; i++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      if (i === 2) {
        this.low = v1 ^ v3;
        v1 ^= 0xdd;
      }
    }
    this.high = v1 ^ v3;
  }
}
