import type { Dialect } from "../../broadcast/consumer.ts";
import { layOutFrames } from "./frame-layout.ts";

/** The bytes of one flush for a client. Shared: not to be changed. */
export interface Frames {
  readonly pieces: readonly Uint8Array[];
  readonly buffers: readonly Buffer[];
  readonly byteLength: number;
}

/** Different lists of pieces that begin with the same one and are kept, which is as many as its clients' sets. */
const LISTS_PER_PIECE_MAX = 8;

/**
 * Frames around pieces, built once for all clients that are sent the same pieces: a frame from the server is
 * unmasked, so that it is the same for each. Kept for as long as the first piece is, which is until its view
 * changes.
 */
export class SharedFrames {
  readonly #responseBytesMax: number;
  readonly #byFirst = new WeakMap<Uint8Array, Frames[]>();
  /** Clients of one view follow each other. */
  #last: Frames = NONE;

  constructor(responseBytesMax: number) {
    this.#responseBytesMax = responseBytesMax;
  }

  /** @param pieces at least one; not to be changed afterwards */
  around(dialect: Dialect, pieces: readonly Uint8Array[]): Frames {
    // No piece is of two dialects, so the pieces alone tell the frames.
    if (!areSame(this.#last.pieces, pieces)) this.#last = this.#find(dialect, pieces);
    return this.#last;
  }

  #find(dialect: Dialect, pieces: readonly Uint8Array[]): Frames {
    const first = pieces[0] as Uint8Array;
    const known = this.#byFirst.get(first);
    const found = known?.find((frames) => areSame(frames.pieces, pieces));
    if (found !== undefined) return found;
    const frames = this.#build(dialect, pieces);
    if (known === undefined) this.#byFirst.set(first, [frames]);
    else if (known.length < LISTS_PER_PIECE_MAX) known.push(frames);
    return frames;
  }

  #build(dialect: Dialect, pieces: readonly Uint8Array[]): Frames {
    const buffers = layOutFrames(dialect, pieces, this.#responseBytesMax);
    let byteLength = 0;
    for (const buffer of buffers) byteLength += buffer.length;
    return { pieces, buffers, byteLength };
  }
}

const NONE: Frames = { pieces: [], buffers: [], byteLength: 0 };

function areSame(some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  if (some.length !== others.length) return false;
  for (let at = 0; at < some.length; at += 1) {
    if (some[at] !== others[at]) return false;
  }
  return true;
}
