import type { BookExport } from "../../book/book-export.ts";
import { SectionReader } from "./section-reader.ts";
import type { BookSnapshot, ProducerPosition, SnapshotHead } from "./snapshot.ts";
import {
  type BookJson,
  damaged,
  type EndJson,
  type HeadJson,
  type LogMark,
  KEYED_BYTES,
  ORDER_BYTES,
  type ProducersJson,
  SectionKind,
} from "./snapshot-format.ts";

/** What a snapshot file is, once every byte of it was checked. */
export interface SnapshotInfo {
  readonly bytes: number;
  /** Where a replay begins. */
  readonly mark: LogMark;
  /** Up to where any of the books has come. A log fits that has both marks. */
  readonly endMark: LogMark;
  readonly instruments: number;
  readonly producers: number;
}

/**
 * Reads a whole file and checks it, keeping nothing.
 *
 * @throws DepthcastError `internal` where it is damaged, or of a version that this build does not know.
 */
export async function checkSnapshot(path: string): Promise<SnapshotInfo> {
  const reader = await SectionReader.open(path);
  try {
    const head = await readHead(reader);
    let producers = 0;
    let books = 0;
    for (;;) {
      const checksum = reader.checksumOfAll;
      const { kind, json, dataBytes } = await reader.next();
      await reader.skip(dataBytes);
      await reader.endSection();
      if (kind === SectionKind.producers) producers += (json as ProducersJson).count;
      else if (kind === SectionKind.book) books += 1;
      else if (kind === SectionKind.end) {
        const end = json as EndJson;
        const isWhole =
          end.checksum === checksum &&
          books === head.instruments &&
          producers === head.producers &&
          reader.isAtEnd;
        if (!isWhole) throw damaged(path, "sections are missing or out of place");
        return { bytes: reader.fileBytes, mark: head.mark, endMark: end.mark, instruments: books, producers };
      } else throw damaged(path, `a section of an unknown kind (${kind})`);
    }
  } finally {
    await reader.close();
  }
}

export type UseSnapshot = (head: SnapshotHead, books: AsyncIterable<BookSnapshot>) => Promise<void>;

/**
 * Reads a file that was checked; each book when it is asked for, so that one at a time is in memory.
 *
 * @throws DepthcastError `internal` where it has been damaged since, and what `use` throws.
 */
export async function readSnapshot(path: string, use: UseSnapshot): Promise<void> {
  const reader = await SectionReader.open(path);
  try {
    const { mark, rules, instruments, producers: count } = await readHead(reader);
    const producers: ProducerPosition[] = [];
    while (producers.length < count) producers.push(...(await readProducers(reader)));
    await use({ logIndex: mark.index, rules, instruments, producers }, readBooks(reader, instruments));
  } finally {
    await reader.close();
  }
}

async function readHead(reader: SectionReader): Promise<HeadJson> {
  const { kind, json, dataBytes } = await reader.next();
  await reader.skip(dataBytes);
  await reader.endSection();
  if (kind !== SectionKind.head) throw damaged(reader.path, "it does not begin with its head");
  return json as HeadJson;
}

async function readProducers(reader: SectionReader): Promise<ProducerPosition[]> {
  const { kind, json, dataBytes } = await reader.next();
  const { count } = json as ProducersJson;
  if (kind !== SectionKind.producers || count < 1 || dataBytes < count * 9) {
    throw damaged(reader.path, "producers are missing");
  }
  const numbers = new Float64Array(count);
  const lengths = new Uint8Array(count);
  const ids = Buffer.alloc(dataBytes - count * 9);
  for (const column of [numbers, lengths, ids]) await reader.fill(bytesOf(column));
  await reader.endSection();
  let at = 0;
  return Array.from(numbers, (lastBatchNumber, i) => {
    const from = at;
    at += lengths[i]!;
    return [ids.toString("utf8", from, at), lastBatchNumber];
  });
}

async function* readBooks(reader: SectionReader, instruments: number): AsyncIterable<BookSnapshot> {
  for (let index = 1; index <= instruments; index++) yield await readBook(reader, index);
}

async function readBook(reader: SectionReader, index: number): Promise<BookSnapshot> {
  const { kind, json, dataBytes } = await reader.next();
  const { sequence, orders, keyBytes, ...rest } = json as BookJson;
  const hasKeys = keyBytes > 0;
  const expectedBytes = orders * (hasKeys ? ORDER_BYTES + KEYED_BYTES : ORDER_BYTES) + keyBytes;
  if (kind !== SectionKind.book || rest.index !== index || expectedBytes !== dataBytes) {
    throw damaged(reader.path, `book ${index} is missing`);
  }
  const state: BookExport = {
    sequence,
    length: orders,
    price: new Float64Array(orders),
    quantity: new Float64Array(orders),
    orderIdLow: new Int32Array(orders),
    orderIdHigh: new Int32Array(orders),
    side: new Uint8Array(orders),
    nameless: new Uint8Array(orders),
    keyLength: new Uint8Array(orders),
    keyOffset: new Uint32Array(orders),
    keyBytes: new Uint8Array(keyBytes),
  };
  const { price, quantity, orderIdLow, orderIdHigh, side, nameless } = state;
  for (const column of [price, quantity, orderIdLow, orderIdHigh, side, nameless]) {
    await reader.fill(bytesOf(column));
  }
  if (hasKeys) {
    await reader.fill(bytesOf(state.keyOffset));
    await reader.fill(state.keyLength);
    await reader.fill(state.keyBytes);
  }
  await reader.endSection();
  return { ...rest, state };
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
