import { crc32 } from "node:zlib";
import { decodeRecord, RecordKind } from "../../src/log/record.ts";
import { CrashFlow, SHARED_SYMBOL, producerId } from "./crash-flow.ts";
import type { SeenState } from "./crash-consumers.ts";
import { modelEvent } from "./flow-event.ts";
import { NaiveBook, type NaiveLevel } from "./naive-book.ts";

/** One producer as the log has it so far. */
interface ModelProducer {
  readonly flow: CrashFlow;
  applied: number;
}

/** What became of events. */
export interface ModelCounts {
  accepted: number;
  rejected: number;
}

/**
 * What a log means by PROTOCOL sections 2 and 3: naive books, and a batch counts where its number is the producer's
 * next. The events are those that the producer made, not those of the record.
 */
export class CrashModel {
  readonly books = new Map<string, NaiveBook>();
  readonly counts: ModelCounts = { accepted: 0, rejected: 0 };
  duplicates = 0;
  readonly #producers = new Map<string, ModelProducer>();
  readonly #symbols: string[] = [];
  readonly #depth: number;
  /** By symbol, the checksum of the best levels wherever a batch ended. */
  readonly #checksums = new Map<string, Map<number, number>>();
  readonly #wanted = new Map<string, Set<number>>();

  /** @param seen what is looked up later: only these states are kept */
  constructor(seed: number, producers: number, depth: number, seen: Iterable<SeenState>) {
    for (let producer = 0; producer < producers; producer += 1) {
      this.#producers.set(producerId(producer), { flow: new CrashFlow(seed, producer), applied: 0 });
    }
    this.#depth = depth;
    for (const [symbol, sequence] of seen) {
      if (!this.#wanted.has(symbol)) this.#wanted.set(symbol, new Set());
      this.#wanted.get(symbol)!.add(sequence);
    }
  }

  /** The last batch of a producer that the log has. */
  applied(producer: number): number {
    return this.#producers.get(producerId(producer))!.applied;
  }

  /** Takes the next record of the log. @throws Error where it should not be there. */
  take(record: Uint8Array): void {
    const { buffer, byteOffset, byteLength } = record;
    const decoded = decodeRecord(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
    if (decoded.kind === RecordKind.define) this.#define(decoded.instrument.symbol);
    if (decoded.kind !== RecordKind.batch) return;
    const { producerId: id, batchNumber, instrument, events } = decoded;
    const producer = this.#producers.get(id);
    if (producer === undefined) throw new Error(`a batch of "${id}"`);
    if (batchNumber <= producer.applied) {
      this.duplicates += 1;
      return;
    }
    if (batchNumber !== producer.applied + 1) {
      throw new Error(`${id}: batch ${batchNumber} comes after ${producer.applied}`);
    }
    producer.applied = batchNumber;
    const batch = producer.flow.next();
    if (this.#symbols[instrument - 1] !== batch.symbol || events.length !== batch.events.length) {
      throw new Error(`${id}: batch ${batchNumber} is not what was made`);
    }
    this.#apply(batch.symbol, batch.events.map(modelEvent));
  }

  /** @throws Error where no batch ended there, or the book was another. */
  expectSeen([symbol, sequence, checksum]: SeenState): void {
    const wanted = this.#checksums.get(symbol)?.get(sequence);
    if (wanted === undefined) throw new Error(`${symbol}: no batch ended at sequence ${sequence}`);
    if (wanted !== checksum) throw new Error(`${symbol}: another book was shown at sequence ${sequence}`);
  }

  #define(symbol: string): void {
    if (this.books.has(symbol)) return;
    this.#symbols.push(symbol);
    this.books.set(
      symbol,
      new NaiveBook({
        crossPolicy: symbol === SHARED_SYMBOL ? 2 : 1,
        tickSize: 0,
        lotSize: 0,
        liveOrdersMax: 10_000_000,
        levelsPerSideMax: 1_000_000,
      }),
    );
    this.#checksums.set(symbol, new Map());
    this.#keep(symbol);
  }

  #apply(symbol: string, events: readonly ReturnType<typeof modelEvent>[]): void {
    const book = this.books.get(symbol)!;
    for (const event of events) {
      if (book.apply(event) === 0) this.counts.accepted += 1;
      else this.counts.rejected += 1;
    }
    this.#keep(symbol);
  }

  #keep(symbol: string): void {
    const book = this.books.get(symbol)!;
    if (this.#wanted.get(symbol)?.has(book.sequence) !== true) return;
    const sum = sumOf(1, book.top(1, this.#depth)) + sumOf(2, book.top(2, this.#depth));
    this.#checksums.get(symbol)!.set(book.sequence, sum % 2 ** 32);
  }
}

function sumOf(side: number, levels: readonly NaiveLevel[]): number {
  const bytes = Buffer.alloc(17);
  bytes.writeUInt8(side, 0);
  let sum = 0;
  for (const [price, quantity] of levels) {
    bytes.writeBigInt64LE(BigInt(price), 1);
    bytes.writeBigInt64LE(BigInt(quantity), 9);
    sum += crc32(bytes);
  }
  return sum;
}
