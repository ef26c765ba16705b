import { invariant } from "../errors.ts";

/** The most that is kept to write in between two pieces; a larger piece gets room of its own. */
const SCRATCH_BYTES_KEPT = 256 * 1024;
/**
 * Small pieces share slabs of this size: memory of its own would cost a piece more than its encoding. A
 * piece that is kept alone keeps a slab, which is why they are small.
 */
const SLAB_BYTES = 8 * 1024;
const SHARED_BYTES_MAX = SLAB_BYTES / 4;

/**
 * Room to write a piece in, and the copy of exact size that becomes of it. One piece is written at a time;
 * one thread.
 */
export class PieceWriter {
  #scratch = Buffer.allocUnsafeSlow(4 * 1024);
  #writing = this.#scratch;
  #slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #slabUsed = 0;

  /** At least `byteLength` bytes, good until `finish`. */
  begin(byteLength: number): Uint8Array {
    if (byteLength > this.#scratch.length) this.#grow(byteLength);
    return this.#writing;
  }

  /** A copy of what was written from `start` to `end`, for the receiver to keep. */
  finish(start: number, end: number): Buffer {
    const written = this.#writing;
    invariant(end <= written.length, "a piece fits the room that was asked for it");
    this.#writing = this.#scratch;
    const byteLength = end - start;
    if (byteLength > SHARED_BYTES_MAX) {
      const own = Buffer.allocUnsafeSlow(byteLength);
      written.copy(own, 0, start, end);
      return own;
    }
    if (byteLength > SLAB_BYTES - this.#slabUsed) {
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#slabUsed = 0;
    }
    const from = this.#slabUsed;
    this.#slabUsed += byteLength;
    written.copy(this.#slab, from, start, end);
    return this.#slab.subarray(from, from + byteLength);
  }

  #grow(byteLength: number): void {
    this.#writing = Buffer.allocUnsafeSlow(
      Math.max(byteLength, Math.min(2 * byteLength, SCRATCH_BYTES_KEPT)),
    );
    if (this.#writing.length <= SCRATCH_BYTES_KEPT) this.#scratch = this.#writing;
  }
}
