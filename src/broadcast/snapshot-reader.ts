import { addChecksum, levelChecksum } from "../book/checksum.ts";
import { createDepth, type Depth, type DepthSide } from "../book/depth.ts";
import type { Instrument } from "../book/instrument.ts";
import type { InstrumentDirectory } from "../book/instrument-directory.ts";
import { Side } from "../book/order-events.ts";
import type { Clock } from "../clock.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { SNAPSHOT_WAIT_MAX_MS } from "../limits.ts";
import type { DepthListener, DepthSource } from "./depth-source.ts";
import { unknownSymbol } from "./unknown-symbol.ts";

/** One book, read once. */
export interface BookSnapshot {
  readonly instrument: Instrument;
  readonly epoch: bigint;
  /** The best levels; owned by the receiver. */
  readonly depth: Depth;
  readonly checksum: number;
  readonly publishTimeUnixNanos: bigint;
}

export interface SnapshotRequest {
  readonly symbol: string;
  readonly depth: number;
  /** Wait until the book has got there. */
  readonly minSequence: number;
  /** 0 = any. */
  readonly epoch: bigint;
}

/** Answers the book of one symbol once: GetSnapshot and `GET /v1/book/{symbol}`. */
export interface SnapshotSource {
  /**
   * @throws DepthcastError `not_found`, `failed_precondition` (another epoch), `resource_exhausted` (no
   *   memory left for the depth), `deadline_exceeded` (`minSequence` was not reached within
   *   SNAPSHOT_WAIT_MAX_MS, or `signal` was aborted).
   */
  read(request: SnapshotRequest, signal: AbortSignal): Promise<BookSnapshot>;
}

export interface SnapshotReaderOptions {
  readonly clock: Clock;
  readonly epoch: bigint;
  readonly depths: DepthSource;
  readonly instruments: InstrumentDirectory;
}

/** Reads books off the depth board, waiting for a sequence where one is asked for. One thread. */
export class SnapshotReader implements SnapshotSource, DepthListener {
  readonly #options: SnapshotReaderOptions;
  /** By instrument; each is called when the book has changed. */
  readonly #waiting = new Map<number, Set<() => void>>();

  constructor(options: SnapshotReaderOptions) {
    this.#options = options;
    options.depths.listen(this);
  }

  changed(instrument: number): void {
    for (const look of this.#waiting.get(instrument) ?? []) look();
  }

  woken(): void {
    // Nothing is gathered over a wake-up.
  }

  async read(request: SnapshotRequest, signal: AbortSignal): Promise<BookSnapshot> {
    const { instruments, epoch, depths, clock } = this.#options;
    const listed = instruments.find(request.symbol);
    if (listed === undefined) throw unknownSymbol(request.symbol);
    if (request.epoch !== 0n && request.epoch !== epoch) throw otherEpoch(request.epoch, epoch);
    await depths.claim(listed.index, request.depth);
    try {
      const depth = await this.#reach(listed.index, request, signal);
      // As it is now: it may have been redefined while the first event was awaited.
      const { instrument } = instruments.at(listed.index) ?? listed;
      return {
        instrument,
        epoch,
        depth,
        checksum: depthChecksum(depth),
        publishTimeUnixNanos: clock.unixNanos(),
      };
    } finally {
      depths.release(listed.index, request.depth);
    }
  }

  /** Resolves with the depth once the book has got to the sequence asked for. Until then it takes no memory. */
  #reach(instrument: number, request: SnapshotRequest, signal: AbortSignal): Promise<Depth> {
    const { depths, clock } = this.#options;
    const arrived = (): Depth | undefined => {
      if (depths.sequence(instrument) < request.minSequence) return undefined;
      const depth = createDepth(request.depth);
      return depths.read(instrument, request.depth, depth) ? depth : undefined;
    };
    const present = arrived();
    if (present !== undefined) return Promise.resolve(present);
    return new Promise((resolve, reject) => {
      const finish = (settle: () => void) => {
        this.#forget(instrument, look);
        timer.cancel();
        signal.removeEventListener("abort", expire);
        settle();
      };
      const look = () => {
        const depth = arrived();
        if (depth !== undefined) finish(() => resolve(depth));
      };
      const expire = () => finish(() => reject(notReached(request, depths.sequence(instrument))));
      const timer = clock.setTimer(SNAPSHOT_WAIT_MAX_MS, expire);
      signal.addEventListener("abort", expire);
      this.#wait(instrument, look);
      if (signal.aborted) expire();
    });
  }

  #wait(instrument: number, look: () => void): void {
    const waiting = this.#waiting.get(instrument);
    if (waiting === undefined) this.#waiting.set(instrument, new Set([look]));
    else waiting.add(look);
  }

  #forget(instrument: number, look: () => void): void {
    const waiting = this.#waiting.get(instrument);
    waiting?.delete(look);
    if (waiting?.size === 0) this.#waiting.delete(instrument);
  }
}

function depthChecksum({ bids, asks }: Depth): number {
  return addChecksum(sideChecksum(Side.bid, bids), sideChecksum(Side.ask, asks));
}

function sideChecksum(side: Side, levels: DepthSide): number {
  let sum = 0;
  for (let i = 0; i < levels.length; i++) {
    sum = addChecksum(sum, levelChecksum(side, levels.price[i] ?? 0, levels.quantity[i] ?? 0));
  }
  return sum;
}

function otherEpoch(asked: bigint, present: bigint): DepthcastError {
  return new DepthcastError(
    ErrorCode.failedPrecondition,
    `epoch ${asked} is over: the present one is ${present}; take a new snapshot without naming an epoch`,
    { field: "epoch", reason: "EPOCH_MISMATCH", metadata: { epoch: String(present) } },
  );
}

function notReached({ symbol, minSequence }: SnapshotRequest, sequence: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.deadlineExceeded,
    `${symbol} did not reach min_sequence ${minSequence} in time: it is at ${sequence}`,
    { field: "min_sequence", reason: "SEQUENCE_NOT_REACHED", metadata: { sequence: String(sequence) } },
  );
}
