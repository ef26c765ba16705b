/**
 * The control memory of a board: for each reader a doorbell and a bitmap of the instruments that were
 * published since it last looked.
 *
 *     writer                                          reader
 *     W3  store latest (slot-buffer.ts)               T1  take the bits: exchange with 0
 *     W4  look at the bit; unset: set it              T2  for each: R1 to R5
 *     at the end of a turn:                           T3  arm the bell: awake → armed
 *     W5  bell armed? → rung                          T4  look at the bits once more; none: sleep
 *     W6  send the ring                               T5  else disarm: armed → awake, and take another turn;
 *                                                         found rung: sleep, the ring is under way
 *                                                     on the ring:
 *                                                     T6  store awake, then take a turn
 *
 * Nothing is lost. The writer stores an instrument's latest slot and then sets its bit; the reader takes the bit
 * and then loads the latest slot. So whoever takes a bit sees what it stands for, and a publication after that
 * sets it anew. (A bit found set is left as it is: the reader has yet to take it.)
 *
 * Nobody sleeps through a ring. The reader, before it sleeps, arms the bell and then looks at the bits once
 * more; the writer, at the end of a turn, has set bits and then looks at the bell. All four are sequentially
 * consistent: if the writer finds the bell unarmed, its look comes before the arming, hence its bits before the
 * reader's second look. A bell goes armed → rung once, and only the reader's answer makes it ring again, so
 * there is at most one ring under way to each reader.
 *
 * A new buffer of an instrument arrives as a message. What was published in it before may have been looked for
 * in the old one, so the reader that takes it over sets the instrument's bit itself, and takes a turn.
 *
 * test/model/bell-model.ts has these steps under these names, and goes through every order of them.
 */

const LINE_WORDS = 16;
const HEADER_WORDS = LINE_WORDS;
const ControlWord = { readers: 0, instrumentsMax: 1 } as const;
const Bell = { awake: 0, armed: 1, rung: 2 } as const;

export function boardControlBytes(readers: number, instrumentsMax: number): number {
  return 4 * (HEADER_WORDS + readers * wordsPerReader(instrumentsMax));
}

/** Shared by the writer's thread and all readers' threads; each has an object of its own over the memory. */
export class BoardControl {
  readonly buffer: SharedArrayBuffer;
  readonly readers: number;
  readonly instrumentsMax: number;
  readonly #words: Int32Array;
  readonly #stride: number;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
    this.readers = this.#words[ControlWord.readers]!;
    this.instrumentsMax = this.#words[ControlWord.instrumentsMax]!;
    this.#stride = wordsPerReader(this.instrumentsMax);
  }

  static create(readers: number, instrumentsMax: number): BoardControl {
    const buffer = new SharedArrayBuffer(boardControlBytes(readers, instrumentsMax));
    const words = new Int32Array(buffer);
    words[ControlWord.readers] = readers;
    words[ControlWord.instrumentsMax] = instrumentsMax;
    return new BoardControl(buffer);
  }

  /** Any thread. */
  markDirty(reader: number, instrument: number): void {
    const word = this.#dirtyWord(reader) + (instrument >>> 5);
    const bit = 1 << (instrument & 31);
    if ((Atomics.load(this.#words, word) & bit) === 0) Atomics.or(this.#words, word, bit);
  }

  /** Whether a bit is set for any instrument up to `instrumentLast`. */
  hasDirty(reader: number, instrumentLast: number): boolean {
    const first = this.#dirtyWord(reader);
    const last = first + (instrumentLast >>> 5);
    for (let word = first; word <= last; word += 1) {
      if (Atomics.load(this.#words, word) !== 0) return true;
    }
    return false;
  }

  /** Reader: takes all bits up to `instrumentLast`'s word and visits their instruments, in rising order. */
  takeDirty(reader: number, instrumentLast: number, visit: (instrument: number) => void): void {
    const first = this.#dirtyWord(reader);
    for (let group = 0; group <= instrumentLast >>> 5; group += 1) {
      if (Atomics.load(this.#words, first + group) === 0) continue;
      let bits = Atomics.exchange(this.#words, first + group, 0);
      while (bits !== 0) {
        const lowest = bits & -bits;
        bits ^= lowest;
        visit((group << 5) + 31 - Math.clz32(lowest));
      }
    }
  }

  /** Writer: whether this reader is to be rung now, which is then under way. */
  tryRing(reader: number): boolean {
    const word = this.#bellWord(reader);
    return (
      Atomics.load(this.#words, word) === Bell.armed &&
      Atomics.compareExchange(this.#words, word, Bell.armed, Bell.rung) === Bell.armed
    );
  }

  /** Reader: arms the bell, unless a ring is under way already. */
  arm(reader: number): void {
    Atomics.compareExchange(this.#words, this.#bellWord(reader), Bell.awake, Bell.armed);
  }

  /** Reader: takes the arming back. Returns false where a ring is under way instead. */
  tryDisarm(reader: number): boolean {
    const word = this.#bellWord(reader);
    return Atomics.compareExchange(this.#words, word, Bell.armed, Bell.awake) !== Bell.rung;
  }

  /** Reader: the ring has arrived. */
  answer(reader: number): void {
    Atomics.store(this.#words, this.#bellWord(reader), Bell.awake);
  }

  /** Writer: as new for another thread that takes over this number. */
  reset(reader: number): void {
    const start = this.#bellWord(reader);
    for (let word = start; word < start + this.#stride; word += 1) Atomics.store(this.#words, word, 0);
  }

  #bellWord(reader: number): number {
    return HEADER_WORDS + reader * this.#stride;
  }

  #dirtyWord(reader: number): number {
    return this.#bellWord(reader) + LINE_WORDS;
  }
}

/** The bell's cache line and the bitmap, in whole lines, so that readers do not slow each other. */
function wordsPerReader(instrumentsMax: number): number {
  const bitmapWords = (instrumentsMax >>> 5) + 1;
  return LINE_WORDS + Math.ceil(bitmapWords / LINE_WORDS) * LINE_WORDS;
}
