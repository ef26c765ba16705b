import type { Depth } from "../book/depth.ts";
import { invariant } from "../errors.ts";
import { BoardControl } from "./board-control.ts";
import { SlotReader } from "./slot-reader.ts";

export interface DepthBoardReaderOptions {
  /** This reader's number on the board, from 0. No two live threads have the same. */
  readonly reader: number;
  /** The board's control memory. */
  readonly control: SharedArrayBuffer;
}

/**
 * A reading end of the depth board. Belongs to one thread. It reads the newest published depth of an
 * instrument, never a mixture of two, and learns which instruments are worth reading:
 *
 *     on a ring:            reader.answer(), then the turn
 *     in each turn:         reader.takeDirty(instrument => …)
 *     when there is
 *     nothing else to do:   if (!reader.arm()) take another turn soon; else sleep, a ring will come
 *
 * After `attach` a turn must follow before the thread sleeps: the new buffer's instrument is dirty.
 */
export class DepthBoardReader {
  readonly #reader: number;
  readonly #control: BoardControl;
  readonly #instruments: (SlotReader | undefined)[] = [];
  #instrumentLast = 0;

  constructor(options: DepthBoardReaderOptions) {
    this.#reader = options.reader;
    this.#control = new BoardControl(options.control);
    invariant(options.reader >= 0 && options.reader < this.#control.readers, "the board knows this reader");
  }

  /**
   * Reads the instrument from this buffer from now on; one that is older than the present one is ignored. The
   * instrument is dirty then: what was published into the new buffer before may have been looked for in the old.
   */
  attach(instrument: number, buffer: SharedArrayBuffer): void {
    invariant(
      instrument >= 1 && instrument <= this.#control.instrumentsMax,
      "instruments are numbered from 1 to the maximum",
    );
    const slots = new SlotReader(buffer, this.#reader);
    const present = this.#instruments[instrument];
    if (present !== undefined && present.generation > slots.generation) return;
    this.#instruments[instrument] = slots;
    this.#instrumentLast = Math.max(this.#instrumentLast, instrument);
    this.#control.markDirty(this.#reader, instrument);
  }

  /**
   * Copies the best `levels` a side, or as many as there are. Returns false, with `into` as it was, where there
   * is no such depth to read yet: not attached, nothing published since the buffer was replaced, or the
   * buffer does not hold that many levels (a larger one is on its way to whoever claimed the depth). The
   * instrument will be dirty when that has changed.
   */
  read(instrument: number, levels: number, into: Depth): boolean {
    invariant(
      into.bids.price.length >= levels && into.asks.price.length >= levels,
      "there is room for the levels that are read",
    );
    const slots = this.#instruments[instrument];
    if (slots === undefined) return false;
    const slot = this.#pin(instrument, slots);
    if (slot === 0) return false;
    const copied = slots.copy(slot, levels, into);
    slots.setPin(0);
    return copied;
  }

  /** The newest sequence; −1 = nothing to read yet. */
  sequence(instrument: number): number {
    const slots = this.#instruments[instrument];
    if (slots === undefined) return -1;
    const slot = this.#pin(instrument, slots);
    if (slot === 0) return -1;
    const sequence = slots.sequence(slot);
    slots.setPin(0);
    return sequence;
  }

  /** Visits the instruments that were published or attached since the last call, in rising order. */
  takeDirty(visit: (instrument: number) => void): void {
    this.#control.takeDirty(this.#reader, this.#instrumentLast, (instrument) => {
      if (this.#instruments[instrument] !== undefined) visit(instrument);
    });
  }

  /**
   * Before sleeping. Returns true: there is nothing to do, and a ring will come when there is. Returns false:
   * something is dirty; take it first.
   */
  arm(): boolean {
    this.#control.arm(this.#reader);
    if (!this.#control.hasDirty(this.#reader, this.#instrumentLast)) return true;
    return !this.#control.tryDisarm(this.#reader);
  }

  /** When a ring has arrived, before taking what is dirty. */
  answer(): void {
    this.#control.answer(this.#reader);
  }

  #pin(instrument: number, slots: SlotReader): number {
    const slot = slots.pinLatest();
    // Given up for now in the middle of publications: the next turn comes back to it.
    if (slot === 0 && slots.latest() !== 0) this.#control.markDirty(this.#reader, instrument);
    return slot;
  }
}
