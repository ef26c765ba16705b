import { monitorEventLoopDelay } from "node:perf_hooks";
import { Gauge, type Registry } from "@prometheus-io/client";
import { counter } from "./registered.ts";

/**
 * Each sample wakes the thread, also one that has nothing else to do; with 10 ms that was 2 ms of processor time a
 * second for each thread. What blocks the loop for less is seen in part of the cases only.
 */
const LOOP_SAMPLING_MS = 25;

/** Of one thread: the delay of its event loop and its heap. Returns what ends the measuring. */
export function registerThread(registry: Registry, thread: string): () => void {
  const loopDelay = monitorEventLoopDelay({ resolution: LOOP_SAMPLING_MS });
  loopDelay.enable();
  const delayGauge = new Gauge({
    name: "depthcast_event_loop_delay_seconds",
    help: "How late the event loop ran since the last scrape.",
    labelNames: ["thread", "quantile"],
    registers: [registry],
    collect() {
      this.set({ thread, quantile: "0.5" }, delaySeconds(loopDelay.percentile(50)));
      this.set({ thread, quantile: "0.99" }, delaySeconds(loopDelay.percentile(99)));
      this.set({ thread, quantile: "1" }, delaySeconds(loopDelay.max));
      loopDelay.reset();
    },
  });
  const memoryGauge = new Gauge({
    name: "depthcast_thread_memory_bytes",
    help: "Memory of the thread.",
    labelNames: ["thread", "kind"],
    registers: [registry],
    collect() {
      const { heapUsed, external, arrayBuffers } = process.memoryUsage();
      this.set({ thread, kind: "heap_used" }, heapUsed);
      this.set({ thread, kind: "external" }, external);
      this.set({ thread, kind: "array_buffers" }, arrayBuffers);
    },
  });
  void delayGauge;
  void memoryGauge;
  return () => loopDelay.disable();
}

/** Of the whole process, to be told by one of its threads. */
export function registerProcess(registry: Registry): void {
  const memoryGauge = new Gauge({
    name: "depthcast_process_memory_bytes",
    help: "Memory of the process.",
    labelNames: ["kind"],
    registers: [registry],
    collect() {
      this.set({ kind: "resident" }, process.memoryUsage.rss());
    },
  });
  counter(
    registry,
    "depthcast_process_cpu_seconds_total",
    "Processor time, user and system.",
    () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6,
  );
  void memoryGauge;
}

/** The histogram holds the spans between its own timers: what is over their period is the delay. */
function delaySeconds(spanNanos: number): number {
  const delayNanos = spanNanos - LOOP_SAMPLING_MS * 1e6;
  // Without a sample the maximum is 0 and a percentile is huge.
  return delayNanos > 0 && delayNanos < 9e18 ? delayNanos / 1e9 : 0;
}
