import type { BookExport } from "../../book/book-export.ts";
import type { OrderLog } from "../order-log.ts";
import { SectionWriter } from "./section-writer.ts";
import type { BookSnapshot, ProducerPosition, SnapshotHead } from "./snapshot.ts";
import {
  type BookJson,
  type EndJson,
  type HeadJson,
  type ProducersJson,
  SectionKind,
} from "./snapshot-format.ts";

/** Producers of one section. */
const PRODUCERS_BLOCK = 16_384;

export interface SnapshotContent {
  readonly head: SnapshotHead;
  /** The books 1, 2, 3, …; each is asked for when the one before is written. */
  readonly books: AsyncIterable<BookSnapshot>;
  /** The log that it is of. */
  readonly log: Pick<OrderLog, "digestAt">;
}

/**
 * Writes a snapshot file; resolves with its bytes when it is on the disk. Rejects with what the disk says, or with the
 * signal's reason; what is in the file then is of no use.
 */
export async function writeSnapshot(
  path: string,
  { head, books, log }: SnapshotContent,
  signal: AbortSignal,
): Promise<number> {
  const writer = await SectionWriter.create(path, signal);
  try {
    await writeHead(writer, head, await log.digestAt(head.logIndex));
    for (let from = 0; from < head.producers.length; from += PRODUCERS_BLOCK) {
      await writeProducers(writer, head.producers.slice(from, from + PRODUCERS_BLOCK));
    }
    let end = head.logIndex;
    for await (const book of books) {
      await writeBook(writer, book);
      end = Math.max(end, book.appliedThrough + 1);
    }
    const mark = { index: end, digest: await log.digestAt(end) };
    await writer.section(SectionKind.end, { mark, checksum: writer.checksumOfAll } satisfies EndJson);
    await writer.finish();
    return writer.bytes;
  } catch (thrown) {
    await writer.abandon();
    throw thrown;
  }
}

function writeHead(writer: SectionWriter, head: SnapshotHead, digest: string): Promise<void> {
  const { logIndex, rules, instruments, producers } = head;
  const json: HeadJson = {
    mark: { index: logIndex, digest },
    rules,
    instruments,
    producers: producers.length,
  };
  return writer.section(SectionKind.head, json);
}

function writeProducers(writer: SectionWriter, block: readonly ProducerPosition[]): Promise<void> {
  const ids = block.map(([producerId]) => Buffer.from(producerId));
  const numbers = Float64Array.from(block, ([, lastBatchNumber]) => lastBatchNumber);
  const lengths = Uint8Array.from(ids, ({ length }) => length);
  const json: ProducersJson = { count: block.length };
  return writer.section(SectionKind.producers, json, [numbers, lengths, Buffer.concat(ids)]);
}

function writeBook(writer: SectionWriter, { state, ...rest }: BookSnapshot): Promise<void> {
  const json: BookJson = {
    ...rest,
    sequence: state.sequence,
    orders: state.length,
    keyBytes: state.keyBytes.length,
  };
  return writer.section(SectionKind.book, json, columns(state));
}

function columns(state: BookExport): readonly ArrayBufferView[] {
  const { price, quantity, orderIdLow, orderIdHigh, side, nameless } = state;
  const always = [price, quantity, orderIdLow, orderIdHigh, side, nameless];
  return state.keyBytes.length === 0 ? always : [...always, state.keyOffset, state.keyLength, state.keyBytes];
}
