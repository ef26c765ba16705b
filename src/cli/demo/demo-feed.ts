import { GrpcClient } from "../../client/grpc-client.ts";
import { IngestStream } from "../../client/ingest-stream.ts";
import type { Clock } from "../../clock.ts";
import { DEMO_STEP_MS, type DemoMarket, type MarketBatch } from "./demo-market.ts";

/** Steps that are made up for after a pause; what is more is left out, so that no flood follows. */
const STEPS_BEHIND_MAX = 50;

export interface DemoFeedOptions {
  /** `host:port` of the gRPC server. */
  readonly target: string;
  readonly market: DemoMarket;
  readonly clock: Clock;
  /** Ends the feed. */
  readonly signal: AbortSignal;
}

/**
 * Sends the simulated market to a server that has its instruments over gRPC, as any producer would, in real time.
 * Resolves when it was told to end.
 *
 * @throws DepthcastError where the server refuses it or goes away.
 */
export async function runDemoFeed({ target, market, clock, signal }: DemoFeedOptions): Promise<void> {
  const client = new GrpcClient(target);
  try {
    const stream = await IngestStream.open(client, { batchEventsMax: 2000 });
    await send(stream, market.open(), clock);
    let stepDueMs = clock.nowMs();
    while (!signal.aborted) {
      await sleep(clock, stepDueMs - clock.nowMs());
      stepDueMs = Math.max(stepDueMs, clock.nowMs() - STEPS_BEHIND_MAX * DEMO_STEP_MS) + DEMO_STEP_MS;
      await send(stream, market.step(), clock);
    }
    await stream.close();
  } catch (thrown) {
    // The server that this feeds stops at the same signal, and may be the first to hang up.
    if (!signal.aborted) throw thrown;
  } finally {
    client.close();
  }
}

async function send(stream: IngestStream, batches: readonly MarketBatch[], clock: Clock): Promise<void> {
  for (const { symbol, events } of batches) {
    for (const event of events) {
      const room = stream.write(symbol, event);
      if (room !== undefined) await room;
    }
    const room = stream.flush(clock.unixNanos());
    if (room !== undefined) await room;
  }
}

async function sleep(clock: Clock, delayMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    clock.setTimer(Math.max(0, delayMs), resolve);
  });
}
