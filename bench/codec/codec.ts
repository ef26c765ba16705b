import {
  atLeast,
  type Benchmark,
  type BenchmarkContext,
  type BenchmarkReport,
  type Goal,
} from "../support/benchmark.ts";
import type { ReportTable } from "../support/benchmark.ts";
import { takeTurns } from "../support/turns.ts";
import { batchDecoders, DECODED_BATCHES } from "./decode.ts";
import { ENCODED_LEVELS, updateEncoders } from "./encode.ts";

export const codecBenchmark: Benchmark = {
  name: "codec",
  about: "decoding of ingest batches and encoding of updates, against protobuf-es and JSON",
  run,
};

const ROUNDS = 9;

interface CodecFigure {
  readonly size: number;
  readonly names: readonly string[];
  /** Nanoseconds an event or level; the first is depthcast. */
  readonly nanos: readonly number[];
  readonly bytes: readonly number[];
}

async function run({ smoke }: BenchmarkContext): Promise<BenchmarkReport> {
  const rounds = smoke ? 1 : ROUNDS;
  const decoded = DECODED_BATCHES.map((events): CodecFigure => {
    const contestants = batchDecoders(events);
    return figure(events, contestants, takeTurns(contestants, rounds, smoke));
  });
  const encoded = ENCODED_LEVELS.map((levels): CodecFigure => {
    const contestants = updateEncoders(levels);
    return figure(levels, contestants, takeTurns(contestants, rounds, smoke));
  });
  return {
    tables: [
      table("Decoding an ingest batch, CPU nanoseconds an event", "events", decoded),
      table("Encoding an update, CPU nanoseconds a level", "levels", encoded),
    ],
    goals: [...goals("decode, events", decoded, 10), ...goals("encode, levels", encoded, 7)],
    notes: [
      "decoding ends in columns for depthcast, in message objects for protobuf-es, in parsed and converted events for JSON",
      "encoding starts from columns; protobuf-es makes its messages from them first",
    ],
  };
}

function figure(
  size: number,
  contestants: readonly { readonly name: string; readonly bytes: number }[],
  nanos: readonly number[],
): CodecFigure {
  return {
    size,
    names: contestants.map(({ name }) => name),
    nanos,
    bytes: contestants.map(({ bytes }) => bytes),
  };
}

function table(title: string, unit: string, figures: readonly CodecFigure[]): ReportTable {
  return {
    title,
    columns: [unit, "codec", "bytes", "ns", "× depthcast"],
    rows: figures.flatMap(({ size, names, nanos, bytes }) =>
      names.map((name, at) => [String(size), name, bytes[at]!, nanos[at]!, nanos[at]! / nanos[0]!]),
    ),
  };
}

function goals(what: string, figures: readonly CodecFigure[], bound: number): Goal[] {
  return figures.map(({ size, names, nanos }) => {
    const peer = names.indexOf("protobuf-es");
    return atLeast(`${what} ${size}: speed of protobuf-es`, nanos[peer]! / nanos[0]!, bound, "×");
  });
}
