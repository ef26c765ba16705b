/** Texts of more bytes are not cached. */
const TEXT_BYTES_MAX = 64;
const SLOTS = 512;

/**
 * Short ASCII texts that come again and again, as symbols and producers do: the string made at the first
 * time is given out again, so that nothing is decoded. Each text has one slot by its hash, and the newest
 * text of a slot stands in it: a stranger who wants to can only make it useless, and it holds 32 KiB at most.
 */
export class TextCache {
  readonly #texts: string[] = Array.from({ length: SLOTS }, () => "");

  /** The text of these bytes, or undefined where it is long or not ASCII. */
  read(bytes: Uint8Array, start: number, end: number): string | undefined {
    const byteLength = end - start;
    if (byteLength > TEXT_BYTES_MAX) return undefined;
    let hash = byteLength;
    let bits = 0;
    for (let at = start; at < end; at++) {
      const byte = bytes[at] as number;
      hash = (Math.imul(hash, 31) + byte) | 0;
      bits |= byte;
    }
    if (bits > 0x7f) return undefined;
    const slot = (hash ^ (hash >>> 9) ^ (hash >>> 18)) & (SLOTS - 1);
    const known = this.#texts[slot] as string;
    if (isTextOf(known, bytes, start, byteLength)) return known;
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, byteLength).toString("latin1");
    this.#texts[slot] = text;
    return text;
  }
}

function isTextOf(text: string, bytes: Uint8Array, start: number, byteLength: number): boolean {
  if (text.length !== byteLength) return false;
  let at = 0;
  while (at < byteLength && text.charCodeAt(at) === bytes[start + at]) at++;
  return at === byteLength;
}
