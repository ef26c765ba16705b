import type { DepthcastError } from "../errors.ts";
import type { RecordGroup } from "./record-group.ts";

/** Where the records are written: another thread. */
export interface LogWriter {
  /**
   * Writes the records behind those before; `committed` tells of them in the same order, or `refused`.
   *
   * @param refusals how many times `refused` has told by now: what is sent without knowing of a refusal is refused with it, so that
   *   nothing is logged behind a gap
   */
  append(group: RecordGroup, refusals: number): void;
  read(fromIndex: number, endIndex: number): Promise<RecordGroup>;
  digestAt(index: number): Promise<string>;
  truncate(beforeIndex: number): Promise<void>;
  close(): Promise<void>;
}

/** What the writer tells. */
export interface WriterEvents {
  /** The first `records` of those under way are durable. */
  committed(records: number, bytes: number, seconds: number): void;
  /** Nothing of what is under way is in the log, or will be. */
  refused(reason: DepthcastError): void;
  faultChanged(fault: string | undefined): void;
  bytesChanged(bytes: number): void;
  /** There is no writer any more. What is under way may be in the log or not. */
  failed(failure: DepthcastError): void;
}
