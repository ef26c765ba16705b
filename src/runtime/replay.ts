import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "../clock.ts";
import type { LogEntry, OrderLog } from "../log/order-log.ts";
import type { Logger } from "../observability/logger.ts";

/** Bytes applied in one turn of the engines. */
const TURN_BYTES = 512 * 1024;
/** A replay that takes longer than this says how far it is. */
const PROGRESS_MS = 5000;

export interface ReplayOptions {
  readonly log: OrderLog;
  readonly fromIndex: number;
  /** A promise = what comes after has to wait for it. */
  readonly consume: (entries: readonly LogEntry[]) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Hands on what is in the log now. Not by a subscription, which has nobody to tell that an entry is damaged.
 *
 * @throws DepthcastError what the log throws where an entry cannot be read.
 */
export async function replay({ log, fromIndex, clock, logger, consume }: ReplayOptions): Promise<void> {
  const { endIndex } = log;
  let toldMs = clock.nowMs();
  let turn: LogEntry[] = [];
  let bytes = 0;
  for await (const entry of log.read(fromIndex)) {
    turn.push(entry);
    bytes += entry.record.byteLength;
    if (bytes < TURN_BYTES) continue;
    await consume(turn);
    // Engines on other threads answer in turns of the event loop.
    await nextTurn();
    turn = [];
    bytes = 0;
    if (clock.nowMs() - toldMs < PROGRESS_MS) continue;
    toldMs = clock.nowMs();
    logger.info({ entry: entry.index, fromIndex, endIndex }, "the order log is being replayed");
  }
  if (turn.length > 0) await consume(turn);
}
