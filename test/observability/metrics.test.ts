import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PlainHistogram } from "../../src/observability/histogram.ts";
import { createMetrics, type Metrics } from "../../src/observability/metrics.ts";

let metrics: Metrics;
beforeEach(() => {
  metrics = createMetrics();
});
afterEach(() => metrics.stop());

/** The samples of a scrape, by name and labels as they stand. */
async function scrape(): Promise<Map<string, number>> {
  const text = await metrics.text();
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ")))]),
  );
}

test("ingest: accepted, refused by reason, batches, duplicates, acknowledgements", async () => {
  metrics.ingest.batchesApplied(1, 5, Float64Array.from([0, 1, 0, 0, 2, 0]));
  metrics.ingest.batchesApplied(1, 3, Float64Array.from([0, 0, 0, 0, 1, 0]));
  metrics.ingest.batchDuplicate();
  metrics.ingest.acknowledged(0.002);
  const samples = await scrape();
  expect(samples.get("depthcast_events_accepted_total")).toBe(8);
  expect(samples.get('depthcast_events_refused_total{reason="duplicate_order"}')).toBe(1);
  expect(samples.get('depthcast_events_refused_total{reason="crossed_book"}')).toBe(3);
  expect(samples.get('depthcast_events_refused_total{reason="capacity"}')).toBe(0);
  expect(samples.get("depthcast_batches_applied_total")).toBe(2);
  expect(samples.get("depthcast_batches_duplicate_total")).toBe(1);
  expect(samples.get("depthcast_acknowledgement_seconds_count")).toBe(1);
});

test("the order log: commits, their records and how long they took", async () => {
  metrics.log.committed(10, 0.002);
  metrics.log.committed(3, 0.004);
  metrics.watch({ logBytes: () => 7000, logEntries: () => 13 });
  const samples = await scrape();
  expect(samples.get("depthcast_log_records_total")).toBe(13);
  expect(samples.get("depthcast_log_commit_seconds_count")).toBe(2);
  expect(samples.get("depthcast_log_bytes")).toBe(7000);
  expect(samples.get("depthcast_log_entries")).toBe(13);
});

test("broadcast: updates by kind and dialect, merged intervals, flushes, ages, cut-offs", async () => {
  metrics.broadcast.updatesSent("delta", "json", 3);
  metrics.broadcast.updatesSent("delta", "json", 2);
  metrics.broadcast.mergedIntervals(7);
  metrics.broadcast.flushed(0.0003);
  metrics.broadcast.delivered(0.02, 100);
  metrics.broadcast.consumerCutOff("stalled");
  const samples = await scrape();
  expect(samples.get('depthcast_updates_sent_total{kind="delta",dialect="json"}')).toBe(5);
  expect(samples.get('depthcast_updates_sent_total{kind="delta",dialect="proto"}')).toBe(0);
  expect(samples.get("depthcast_merged_intervals_total")).toBe(7);
  expect(samples.get('depthcast_flush_seconds_bucket{le="0.0005"}')).toBe(1);
  expect(samples.get('depthcast_delivery_age_seconds_bucket{le="0.01"}')).toBe(0);
  expect(samples.get('depthcast_delivery_age_seconds_bucket{le="0.025"}')).toBe(100);
  expect(samples.get("depthcast_delivery_age_seconds_sum")).toBeCloseTo(2);
  expect(samples.get('depthcast_consumers_cut_off_total{reason="stalled"}')).toBe(1);
});

test("transports: consumers come and go, totals stay", async () => {
  metrics.transport.consumerConnected("websocket");
  metrics.transport.consumerConnected("websocket");
  metrics.transport.consumerDisconnected("websocket");
  metrics.transport.bytesSent("grpc", 1234);
  metrics.transport.requestRefused("websocket");
  metrics.transport.roundTrip(0.01);
  const samples = await scrape();
  expect(samples.get('depthcast_consumers{transport="websocket"}')).toBe(1);
  expect(samples.get('depthcast_consumers_connected_total{transport="websocket"}')).toBe(2);
  expect(samples.get('depthcast_sent_bytes_total{transport="grpc"}')).toBe(1234);
  expect(samples.get('depthcast_requests_refused_total{transport="websocket"}')).toBe(1);
  expect(samples.get("depthcast_websocket_round_trip_seconds_count")).toBe(1);
});

test("gauges are read when scraped, the newest callback counts", async () => {
  let views = 4;
  metrics.watch({ views: () => views, grpcConnections: () => 2, httpConnections: () => 3 });
  expect((await scrape()).get("depthcast_views")).toBe(4);
  views = 5;
  expect((await scrape()).get("depthcast_views")).toBe(5);
  metrics.watch({ views: () => 9 });
  const samples = await scrape();
  expect(samples.get("depthcast_views")).toBe(9);
  expect(samples.get('depthcast_connections{transport="grpc"}')).toBe(2);
  expect(samples.get('depthcast_connections{transport="http"}')).toBe(3);
});

test("the process: memory, and a blocked event loop shows", async () => {
  await new Promise((resolve) => setTimeout(resolve, 30));
  const until = performance.now() + 120;
  while (performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 30));
  const samples = await scrape();
  expect(samples.get('depthcast_event_loop_delay_seconds{thread="main",quantile="1"}')).toBeGreaterThan(0.08);
  expect(samples.get('depthcast_process_memory_bytes{kind="resident"}')).toBeGreaterThan(1e6);
});

test("every name has help and type, and two servers in a process do not mix", async () => {
  const other = createMetrics();
  other.ingest.batchDuplicate();
  expect((await scrape()).get("depthcast_batches_duplicate_total")).toBe(0);
  const text = await other.text();
  other.stop();
  const names = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  expect(names.length).toBeGreaterThan(20);
  for (const [, name, type] of names) {
    expect(name).toMatch(/^depthcast_/);
    expect(text).toContain(`# HELP ${name} `);
    if (type === "counter") expect(name).toMatch(/_total$/);
    if (type === "histogram") expect(name).toMatch(/_seconds$/);
  }
});

describe("PlainHistogram", () => {
  const values = async (histogram: PlainHistogram) =>
    (await histogram.get()).values.map(({ labels, value }) => [labels["le"], value]);

  test("buckets are cumulative, their bounds included", async () => {
    const histogram = new PlainHistogram("x_seconds", "x", [1, 2]);
    histogram.observe(1);
    histogram.observe(1.5, 3);
    histogram.observe(99);
    histogram.observe(-1);
    expect(await values(histogram)).toEqual([
      [1, 2],
      [2, 5],
      ["+Inf", 6],
      [undefined, 1 + 4.5 + 99],
      [undefined, 6],
    ]);
  });

  test("reset forgets", async () => {
    const histogram = new PlainHistogram("x_seconds", "x", [1]);
    histogram.observe(1);
    histogram.reset();
    expect((await values(histogram)).every(([, value]) => value === 0)).toBe(true);
  });
});
