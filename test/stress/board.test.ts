// oxlint-disable unicorn/require-post-message-target-origin -- the threads of Node have no origin
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { SlotWord } from "../../src/board/slot-buffer.ts";

const WRITER = new URL("./board-writer.worker.ts", import.meta.url);
const READER = new URL("./board-reader.worker.ts", import.meta.url);
const READERS = 2;
const DEADLINE_MS = 20_000;

interface WriterResult {
  readonly published: number;
  readonly resizes: number;
}
interface ReaderResult {
  readonly copies: number;
  readonly torn: number;
  readonly backwards: number;
  readonly notReadable: number;
  readonly newest: readonly number[];
}
type WriterMessage =
  | { readonly control: SharedArrayBuffer }
  | { readonly instrument: number; readonly buffer: SharedArrayBuffer }
  | WriterResult;

interface StressTask {
  readonly durationMs: number;
  readonly resizeEvery: number;
  readonly unpinned?: boolean;
  readonly pauseNanos?: number;
}

interface StressResult {
  readonly writer: WriterResult;
  readonly readers: readonly ReaderResult[];
}

function announceTo(reader: Worker, instrument: number, buffer: SharedArrayBuffer): void {
  reader.postMessage({ instrument, buffer, capacity: new Int32Array(buffer)[SlotWord.capacity] });
}

/** One writer and two readers, each on a thread of its own; this thread hands on the announcements. */
async function runBoard(task: StressTask): Promise<StressResult> {
  const { durationMs, resizeEvery, unpinned = false, pauseNanos = 0 } = task;
  const workers: Worker[] = [];
  const failed = new AbortController();
  const signal = AbortSignal.any([failed.signal, AbortSignal.timeout(DEADLINE_MS)]);
  const start = (program: URL, workerData: unknown): Worker => {
    const worker = new Worker(program, { workerData });
    worker.on("error", (error) => failed.abort(error));
    workers.push(worker);
    return worker;
  };
  try {
    const writer = start(WRITER, { readers: READERS, durationMs, resizeEvery });
    const readers: Worker[] = [];
    const buffers: [number, SharedArrayBuffer][] = [];
    const control = Promise.withResolvers<SharedArrayBuffer>();
    const written = Promise.withResolvers<WriterResult>();
    writer.on("message", (message: WriterMessage) => {
      if ("control" in message) control.resolve(message.control);
      else if ("published" in message) written.resolve(message);
      else {
        buffers.push([message.instrument, message.buffer]);
        for (const reader of readers) announceTo(reader, message.instrument, message.buffer);
      }
    });
    const memory = await orAborted(control.promise, signal);
    for (let reader = 0; reader < READERS; reader += 1) {
      const worker = start(READER, { reader, control: memory, unpinned, pauseNanos });
      await once(worker, "message", { signal });
      for (const [instrument, buffer] of buffers) announceTo(worker, instrument, buffer);
      readers.push(worker);
    }
    writer.postMessage("go");
    const writerResult = await orAborted(written.promise, signal);
    const results = readers.map(async (reader) => {
      const answer = once(reader, "message", { signal });
      reader.postMessage("stop");
      return ((await answer) as [ReaderResult])[0];
    });
    return { writer: writerResult, readers: await Promise.all(results) };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => aborted.reject(signal.reason as Error), { once: true });
  return Promise.race([promise, aborted.promise]);
}

function total(results: readonly ReaderResult[], what: "copies" | "torn" | "backwards"): number {
  return results.reduce((sum, result) => sum + result[what], 0);
}

describe("a writer at full speed and two readers on threads of their own", () => {
  test("no copy is torn and no sequence goes back, while buffers grow and shrink", async () => {
    const { writer, readers } = await runBoard({ durationMs: 1500, resizeEvery: 500 });
    expect(writer.published).toBeGreaterThan(5000);
    expect(writer.resizes).toBeGreaterThan(5);
    expect(total(readers, "copies")).toBeGreaterThan(5000);
    expect(total(readers, "torn")).toBe(0);
    expect(total(readers, "backwards")).toBe(0);
    for (const { newest } of readers) expect(newest).toEqual([writer.published, writer.published]);
  });

  test("no copy is torn either where the reader is held up between pinning and copying", async () => {
    const { readers } = await runBoard({ durationMs: 500, resizeEvery: 500, pauseNanos: 20_000 });
    expect(total(readers, "copies")).toBeGreaterThan(200);
    expect(total(readers, "torn")).toBe(0);
    expect(total(readers, "backwards")).toBe(0);
  });

  test("with the pin taken out, the same finds torn copies", async () => {
    const { readers } = await runBoard({
      durationMs: 500,
      resizeEvery: 500,
      pauseNanos: 20_000,
      unpinned: true,
    });
    expect(total(readers, "copies")).toBeGreaterThan(200);
    expect(total(readers, "torn")).toBeGreaterThan(0);
  });
});
