import { Threads } from "./board-stress.ts";

/** A step that is left out of each read. */
export type ReadMistake = "R2 left out" | "R3 left out";

/** What the threads of a run share beside the board. */
export const StepWord = { writersSteps: 0, publications: 1 } as const;

export interface SteppingWriterTask {
  readonly progress: SharedArrayBuffer;
  readonly readers: number;
  readonly seed: number;
}

export interface SteppingReaderTask {
  readonly progress: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  readonly buffer: SharedArrayBuffer;
  readonly reader: number;
  readonly seed: number;
  /** After which it ends; or at the first that is torn. */
  readonly copies: number;
  readonly mistake: ReadMistake | undefined;
}

export interface SteppingReaderResult {
  readonly copies: number;
  readonly torn: number;
  readonly backwards: number;
  /** How often R3 found another slot and R1 had to be taken again. */
  readonly wentBack: number;
  /** Copies in the middle of which the writer published. */
  readonly overtaken: number;
}

export interface SteppingOptions {
  readonly seed: number;
  readonly copies: number;
  readonly mistake?: ReadMistake;
}

const WRITER = new URL("../stress/board-stepping-writer.worker.ts", import.meta.url);
const READER = new URL("../stress/board-stepping-reader.worker.ts", import.meta.url);
const READERS = 2;
const DEADLINE_MS = 25_000;

/**
 * A writer and readers that pause after their atomic steps and in the middle of a fill or copy. A reader's
 * pause is counted in the writer's steps, not in time: so the writer comes in between on any machine.
 */
export async function runStepping(options: SteppingOptions): Promise<SteppingReaderResult[]> {
  const threads = new Threads(DEADLINE_MS);
  try {
    const progress = new SharedArrayBuffer(64);
    const writerTask: SteppingWriterTask = { progress, readers: READERS, seed: options.seed };
    const writer = threads.start(WRITER, writerTask);
    const board = await threads.next<{ control: SharedArrayBuffer; buffer: SharedArrayBuffer }>(writer);
    const results = Array.from({ length: READERS }, (_, reader) => {
      const { copies, mistake, seed } = options;
      const task: SteppingReaderTask = {
        ...board,
        progress,
        reader,
        copies,
        mistake,
        seed: seed + 1 + reader,
      };
      return threads.next<SteppingReaderResult>(threads.start(READER, task));
    });
    return await Promise.all(results);
  } finally {
    await threads.stop();
  }
}
