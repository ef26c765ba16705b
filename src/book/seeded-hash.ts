/**
 * Hashes of names and pages that come from strangers, keyed with a seed that they do not know.
 *
 * - Two words (ids, page numbers): simple tabulation, eight tables of 256 random words. For any set of
 *   inputs chosen without knowing the tables, linear probing takes constant expected time
 *   (Pătraşcu and Thorup, "The Power of Simple Tabulation Hashing", 2012), structured ids included.
 * - Bytes (order keys): HalfSipHash-1-3 (Aumasson and Bernstein), a keyed function made against chosen
 *   collisions.
 */
export class SeededHash {
  readonly seed: number;
  readonly #tables = new Int32Array(8 * 256);
  readonly #key0: number;
  readonly #key1: number;

  constructor(seed: number) {
    this.seed = seed;
    const next = randomWords(seed);
    for (let i = 0; i < this.#tables.length; i++) this.#tables[i] = next();
    this.#key0 = next();
    this.#key1 = next();
  }

  /** The hash of a 64-bit value, given as two 32-bit words; an int32. */
  ofWords(low: number, high: number): number {
    const tables = this.#tables;
    return (
      tables[low & 255]! ^
      tables[256 | ((low >>> 8) & 255)]! ^
      tables[512 | ((low >>> 16) & 255)]! ^
      tables[768 | (low >>> 24)]! ^
      tables[1024 | (high & 255)]! ^
      tables[1280 | ((high >>> 8) & 255)]! ^
      tables[1536 | ((high >>> 16) & 255)]! ^
      tables[1792 | (high >>> 24)]!
    );
  }

  /** The hash of `length` (at most 255) bytes from `offset`; an int32. */
  ofBytes(bytes: Uint8Array, offset: number, length: number): number {
    let v0 = this.#key0;
    let v1 = this.#key1;
    let v2 = 0x6c796765 ^ v0;
    let v3 = 0x74656462 ^ v1;
    const words = (length >> 2) + 1;
    // After the words come three rounds without input.
    for (let round = 0; round < words + 3; round++) {
      const word = round < words ? messageWord(bytes, offset, length, round) : 0;
      if (round === words) v2 ^= 0xff;
      v3 ^= word;
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
    }
    return v1 ^ v3;
  }
}

/** Little-endian word `index`; the last one carries the bytes left over and the length. */
function messageWord(bytes: Uint8Array, offset: number, length: number, index: number): number {
  const at = offset + index * 4;
  const left = length - index * 4;
  if (left >= 4) {
    return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }
  let word = length << 24;
  if (left > 2) word |= bytes[at + 2]! << 16;
  if (left > 1) word |= bytes[at + 1]! << 8;
  if (left > 0) word |= bytes[at]!;
  return word;
}

/** splitmix32: equidistributed words from one seed. */
function randomWords(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let word = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
    return word ^ (word >>> 15);
  };
}

let latest: SeededHash | undefined;

/** The hash of a seed. All books of a process have one seed, so the tables (8 KB) are made once for all. */
export function seededHash(seed: number): SeededHash {
  if (latest?.seed !== seed) latest = new SeededHash(seed);
  return latest;
}
