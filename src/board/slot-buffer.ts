/**
 * The shared memory of one instrument: a word that names the latest slot, one pin for each reader, and
 * `readers + 2` slots, each with room for one published depth.
 *
 * The protocol. One thread writes, `readers` threads read; a reader is one thread and pins one slot at a time.
 *
 *     writer                                          reader r
 *     W1  load every pin once; choose a slot s that   R1  a = load latest
 *         is not the latest and that none named       R2  store pin[r] = a
 *     W2  fill s                                      R3  load latest; another than a: back to R1
 *     W3  store latest = s                            R4  copy a
 *                                                     R5  store pin[r] = 0
 *
 * All loads and stores of `latest` and of the pins are sequentially consistent (`Atomics`), so they have one
 * total order, in which each thread's own order is kept. W2 and R4 are plain accesses.
 *
 * Why no copy meets a write. Let R3 have read `a`, as stored by some W3, call it P. Of the fillings of slot a:
 * - The one that P published, and those before it, come before P in the writer's thread, and P synchronizes
 *   with R3, which read it. So they happen before R4.
 * - One that comes after P needs the writer to choose `a` again, which it does only while another slot is the
 *   latest: so after a later store P' of `latest`. R3 read P and not P', so R3, and R2 before it, stand before
 *   P' in the total order, and the load of pin[r] in W1, after P', reads what R2 stored or something later. If
 *   it reads `a`, the slot is not chosen. Else it reads a store of reader r made after R2: R5 or a still later
 *   one, and that store synchronizes with the load. So R4 happens before the filling.
 * Every pair of conflicting plain accesses is so ordered by happens-before: there is no data race in the sense of
 * the ECMAScript memory model, and what a copy reads is one whole published depth.
 *
 * Why the writer never waits. The latest slot is one, and the pins, each loaded once, named `readers` slots at
 * most: of `readers + 2` one is always left. (Not so where the pins are loaded anew for each slot looked at: a
 * reader that goes back to R1 may be met at slot 1 and then, with a pin for what was the latest, at slot 2.)
 * This holds as well for the pin of a thread that died in the middle of a copy: it stays until the writer clears
 * it, which it may do once the thread has ended.
 *
 * What bounds the reader. It goes back to R1 only when a W3 came between its R1 and R3, which are neighbouring
 * instructions; and an engine publishes an instrument once in a turn, so a second time round wants the thread to
 * be taken off its core at just that place again. It is never more than PIN_ATTEMPTS_MAX times: then the reader
 * gives up for now and marks the instrument as one to be read again, so nobody waits and nothing is lost. A
 * copy, once begun, is never repeated.
 *
 * The constants beside `latest` are written before the buffer is handed to another thread, in a message.
 *
 * test/model/slot-model.ts has these steps under these names, and goes through every order that they can be
 * taken in; with a step left out or in the wrong place it finds the order that breaks.
 *
 * Why slots and not a sequence lock: there the plain accesses do race, which lets a 64-bit value tear by the
 * specification and is unsound on ARM64; and a reader of a deep book starves under a fast writer.
 */

/** Words of the first cache line. */
export const SlotWord = {
  /** Number of the slot with the newest depth, from 1; 0 = nothing was published yet. */
  latest: 0,
  /** Levels a side of a slot. */
  capacity: 1,
  readers: 2,
  /** Rises with each buffer of the instrument, so that an old one is never taken for a newer one. */
  generation: 3,
} as const;

/** Numbers at the start of a slot, in doubles. */
export const SlotHeader = {
  sequence: 0,
  state: 1,
  sourceTimeLow: 2,
  sourceTimeHigh: 3,
  bidsLength: 4,
  asksLength: 5,
} as const;

/** Each pin, like the latest slot, has a cache line of its own: pinning in one thread slows no other. */
const LINE_BYTES = 64;
const LINE_WORDS = LINE_BYTES / 4;
const HEADER_BYTES = LINE_BYTES;
/** Price and quantity as doubles, order count as a word, on two sides. */
const LEVEL_BYTES = 2 * (8 + 8 + 4);

/** Byte offsets of a slot's parts. */
export interface SlotOffsets {
  readonly header: number;
  readonly bidsPrice: number;
  readonly bidsQuantity: number;
  readonly asksPrice: number;
  readonly asksQuantity: number;
  readonly bidsOrderCount: number;
  readonly asksOrderCount: number;
}

/** Bytes of the shared memory for one instrument whose slots hold `capacity` levels a side. */
export function slotBufferBytes(capacity: number, readers: number): number {
  return LINE_BYTES * (1 + readers) + slotCount(readers) * slotBytes(capacity);
}

/** New shared memory with nothing published in it. `capacity` is a multiple of 8. */
export function createSlotBuffer(capacity: number, readers: number, generation: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(slotBufferBytes(capacity, readers));
  const words = new Int32Array(buffer);
  words[SlotWord.capacity] = capacity;
  words[SlotWord.readers] = readers;
  words[SlotWord.generation] = generation;
  return buffer;
}

/** One for each reader, one that is the latest, one to write. */
export function slotCount(readers: number): number {
  return readers + 2;
}

/** The word in which a reader, from 0, names the slot that it is copying; 0 = none. */
export function pinWord(reader: number): number {
  return LINE_WORDS * (1 + reader);
}

/** Where slot `slot`, from 1, has its parts. */
export function slotOffsets(slot: number, capacity: number, readers: number): SlotOffsets {
  const header = LINE_BYTES * (1 + readers) + (slot - 1) * slotBytes(capacity);
  const columns = header + HEADER_BYTES;
  return {
    header,
    bidsPrice: columns,
    bidsQuantity: columns + 8 * capacity,
    asksPrice: columns + 16 * capacity,
    asksQuantity: columns + 24 * capacity,
    bidsOrderCount: columns + 32 * capacity,
    asksOrderCount: columns + 36 * capacity,
  };
}

function slotBytes(capacity: number): number {
  return HEADER_BYTES + capacity * LEVEL_BYTES;
}
