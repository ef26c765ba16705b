import { CrossPolicy } from "../../src/book/instrument.ts";
import type { OrderEventColumns } from "../../src/book/order-events.ts";
import { LIMITS } from "../../src/limits.ts";
import type { OrderLog } from "../../src/log/order-log.ts";
import { encodeBatchRecord, encodeDefineRecord, encodeRulesRecord } from "../../src/log/record.ts";
import { openSqliteLog } from "../../src/runtime/threads/log-worker.ts";
import { createBatches } from "../flows/batches.ts";
import { createFlow } from "../flows/flows.ts";

export const BATCH_EVENTS = 100;
export const SYMBOL = {
  symbol: "BTC-USD",
  priceScale: 2,
  quantityScale: 0,
  crossPolicy: CrossPolicy.flag,
  tickSize: 0,
  lotSize: 0,
  description: "",
};
const PRODUCER = "bench";

/** What a server with the default limits has in its log after `events` events of flow R. */
export async function writeLog(path: string, events: number, smoke: boolean): Promise<void> {
  const log = await openSqliteLog({ path });
  await log.append(
    encodeRulesRecord({
      rulesVersion: 1,
      liveOrdersMax: LIMITS.liveOrdersMax.default,
      levelsPerSideMax: LIMITS.levelsPerSideMax.default,
      instrumentsMax: LIMITS.instrumentsMax.default,
      producersMax: LIMITS.producersMax.default,
    }),
  );
  await log.append(encodeDefineRecord(SYMBOL));
  const flow = createFlow("R", smoke);
  const numbers = { last: 0 };
  await append(log, flow.prefill(), numbers);
  const batches = createBatches(10_000, BATCH_EVENTS);
  while (numbers.last < events / BATCH_EVENTS) {
    flow.fill(batches);
    await append(log, batches, numbers);
  }
  await log.close();
}

/** A record of the log. */
export function recordOf(columns: OrderEventColumns, batchNumber: number): ArrayBuffer {
  return encodeBatchRecord({
    instrument: 1,
    producerId: PRODUCER,
    batchNumber,
    sourceTimeLow: 0,
    sourceTimeHigh: 0,
    events: columns,
  });
}

async function append(
  log: OrderLog,
  batches: readonly OrderEventColumns[],
  numbers: { last: number },
): Promise<void> {
  await Promise.all(batches.map((columns) => log.append(recordOf(columns, ++numbers.last))));
}
