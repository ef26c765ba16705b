import type { BenchmarkContext, ReportTable } from "../support/benchmark.ts";
import { median, quantile } from "../support/measure.ts";
import { type IngestServer, withServers } from "./ingest-servers.ts";

const BATCH_EVENTS = 100;
/** As many batches as are sent in a round, by how many are under way. */
const IN_FLIGHT = [
  { inFlight: 1, batches: 500 },
  { inFlight: 64, batches: 3000 },
] as const;

/** How long a batch waits for its acknowledgement: medians over rounds in turn. */
export async function ackTimesTable(
  servers: readonly IngestServer[],
  smoke: boolean,
  progress: BenchmarkContext["progress"],
): Promise<ReportTable> {
  const rows = await withServers(servers, BATCH_EVENTS, smoke, async (pairs) => {
    const all: (string | number)[][] = [];
    for (const { inFlight, batches } of IN_FLIGHT) {
      progress(`acknowledgements, ${inFlight} in flight`);
      const perSecond: number[][] = pairs.map(() => []);
      const p50: number[][] = pairs.map(() => []);
      const p99: number[][] = pairs.map(() => []);
      // Round 0 warms up.
      for (let round = 0; round <= (smoke ? 1 : 5); round++) {
        for (const [at, { producer }] of pairs.entries()) {
          const order = { batches: smoke ? 70 : batches, inFlight };
          const { events, wallSeconds, ackMs } = await producer.ask("time", order);
          if (round === 0) continue;
          perSecond[at]!.push(events / wallSeconds);
          p50[at]!.push(quantile(ackMs, 0.5));
          p99[at]!.push(quantile(ackMs, 0.99));
        }
      }
      for (const [at, { server }] of pairs.entries()) {
        const figures = [median(perSecond[at]!) / 1e6, median(p50[at]!), median(p99[at]!)];
        all.push([String(inFlight), server.name, ...figures]);
      }
    }
    return all;
  });
  return {
    title: `Acknowledgement of batches of ${BATCH_EVENTS}`,
    columns: ["batches in flight", "server", "M events/s", "p50 ms", "p99 ms"],
    rows,
  };
}
