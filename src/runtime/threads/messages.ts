import type { Instrument } from "../../book/instrument.ts";
import type { ListedInstrument } from "../../book/instrument-directory.ts";
import type { BookIntegrity } from "../../engine/engine.ts";
import type { EngineTurn, PlainError } from "../../engine/engine-turn.ts";
import type { BatchOutcome } from "../../engine/ingest-batch.ts";
import type { EncodedBatch } from "../../engine/ingest-port.ts";
import { DepthcastError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { LogRules } from "../../log/record.ts";
import type { BookSnapshot } from "../../log/snapshot/snapshot.ts";
import type { LogLevel } from "../../observability/logger.ts";
import type { GatewayAddresses } from "../gateway.ts";

/**
 * What threads say to each other. The core has the log, the gate and the sequencer; engines have books; gateways
 * have sockets. Core and gateway, and core and engine, talk over the worker's own port; engine and gateway over
 * a channel of their own. `call` pairs a question with its `answer`.
 */

/** A clock that every thread can make for itself: `module` exports `createClock(data)`. */
export interface SharedClock {
  readonly module: string;
  readonly data: unknown;
}

// Core and engine

export interface EngineSetup {
  /** Its number, from 0. */
  readonly engine: number;
  readonly limits: Limits;
  readonly hashSeed: number;
  readonly readers: number;
}

/** One thing to do, in the order of the log. */
export type EngineTask =
  | { readonly logIndex: number; readonly record: ArrayBuffer }
  | { readonly logIndex: number; readonly instrument: number; readonly definition: Instrument }
  | { readonly logIndex: number; readonly rules: LogRules };

export type ToEngine =
  | { readonly kind: "turn"; readonly tasks: readonly EngineTask[] }
  | { readonly kind: "reader"; readonly reader: number; readonly port: MessagePort }
  | { readonly kind: "reader_gone"; readonly call: number; readonly reader: number }
  | { readonly kind: "export"; readonly call: number; readonly instrument: number }
  | { readonly kind: "restore"; readonly call: number; readonly book: BookSnapshot }
  | { readonly kind: "integrity"; readonly call: number }
  | { readonly kind: "hashes"; readonly call: number }
  | { readonly kind: "metrics"; readonly call: number };

export type FromEngine =
  | { readonly kind: "ready"; readonly control: SharedArrayBuffer }
  | { readonly kind: "turn"; readonly turn: EngineTurn }
  | { readonly kind: "answer"; readonly call: number; readonly answer: unknown };

// Engine and gateway

export type EngineToGateway =
  | { readonly kind: "buffer"; readonly instrument: number; readonly buffer: SharedArrayBuffer }
  | { readonly kind: "ring" }
  | { readonly kind: "answer"; readonly call: number; readonly answer: boolean };

export type GatewayToEngine =
  | { readonly kind: "claim"; readonly call: number; readonly instrument: number; readonly levels: number }
  | { readonly kind: "release"; readonly instrument: number; readonly levels: number };

// Core and gateway

export interface GatewaySetup {
  /** Its number as a reader of the boards, from 0. */
  readonly reader: number;
  readonly limits: Limits;
  readonly epoch: bigint;
  /** Why the order log takes nothing, where it does not. */
  readonly logFault: string | undefined;
  readonly instruments: readonly ListedInstrument[];
  readonly origins: readonly string[];
  readonly debugIntegrity: boolean;
  readonly clock: SharedClock | undefined;
  /** One for each engine, in the order of the engines. */
  readonly boards: readonly { readonly control: SharedArrayBuffer; readonly port: MessagePort }[];
}

export type ToGateway =
  | { readonly kind: "listen"; readonly call: number; readonly addresses: GatewayAddresses }
  | { readonly kind: "outcomes"; readonly outcomes: readonly SubmitOutcome[] }
  | { readonly kind: "ended"; readonly stream: number; readonly reason: PlainError }
  /** Tell when what the stream has received so far was submitted. */
  | { readonly kind: "submitted"; readonly call: number; readonly stream: number }
  | { readonly kind: "instrument"; readonly call: number; readonly listed: ListedInstrument }
  | { readonly kind: "metrics"; readonly call: number }
  | { readonly kind: "log_fault"; readonly fault: string | undefined }
  | { readonly kind: "send_away" }
  /** Throw, as a fault would: for tests. */
  | { readonly kind: "fail" }
  | { readonly kind: "stop"; readonly call: number }
  | { readonly kind: "answer"; readonly call: number; readonly answer: unknown };

/** What became of a submitted batch; the epoch is the server's. */
export interface SubmitOutcome {
  readonly token: number;
  readonly outcome: Omit<BatchOutcome, "epoch"> | PlainError;
}

export type FromGateway =
  | { readonly kind: "open"; readonly stream: number }
  | { readonly kind: "close"; readonly stream: number }
  | { readonly kind: "submit"; readonly stream: number; readonly token: number; readonly batch: EncodedBatch }
  | { readonly kind: "define"; readonly call: number; readonly instrument: Instrument }
  | { readonly kind: "position"; readonly call: number; readonly producerId: string }
  | { readonly kind: "metrics"; readonly call: number }
  | { readonly kind: "integrity"; readonly call: number }
  | { readonly kind: "log"; readonly level: LogLevel; readonly fields: object; readonly message: string }
  | { readonly kind: "answer"; readonly call: number; readonly answer: unknown };

/** An answer that may be an error. */
export type Fallible<Value> = { readonly value: Value } | { readonly error: PlainError };

export type IntegrityAnswer = readonly BookIntegrity[];
export type HashesAnswer = readonly (readonly [symbol: string, hash: string])[];

export function toPlain(thrown: unknown): PlainError {
  const { code, message, details } = DepthcastError.from(thrown);
  return { code, message, details };
}

export function fromPlain({ code, message, details }: PlainError): DepthcastError {
  return new DepthcastError(code, message, details);
}

export function isPlainError(value: object): value is PlainError {
  return "code" in value;
}

/** Runs `action`; what it throws becomes the answer. */
export async function fallible<Value>(action: () => Promise<Value>): Promise<Fallible<Value>> {
  try {
    return { value: await action() };
  } catch (thrown) {
    return { error: toPlain(thrown) };
  }
}

/** The value. @throws DepthcastError what the other thread threw. */
export function unwrap<Value>(answer: Fallible<Value>): Value {
  if ("error" in answer) throw fromPlain(answer.error);
  return answer.value;
}
