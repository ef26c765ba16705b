import type { Depth } from "../book/depth.ts";
import type { Clock } from "../clock.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { DepthBoardReader } from "./depth-board-reader.ts";
import { type DepthRequests, ReaderClaims } from "./reader-claims.ts";

/** Told what has changed on the board, once a turn. */
interface FeedListener {
  changed(instrument: number): void;
  woken(): void;
}

interface DepthFeedOptions {
  readonly reader: number;
  readonly control: SharedArrayBuffer;
  readonly clock: Clock;
  readonly requests: DepthRequests;
}

/**
 * One thread's end of the depth board: its reader, with the turns in which it looks what has changed.
 * Between turns it sleeps, and the writer's ring wakes it.
 */
export class DepthFeed {
  readonly #board: DepthBoardReader;
  readonly #clock: Clock;
  readonly #claims: ReaderClaims;
  readonly #listeners: FeedListener[] = [];
  #scheduled = false;

  constructor({ reader, control, clock, requests }: DepthFeedOptions) {
    this.#board = new DepthBoardReader({ reader, control });
    this.#clock = clock;
    this.#claims = new ReaderClaims(clock, requests);
    this.#board.arm();
  }

  listen(listener: FeedListener): void {
    this.#listeners.push(listener);
  }

  /** A buffer was announced. */
  attach(instrument: number, buffer: SharedArrayBuffer): void {
    this.#board.attach(instrument, buffer);
    this.#schedule();
  }

  /** The writer rang. */
  ring(): void {
    this.#board.answer();
    this.#schedule();
  }

  read(instrument: number, levels: number, into: Depth): boolean {
    return this.#board.read(instrument, levels, into);
  }

  sequence(instrument: number): number {
    return this.#board.sequence(instrument);
  }

  /** @throws DepthcastError `resource_exhausted` over the board's budget. */
  async claim(instrument: number, levels: number): Promise<void> {
    if (await this.#claims.claim(instrument, levels)) return;
    throw new DepthcastError(
      ErrorCode.resourceExhausted,
      `no memory left on the depth board for ${levels} levels (boardBytesMax): ask for less depth or raise it`,
      { field: "depth", reason: "BOARD_BYTES_MAX" },
    );
  }

  release(instrument: number, levels: number): void {
    this.#claims.release(instrument, levels);
  }

  stop(): void {
    this.#claims.stop();
  }

  /** Deferred, so that what several turns of the engine publish meanwhile is looked at once. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.defer(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    this.#board.takeDirty((instrument) => {
      for (const listener of this.#listeners) listener.changed(instrument);
    });
    for (const listener of this.#listeners) listener.woken();
    if (!this.#board.arm()) this.#schedule();
  }
}
