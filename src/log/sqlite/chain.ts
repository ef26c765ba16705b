import { hash } from "node:crypto";
import { LINK_BYTES } from "../record-group.ts";

/**
 * Each record's digest covers its place, its bytes and the digest before it: a row that was changed, moved, left out or taken
 * from another log does not fit the chain. SHA-256, shortened to 160 bits; it guards against damage, not against who can write the file.
 */
export type Digest = Uint8Array;

export const DIGEST_BYTES = 20;
const INDEX_AT = 24;

/** The digest before the first record of a log that is new. */
export function firstDigest(logId: string): Digest {
  return digestOf(new TextEncoder().encode(`depthcast order log ${logId}`));
}

/** The digest after a record. `slot` is the record behind room for its link, which is written. */
export function linkedDigest(slot: Uint8Array, index: number, previous: Digest): Digest {
  slot.set(previous, 0);
  slot.fill(0, DIGEST_BYTES, INDEX_AT);
  new DataView(slot.buffer, slot.byteOffset, LINK_BYTES).setFloat64(INDEX_AT, index, true);
  return digestOf(slot);
}

export function digestOf(bytes: Uint8Array): Digest {
  return hash("sha256", bytes, "buffer").subarray(0, DIGEST_BYTES);
}

export function sameDigest(a: Digest, b: Digest): boolean {
  return a.length === b.length && a.every((byte, place) => byte === b[place]);
}

export function digestText(digest: Digest): string {
  return Buffer.from(digest.buffer, digest.byteOffset, digest.byteLength).toString("hex");
}
