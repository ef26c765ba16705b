import type { Benchmark } from "./support/benchmark.ts";

/** Every benchmark, in the order in which `npm run bench` runs them. */
export const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  book: async () => (await import("./book/book.ts")).bookBenchmark,
  codec: async () => (await import("./codec/codec.ts")).codecBenchmark,
  ingest: async () => (await import("./ingest/ingest.ts")).ingestBenchmark,
  "fanout-ws": async () => (await import("./fanout/fanout-ws.ts")).webSocketFanoutBenchmark,
  "fanout-grpc": async () => (await import("./fanout/fanout-grpc.ts")).grpcFanoutBenchmark,
  latency: async () => (await import("./latency/latency.ts")).latencyBenchmark,
  conflation: async () => (await import("./conflation/conflation.ts")).conflationBenchmark,
  threads: async () => (await import("./threads/threads.ts")).threadsBenchmark,
  recovery: async () => (await import("./recovery/recovery.ts")).recoveryBenchmark,
  scale: async () => (await import("./scale/scale.ts")).scaleBenchmark,
  page: async () => (await import("./page/page.ts")).pageBenchmark,
};
