import type { DepthcastError } from "../errors.ts";

/** A record with its place in the log. */
export interface LogEntry {
  /** 0, 1, 2, …: the place in the log. */
  readonly index: number;
  readonly record: ArrayBuffer;
}

/**
 * Takes the log's entries, in order and without a gap. While a returned promise is pending nothing
 * further is delivered. It must not throw: what it throws ends the process as an unhandled rejection.
 */
export interface LogConsumer {
  consume(entries: readonly LogEntry[]): void | Promise<void>;
}

/** Ends a subscription to the log. */
export interface LogSubscription {
  cancel(): void;
}

/** Told what goes on in a log that is written down. */
export interface LogObserver {
  /** Why nothing can be appended has changed; undefined = it can again. */
  faultChanged(fault: string | undefined): void;
  /** Records became durable together. */
  committed(records: number, seconds: number): void;
  /** The log can go on no more, and tells nothing further: what was under way may be in it or not. */
  failed(failure: DepthcastError): void;
}

/**
 * The durable, ordered sequence of accepted batches: the only source of truth. Everything after it is a
 * pure function of its entries.
 */
export interface OrderLog {
  /** Names the sequence space; new whenever the log was created, replaced or shortened. */
  readonly epoch: bigint;
  /** The first entry still kept. */
  readonly startIndex: number;
  /** One past the last durable entry. */
  readonly endIndex: number;
  /** Bytes that the kept entries take, roughly; 0 where nothing is written down. */
  readonly bytes: number;
  /** Why nothing can be appended for the time being, in words for an operator; undefined = it can. */
  readonly fault: string | undefined;
  /**
   * Adds a record and resolves with its place once it is durable. Records of one caller keep their order.
   * The buffer belongs to the log from then on.
   *
   * @throws DepthcastError `unavailable` or `resource_exhausted`: the record is not in the log.
   */
  append(record: ArrayBuffer): Promise<number>;
  /** Entries from `fromIndex` up to the end at the time of the call. */
  read(fromIndex: number): AsyncIterable<LogEntry>;
  /** Delivers durable entries from `fromIndex` on, then those to come. */
  subscribe(fromIndex: number, consumer: LogConsumer): LogSubscription;
  /** Tells `observer` from now on, in place of one before it. */
  observe(observer: LogObserver): void;
  /**
   * Names everything before `index`, an entry that is kept or the end: two logs that have one digest at an index are the same
   * up to there. Book snapshots carry it, so that none is taken for that of another log. Empty where the log keeps none.
   */
  digestAt(index: number): Promise<string>;
  /** Forgets the entries before `beforeIndex`, which every subscriber must have consumed. */
  truncate(beforeIndex: number): Promise<void>;
  /** Refuses what comes, delivers what is durable, and releases everything. */
  close(): Promise<void>;
}
