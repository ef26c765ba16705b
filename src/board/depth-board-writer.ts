import { BookState } from "../book/depth.ts";
import { invariant } from "../errors.ts";
import { BOARD_LEVELS_MIN } from "../limits.ts";
import { BoardControl, boardControlBytes } from "./board-control.ts";
import { DepthClaims, slotCapacity } from "./depth-claims.ts";
import { slotBufferBytes } from "./slot-buffer.ts";
import { type DepthSlot, SlotPublisher } from "./slot-publisher.ts";

export interface DepthBoardWriterOptions {
  /** Reading threads; they are numbered from 0. */
  readonly readers: number;
  /** Instruments are numbered from 1 to this. */
  readonly instrumentsMax: number;
  /**
   * Bound beyond which claims are refused. The smallest buffer of an instrument is not one of them: an
   * instrument that the log has defined must be published, and there are `instrumentsMax` at most.
   */
  readonly bytesMax: number;
  /** Wakes a reader that has armed its doorbell; at most one ring is under way to each. */
  readonly ring: (reader: number) => void;
  /** Hands a new buffer of an instrument to all readers, in order; it takes the place of the older one. */
  readonly announce: (instrument: number, buffer: SharedArrayBuffer) => void;
}

/**
 * `grown`, `shrunk`: the instrument has a new and still empty buffer, announced already. The caller publishes
 * the instrument's depth at once; until then its readers find nothing to read.
 */
export type ClaimOutcome = "ready" | "grown" | "refused";
export type ReleaseOutcome = "ready" | "shrunk";

interface BoardInstrument {
  slots: SlotPublisher;
  claims: DepthClaims | undefined;
}

/**
 * The writing end of the depth board: the newest published depth of each instrument, in shared memory.
 * Belongs to the engine's thread, and neither waits for a reader nor queues anything for one. How a
 * publication is safe stands in slot-buffer.ts, how a reader is woken in board-control.ts.
 */
export class DepthBoardWriter {
  readonly control: SharedArrayBuffer;
  readonly #options: DepthBoardWriterOptions;
  readonly #control: BoardControl;
  readonly #instruments: (BoardInstrument | undefined)[] = [];
  #bytes: number;
  #publishedInTurn = false;

  constructor(options: DepthBoardWriterOptions) {
    const { readers, instrumentsMax } = options;
    invariant(readers > 0 && instrumentsMax > 0, "a board has a reader and an instrument");
    this.#bytes = boardControlBytes(readers, instrumentsMax);
    this.#options = options;
    this.#control = BoardControl.create(readers, instrumentsMax);
    this.control = this.#control.buffer;
  }

  /** Bytes of all live shared memory. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Gives the instrument its first buffer, with an empty depth at sequence 0, and announces it. Does nothing
   * where it has one.
   */
  define(instrument: number): void {
    const { readers, instrumentsMax } = this.#options;
    invariant(
      instrument >= 1 && instrument <= instrumentsMax,
      "instruments are numbered from 1 to the maximum",
    );
    if (this.#instruments[instrument] !== undefined) return;
    const slots = new SlotPublisher(BOARD_LEVELS_MIN, readers, 1);
    this.#instruments[instrument] = { slots, claims: undefined };
    this.#bytes += slots.buffer.byteLength;
    this.#options.announce(instrument, slots.buffer);
    this.publish(instrument, clearSlot);
  }

  /** Publishes a newer depth: `write` fills the slot that it is given with all levels that it has room for. */
  publish(instrument: number, write: (slot: DepthSlot) => void): void {
    this.#instrument(instrument).slots.publish(write);
    for (let reader = 0; reader < this.#options.readers; reader += 1) {
      this.#control.markDirty(reader, instrument);
    }
    this.#publishedInTurn = true;
  }

  /** Rings every reader that sleeps while something was published since the last call. */
  endTurn(): void {
    if (!this.#publishedInTurn) return;
    this.#publishedInTurn = false;
    for (let reader = 0; reader < this.#options.readers; reader += 1) {
      if (this.#control.tryRing(reader)) this.#options.ring(reader);
    }
  }

  /**
   * Counts one claim of a reader to `depth` levels of an instrument, and makes room for them. `refused`: it
   * would pass the budget, and nothing has changed.
   */
  claimDepth(instrument: number, reader: number, depth: number): ClaimOutcome {
    const board = this.#instrument(instrument);
    const capacity = slotCapacity(depth);
    const grows = capacity > board.slots.capacity;
    if (grows) {
      const { readers, bytesMax } = this.#options;
      const bytes = slotBufferBytes(capacity, readers) - board.slots.buffer.byteLength;
      if (this.#bytes + bytes > bytesMax) return "refused";
    }
    board.claims ??= new DepthClaims(this.#options.readers);
    board.claims.add(reader, depth);
    if (!grows) return "ready";
    this.#replace(instrument, board, capacity);
    return "grown";
  }

  /** Takes one claim back, and the memory that no other claim needs. */
  releaseDepth(instrument: number, reader: number, depth: number): ReleaseOutcome {
    const board = this.#instrument(instrument);
    invariant(board.claims !== undefined, "only a claimed depth is released");
    board.claims.remove(reader, depth);
    return this.#shrink(instrument, board) ? "shrunk" : "ready";
  }

  /**
   * Forgets a reader whose thread has ended: its pins, its claims, its doorbell. (One that still runs would copy
   * without a pin.) A new thread may take over the number after that, not before. Returns the instruments that
   * have shrunk, to be published at once.
   */
  dropReader(reader: number): number[] {
    this.#control.reset(reader);
    const shrunk: number[] = [];
    for (const [instrument, board] of this.#instruments.entries()) {
      if (board === undefined) continue;
      board.slots.clearPin(reader);
      board.claims?.removeAll(reader);
      if (this.#shrink(instrument, board)) shrunk.push(instrument);
    }
    return shrunk;
  }

  /** Visits the live buffers, for a reader that starts later than they were announced. */
  forEachBuffer(visit: (instrument: number, buffer: SharedArrayBuffer) => void): void {
    for (const [instrument, board] of this.#instruments.entries()) {
      if (board !== undefined) visit(instrument, board.slots.buffer);
    }
  }

  #shrink(instrument: number, board: BoardInstrument): boolean {
    const capacity = board.claims?.capacity() ?? BOARD_LEVELS_MIN;
    if (capacity >= board.slots.capacity) return false;
    this.#replace(instrument, board, capacity);
    return true;
  }

  #replace(instrument: number, board: BoardInstrument, capacity: number): void {
    const slots = new SlotPublisher(capacity, this.#options.readers, board.slots.generation + 1);
    this.#bytes += slots.buffer.byteLength - board.slots.buffer.byteLength;
    board.slots = slots;
    this.#options.announce(instrument, slots.buffer);
  }

  #instrument(instrument: number): BoardInstrument {
    const board = this.#instruments[instrument];
    invariant(board !== undefined, `instrument ${instrument} is defined on the board`);
    return board;
  }
}

function clearSlot(slot: DepthSlot): void {
  slot.sequence = 0;
  slot.state = BookState.open;
  slot.sourceTimeLow = 0;
  slot.sourceTimeHigh = 0;
  slot.bids.length = 0;
  slot.asks.length = 0;
}
