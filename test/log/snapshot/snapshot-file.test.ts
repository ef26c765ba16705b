import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { OrderBook } from "../../../src/book/order-book.ts";
import { BatchTally } from "../../../src/book/rejection.ts";
import { checkSnapshot, readSnapshot } from "../../../src/log/snapshot/read-snapshot.ts";
import type { BookSnapshot, SnapshotHead } from "../../../src/log/snapshot/snapshot.ts";
import { writeSnapshot } from "../../../src/log/snapshot/write-snapshot.ts";
import { eventColumns } from "../../support/event-columns.ts";
import { testInstrument } from "../../support/flow-rig.ts";
import type { TestOrderEvent } from "../../support/naive-book.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const log = { digestAt: (index: number) => Promise.resolve(`digest at ${index}`) };
const { signal } = new AbortController();

function bookOf(index: number, events: readonly TestOrderEvent[], appliedThrough = 0): BookSnapshot {
  const instrument = testInstrument(`S${index}`, { crossPolicy: 2, description: "é" });
  const rules = { ...instrument, liveOrdersMax: 1e6, levelsPerSideMax: 1e6 };
  const book = new OrderBook(rules, 1);
  book.apply(eventColumns(events), new BatchTally());
  return {
    index,
    instrument,
    liveOrdersMax: 1e6,
    levelsPerSideMax: 1e6,
    sourceTimeLow: -index,
    sourceTimeHigh: index,
    appliedThrough,
    state: book.exportState(),
  };
}

function headOf(instruments: number, producers: SnapshotHead["producers"] = []): SnapshotHead {
  const rules = {
    rulesVersion: 1,
    liveOrdersMax: 5,
    levelsPerSideMax: 4,
    instrumentsMax: 3,
    producersMax: 2,
  } as const;
  return { logIndex: 7, rules, instruments, producers };
}

async function* each(books: readonly BookSnapshot[]): AsyncIterable<BookSnapshot> {
  for (const book of books) yield book;
}

async function readBack(path: string): Promise<{ head: SnapshotHead; books: BookSnapshot[] }> {
  const told: { head: SnapshotHead; books: BookSnapshot[] }[] = [];
  await readSnapshot(path, async (head, books) => {
    const read: BookSnapshot[] = [];
    for await (const book of books) read.push(book);
    told.push({ head, books: read });
  });
  return told[0]!;
}

const order = fc.record({
  action: fc.constantFrom(1, 1, 1, 5),
  id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  side: fc.constantFrom(1, 2),
  price: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  quantity: fc.integer({ min: 1, max: 1000 }),
});
const keyed = fc
  .record({ order, key: fc.string({ minLength: 1, maxLength: 15, unit: "grapheme" }) })
  .map((one) => ({ ...one.order, id: 0n, key: one.key }));

test("what is written is read back: head, producers and books with ids, keys and nameless orders", async () => {
  const path = join(temporaryFolder(), "a");
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.oneof(order, keyed), { maxLength: 30 }), { maxLength: 4 }),
      fc.uniqueArray(fc.string({ minLength: 1, maxLength: 16, unit: "grapheme" }), { maxLength: 6 }),
      async (eventsOfBooks, producerIds) => {
        const books = eventsOfBooks.map((events, i) => bookOf(i + 1, events, 2 * i + 5));
        const head = headOf(
          books.length,
          producerIds.map((id, i) => [id, 2 ** 53 - 1 - i] as const),
        );
        const bytes = await writeSnapshot(path, { head, books: each(books), log }, signal);
        expect(await readBack(path)).toEqual({ head, books });
        const end = books.length < 2 ? 7 : 2 * books.length + 4;
        expect(await checkSnapshot(path)).toEqual({
          bytes,
          mark: { index: 7, digest: "digest at 7" },
          endMark: { index: end, digest: `digest at ${end}` },
          instruments: books.length,
          producers: producerIds.length,
        });
        expect(readFileSync(path).length).toBe(bytes);
      },
    ),
    { numRuns: 60 },
  );
});

test("books larger than a chunk, and more producers than a section has, come back whole", async () => {
  const path = join(temporaryFolder(), "a");
  const events = Array.from({ length: 100_000 }, (_, i) => ({
    action: 1,
    ...(i % 3 === 0 ? { key: `key ${i}` } : { id: BigInt(i + 1) << 20n }),
    side: 1 + (i % 2),
    price: i % 5000,
    quantity: 1 + i,
  }));
  const books = [bookOf(1, events), bookOf(2, []), bookOf(3, events.slice(0, 70_001))];
  const producers = Array.from({ length: 40_000 }, (_, i) => [`producer ${i}`, i + 1] as const);
  const head = headOf(3, producers);
  await writeSnapshot(path, { head, books: each(books), log }, signal);
  await checkSnapshot(path);
  const told = await readBack(path);
  expect(told.head).toEqual(head);
  // Compared by digests: a matcher takes seconds for columns of this length.
  for (const [at, book] of books.entries()) {
    const { state, ...rest } = told.books[at]!;
    expect(rest).toEqual({ ...book, state: undefined });
    expect(digests(state)).toEqual(digests(book.state));
  }
});

function digests(state: BookSnapshot["state"]): unknown {
  const columns = Object.entries(state).map(([name, column]: [string, unknown]) => [
    name,
    ArrayBuffer.isView(column) ? digestOf(column) : column,
  ]);
  return Object.fromEntries(columns);
}

function digestOf({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return createHash("sha256")
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest("hex");
}

async function smallFile(): Promise<{ path: string; content: Buffer }> {
  const path = join(temporaryFolder(), "a");
  const events = [
    { action: 1, id: 1n, side: 1, price: 10, quantity: 1 },
    { action: 1, key: "key", side: 2, price: 11, quantity: 2 },
  ];
  const books = each([bookOf(1, events), bookOf(2, events)]);
  await writeSnapshot(path, { head: headOf(2, [["p", 3]]), books, log }, signal);
  return { path, content: readFileSync(path) };
}

test("any flipped bit is found", async () => {
  const { path, content } = await smallFile();
  for (let at = 0; at < content.length; at++) {
    const damaged = Buffer.from(content);
    damaged[at]! ^= 1 << (at % 8);
    writeFileSync(path, damaged);
    await expect(checkSnapshot(path), `byte ${at}`).rejects.toMatchObject({
      code: "internal",
      details: { reason: expect.stringMatching(/^SNAPSHOT_(DAMAGED|VERSION)$/) },
    });
  }
});

test("a file that is cut anywhere, or has something behind it, is found", async () => {
  const { path, content } = await smallFile();
  for (let length = 0; length <= content.length + 1; length++) {
    writeFileSync(path, Buffer.concat([content, Buffer.of(0)]).subarray(0, length));
    if (length === content.length) await checkSnapshot(path);
    else await expect(checkSnapshot(path), `${length} bytes`).rejects.toMatchObject({ code: "internal" });
  }
});

test("sections that are whole and in the wrong place are found", async () => {
  const { path, content } = await smallFile();
  const first = content.indexOf(Buffer.of(3, 0, 0, 0), 16);
  const second = content.indexOf(Buffer.of(3, 0, 0, 0), first + 16);
  const end = content.indexOf(Buffer.of(4, 0, 0, 0), second + 16);
  const pieces = [content.subarray(0, first), content.subarray(second, end), content.subarray(first, second)];
  writeFileSync(path, Buffer.concat([...pieces, content.subarray(end)]));
  await expect(checkSnapshot(path)).rejects.toThrow("out of place");
  writeFileSync(path, Buffer.concat([content.subarray(0, second), content.subarray(end)]));
  await expect(checkSnapshot(path)).rejects.toThrow("missing");
});

test("a file of a later version is refused as that", async () => {
  const { path, content } = await smallFile();
  content[8] = 2;
  writeFileSync(path, content);
  await expect(checkSnapshot(path)).rejects.toThrow("of version 2: this build reads version 1");
});

test("what has been damaged since it was checked is found when it is read", async () => {
  const { path, content } = await smallFile();
  content[content.lastIndexOf("key")]! ^= 1;
  writeFileSync(path, content);
  await expect(readBack(path)).rejects.toThrow("checksum is wrong");
});
