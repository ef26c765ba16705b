import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect } from "vitest";
import { SlotWord } from "../../src/board/slot-buffer.ts";

export interface WriterTask {
  readonly board: number;
  readonly readers: number;
  /** Publications of the deep instrument between two changes of its capacity. */
  readonly resizeEvery: number;
}

export interface ReaderTask {
  readonly reader: number;
  /** Of each board. */
  readonly controls: readonly SharedArrayBuffer[];
  readonly copiesMin: number;
  readonly durationMinMs: number;
}

interface WriterResult {
  readonly sequence: number;
  readonly resizes: number;
}

export type WriterMessage =
  | { readonly kind: "control"; readonly board: number; readonly control: SharedArrayBuffer }
  | ({ readonly kind: "buffer" } & Announcement)
  | ({ readonly kind: "written"; readonly board: number } & WriterResult);

interface Announcement {
  readonly board: number;
  readonly instrument: number;
  readonly buffer: SharedArrayBuffer;
}

export type ToReader =
  | { readonly kind: "stop" }
  | ({ readonly kind: "buffer"; readonly capacity: number } & Announcement);

export interface ReaderResult {
  readonly copies: number;
  /** Copies that were not what was published at their sequence. */
  readonly torn: number;
  readonly backwards: number;
  readonly notReadable: number;
  /** Copies that were newer than the one before. */
  readonly advances: number;
  /** The last sequences read of the small and the deep instrument, of each board. */
  readonly newest: readonly (readonly number[])[];
}

export interface BoardStressOptions {
  /** Engines, each with a board of its own. */
  readonly writers: number;
  readonly readers: number;
  /** Of each reader. */
  readonly copiesMin: number;
  readonly durationMinMs: number;
  readonly deadlineMs: number;
}

export interface BoardStressResult {
  readonly writers: readonly WriterResult[];
  readonly readers: readonly ReaderResult[];
}

const WRITER = new URL("../stress/board-writer.worker.ts", import.meta.url);
const READER = new URL("../stress/board-reader.worker.ts", import.meta.url);
const RESIZE_EVERY = 500;

/** Writers and readers, each on a thread of its own, at full speed; this thread hands on announcements. */
export async function runBoards(options: BoardStressOptions): Promise<BoardStressResult> {
  const threads = new Threads(options.deadlineMs);
  try {
    const { writers, controls, announceTo, written } = await startWriters(threads, options);
    const done: Promise<unknown>[] = [];
    const readers: Worker[] = [];
    for (let reader = 0; reader < options.readers; reader += 1) {
      const { copiesMin, durationMinMs } = options;
      const task: ReaderTask = { reader, controls, copiesMin, durationMinMs };
      const worker = threads.start(READER, task);
      await threads.next(worker);
      done.push(threads.next(worker));
      readers.push(worker);
      announceTo(worker);
    }
    for (const writer of writers) writer.postMessage("go");
    await Promise.all(done);
    for (const writer of writers) writer.postMessage("stop");
    const writerResults = await threads.orFailed(written);
    const results = readers.map((reader) => {
      const result = threads.next<ReaderResult>(reader);
      reader.postMessage({ kind: "stop" } satisfies ToReader);
      return result;
    });
    return { writers: writerResults, readers: await Promise.all(results) };
  } finally {
    await threads.stop();
  }
}

interface Writers {
  readonly writers: readonly Worker[];
  readonly controls: readonly SharedArrayBuffer[];
  readonly announceTo: (reader: Worker) => void;
  readonly written: Promise<WriterResult[]>;
}

async function startWriters(threads: Threads, options: BoardStressOptions): Promise<Writers> {
  const announced: Announcement[] = [];
  const readers: Worker[] = [];
  const announce = (reader: Worker, announcement: Announcement): void => {
    const capacity = new Int32Array(announcement.buffer)[SlotWord.capacity]!;
    reader.postMessage({ kind: "buffer", ...announcement, capacity } satisfies ToReader);
  };
  const boards = Array.from({ length: options.writers }, (_, board) => {
    const control = Promise.withResolvers<SharedArrayBuffer>();
    const written = Promise.withResolvers<WriterResult>();
    const task: WriterTask = { board, readers: options.readers, resizeEvery: RESIZE_EVERY };
    const worker = threads.start(WRITER, task);
    worker.on("message", (message: WriterMessage) => {
      if (message.kind === "control") control.resolve(message.control);
      else if (message.kind === "written") written.resolve(message);
      else {
        announced.push(message);
        for (const reader of readers) announce(reader, message);
      }
    });
    return { worker, control: control.promise, written: written.promise };
  });
  return {
    writers: boards.map(({ worker }) => worker),
    controls: await threads.orFailed(Promise.all(boards.map(({ control }) => control))),
    announceTo(reader) {
      readers.push(reader);
      for (const announcement of announced) announce(reader, announcement);
    },
    written: Promise.all(boards.map(({ written }) => written)),
  };
}

/** Threads that belong together: when one fails, or time is up, whoever waits for any of them is told. */
export class Threads {
  readonly #workers: Worker[] = [];
  readonly #failed = new AbortController();
  readonly #signal: AbortSignal;

  constructor(deadlineMs: number) {
    this.#signal = AbortSignal.any([this.#failed.signal, AbortSignal.timeout(deadlineMs)]);
  }

  start(program: URL, workerData: unknown): Worker {
    const worker = new Worker(program, { workerData });
    worker.on("error", (error) => this.#failed.abort(error));
    this.#workers.push(worker);
    return worker;
  }

  async next<Message>(worker: Worker): Promise<Message> {
    return ((await once(worker, "message", { signal: this.#signal })) as [Message])[0];
  }

  async orFailed<Result>(promise: Promise<Result>): Promise<Result> {
    const failed = Promise.withResolvers<never>();
    const abort = (): void => failed.reject(this.#signal.reason as Error);
    this.#signal.addEventListener("abort", abort, { once: true });
    return Promise.race([promise, failed.promise]);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

/** That nothing is torn, no sequence went back, and at the end everybody has the newest. */
export function expectSound({ writers, readers }: BoardStressResult): void {
  for (const { torn, backwards, newest, advances } of readers) {
    expect({ torn, backwards }).toEqual({ torn: 0, backwards: 0 });
    expect(newest).toEqual(writers.map(({ sequence }) => [sequence, sequence]));
    expect(advances).toBeGreaterThan(0);
  }
  for (const { sequence, resizes } of writers) {
    expect(sequence).toBeGreaterThan(5000);
    expect(resizes).toBeGreaterThan(2);
  }
}

/** Returns all copies, and prints how much was done. */
export function countCopies(what: string, { writers, readers }: BoardStressResult): number {
  const total = (counts: readonly number[]): number => counts.reduce((sum, count) => sum + count, 0);
  const copies = total(readers.map((reader) => reader.copies));
  const advances = total(readers.map((reader) => reader.advances));
  const published = total(writers.map(({ sequence }) => sequence));
  const resizes = total(writers.map((writer) => writer.resizes));
  process.stdout.write(
    `board, ${what}: ${copies} copies, ${advances} of them newer than the one before, of ${published} publications, ${resizes} new buffers\n`,
  );
  return copies;
}
