import type { PlainError } from "../../engine/engine-turn.ts";
import type { RecordGroup } from "../../log/record-group.ts";
import type { SentGroup } from "../../log/sqlite/group-writer.ts";
import type { Fallible } from "./messages.ts";

/** What the core and the thread of the order log say to each other. */

export interface LogSetup {
  readonly path: string;
  readonly bytesMax: number;
  /** Of the log where it is new. */
  readonly epoch: bigint;
}

export type ToLog =
  | ({ readonly kind: "append" } & SentGroup)
  | { readonly kind: "read"; readonly call: number; readonly fromIndex: number; readonly endIndex: number }
  | { readonly kind: "digest"; readonly call: number; readonly index: number }
  | { readonly kind: "truncate"; readonly call: number; readonly beforeIndex: number }
  | { readonly kind: "close"; readonly call: number };

/** The log as it was opened. */
export interface OpenedLog {
  readonly epoch: bigint;
  readonly startIndex: number;
  readonly endIndex: number;
  readonly bytes: number;
}

export type FromLog =
  | { readonly kind: "opened"; readonly opened: Fallible<OpenedLog> }
  | { readonly kind: "committed"; readonly records: number; readonly bytes: number; readonly seconds: number }
  | { readonly kind: "refused"; readonly reason: PlainError }
  | { readonly kind: "fault"; readonly fault: string | undefined }
  | { readonly kind: "bytes"; readonly bytes: number }
  | {
      readonly kind: "answer";
      readonly call: number;
      readonly answer: Fallible<RecordGroup | string | undefined>;
    };
