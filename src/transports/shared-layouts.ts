/** Different lists that begin with the same piece and are kept: clients of several views, each with its own set. */
const LISTS_PER_PIECE_MAX = 8;
/** What is made of several pieces is a copy of them, and kept up to this size only. */
const KEPT_BYTES_MAX = 64 * 1024;

interface Layout<T> {
  readonly pieces: readonly Uint8Array[];
  readonly made: T;
}

/**
 * What a transport makes of the pieces of a flush, made once for all clients that are sent the same pieces. Kept
 * for as long as the first piece is, which is until its view changes.
 */
export class SharedLayouts<T> {
  readonly #make: (pieces: readonly Uint8Array[]) => T;
  readonly #byFirst = new WeakMap<Uint8Array, Layout<T>[]>();
  /** Clients of one view follow each other. */
  #last: Layout<T> | undefined;

  /** What `make` returns is shared: nobody may change it. */
  constructor(make: (pieces: readonly Uint8Array[]) => T) {
    this.#make = make;
  }

  /** @param pieces at least one; not to be changed afterwards */
  of(pieces: readonly Uint8Array[]): T {
    if (this.#last === undefined || !areSame(this.#last.pieces, pieces)) this.#last = this.#find(pieces);
    return this.#last.made;
  }

  #find(pieces: readonly Uint8Array[]): Layout<T> {
    const first = pieces[0] as Uint8Array;
    const known = this.#byFirst.get(first);
    const found = known?.find((layout) => areSame(layout.pieces, pieces));
    if (found !== undefined) return found;
    const layout = { pieces, made: this.#make(pieces) };
    if (!isKept(pieces)) return layout;
    if (known === undefined) this.#byFirst.set(first, [layout]);
    else if (known.length < LISTS_PER_PIECE_MAX) known.push(layout);
    return layout;
  }
}

function isKept(pieces: readonly Uint8Array[]): boolean {
  if (pieces.length === 1) return true;
  let byteLength = 0;
  for (const piece of pieces) byteLength += piece.byteLength;
  return byteLength <= KEPT_BYTES_MAX;
}

function areSame(some: readonly Uint8Array[], others: readonly Uint8Array[]): boolean {
  if (some === others) return true;
  if (some.length !== others.length) return false;
  for (let at = 0; at < some.length; at += 1) {
    if (some[at] !== others[at]) return false;
  }
  return true;
}
