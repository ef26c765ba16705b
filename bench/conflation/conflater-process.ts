import type { Depth } from "../../src/book/depth.ts";
import { expectOutcome } from "../support/benchmark.ts";
import { CheckedBooks } from "../support/checked-books.ts";
import { answerCommands } from "../support/child-process.ts";
import { cpuNanos, heldBytes } from "../support/measure.ts";
import { type Conflater, DEPTH, DrivenTransport } from "./conflater.ts";
import { Cursors } from "./cursors.ts";
import { PendingMaps } from "./pending-maps.ts";
import { type Market, MARKETS } from "./recorded-depth.ts";

/** One way of conflating in a process of its own, with consumers whose transports are driven. */

export interface ConflaterStart {
  readonly way: "cursors" | "maps";
  readonly market: Market;
  readonly smoke: boolean;
  /** Intervals that are recorded. */
  readonly intervals: number;
}

export interface ConflationShape {
  readonly consumers: number;
  /** Of these so many take one message in `lag` intervals, each at another time; the others all. */
  readonly stalled: number;
  readonly lag: number;
}

export interface ConflaterCommands {
  /** Starts anew, and goes on for `warmUp` intervals, and until every stalled consumer has its lag. */
  begin(order: { readonly shape: ConflationShape; readonly warmUp: number }): Promise<void>;
  run(intervals: number): Promise<ConflationRound>;
  /** What is held on top of what `begin` began with, after a collection. */
  heldBytes(): Promise<number>;
  /** A small run in which every consumer's book is checked. */
  check(lag: number): Promise<void>;
}

export interface ConflationRound {
  readonly cpuNanos: number;
  readonly messages: number;
  readonly bytes: number;
}

answerCommands<ConflaterCommands>(async ({ way, market, smoke, intervals }: ConflaterStart) => {
  const states = MARKETS[market](intervals, DEPTH, smoke);
  let running: Run | undefined;
  const current = (): Run => {
    if (running === undefined) throw new Error("nothing has begun");
    return running;
  };
  const begin = async (shape: ConflationShape, onMessage?: MessageSink): Promise<Run> => {
    running = undefined;
    const run = new Run(states, shape, onMessage);
    await run.start(way);
    running = run;
    return run;
  };
  return {
    begin: async ({ shape, warmUp }) => {
      (await begin(shape)).advance(Math.max(shape.lag, warmUp));
    },
    run: (count) => {
      const run = current();
      const before = run.counts();
      const nanos = cpuNanos(() => run.advance(count));
      const after = run.counts();
      return Promise.resolve({
        cpuNanos: nanos,
        messages: after.messages - before.messages,
        bytes: after.bytes - before.bytes,
      });
    },
    heldBytes: () => current().heldBytes(),
    check: async (lag) => {
      const books = new CheckedBooks();
      const shape = { consumers: 20, stalled: 15, lag };
      const run = await begin(shape, (consumer, message) => books.take(consumer, message));
      run.advance(lag * 2 + 10);
      run.drainAll();
      books.expectAll(shape.consumers, run.newest.sequence);
      running = undefined;
    },
  };
});

type MessageSink = (consumer: number, message: Uint8Array) => void;

class Run {
  readonly #states: readonly Depth[];
  readonly #shape: ConflationShape;
  readonly #transports: readonly DrivenTransport[];
  #conflater: Conflater | undefined;
  #heldAtStart = 0;
  #interval = 0;

  constructor(states: readonly Depth[], shape: ConflationShape, onMessage: MessageSink | undefined) {
    this.#states = states;
    this.#shape = shape;
    this.#transports = Array.from(
      { length: shape.consumers },
      (_, consumer) =>
        new DrivenTransport(
          consumer < shape.stalled,
          onMessage && ((message: Uint8Array) => onMessage(consumer, message)),
        ),
    );
  }

  get newest(): Depth {
    return this.#states[this.#interval]!;
  }

  async start(way: ConflaterStart["way"]): Promise<void> {
    const first = this.#states[0]!;
    this.#conflater =
      way === "cursors"
        ? await Cursors.start(first, this.#transports)
        : new PendingMaps(first, this.#transports);
    this.#heldAtStart = await heldBytes();
  }

  advance(intervals: number): void {
    const { stalled, lag } = this.#shape;
    for (let left = intervals; left > 0; left--) {
      this.#interval += 1;
      expectOutcome(this.#interval < this.#states.length, "as many intervals are recorded as are run");
      this.#conflater!.publish(this.newest);
      for (let consumer = this.#interval % lag; consumer < stalled; consumer += lag) this.#drain(consumer);
    }
  }

  drainAll(): void {
    for (let consumer = 0; consumer < this.#shape.stalled; consumer++) this.#drain(consumer);
  }

  counts(): { readonly messages: number; readonly bytes: number } {
    return {
      messages: this.#transports.reduce((sum, { messages }) => sum + messages, 0),
      bytes: this.#transports.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  async heldBytes(): Promise<number> {
    return (await heldBytes()) - this.#heldAtStart;
  }

  #drain(consumer: number): void {
    this.#transports[consumer]!.isWritable = true;
    this.#conflater!.drained(consumer);
  }
}
