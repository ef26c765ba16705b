import fc from "fast-check";
import { expect, test } from "vitest";
import { DepthBoardWriter } from "../../src/board/depth-board-writer.ts";
import { Engine } from "../../src/engine/engine.ts";
import { InstrumentTable } from "../../src/engine/instrument-table.ts";
import { Sequencer } from "../../src/engine/sequencer.ts";
import { encodeBatchRecord, encodeDefineRecord, encodeRulesRecord } from "../../src/log/record.ts";
import type { BookSnapshot } from "../../src/log/snapshot/snapshot.ts";
import { eventColumns } from "../support/event-columns.ts";
import { testInstrument } from "../support/flow-rig.ts";

/** A sequencer with two engines, and nothing else. */
class Node {
  readonly engines: readonly Engine[] = [0, 1].map(() => this.#createEngine());
  readonly instruments = new InstrumentTable();
  readonly sequencer: Sequencer = new Sequencer({
    epoch: 1n,
    engines: this.engines,
    instruments: this.instruments,
    metrics: { batchesApplied() {}, batchDuplicate() {} },
    listener: { batchDone() {}, definitionDone() {}, instrumentChanged: () => undefined },
  });

  consume(records: readonly ArrayBuffer[], from: number, to = records.length): void {
    const entries = records.slice(from, to).map((record, i) => ({ index: from + i, record }));
    void this.sequencer.consume(entries);
  }

  async state(): Promise<unknown> {
    await this.sequencer.settled();
    const books = this.engines.flatMap((engine) => engine.stateHashes());
    const listed = this.instruments.list();
    const rest = await Promise.all(
      listed.map(async ({ index }) => ({
        ...(await this.sequencer.exportBook(index)),
        state: 0,
        appliedThrough: 0,
      })),
    );
    return { books: new Map(books), sequencer: this.sequencer.stateHash(), listed, rest };
  }

  #createEngine(): Engine {
    return new Engine({
      publisher: new DepthBoardWriter({
        readers: 1,
        instrumentsMax: 10,
        bytesMax: 1e8,
        ring() {},
        announce() {},
      }),
      hashSeed: 1,
      onTurn: (turn) => this.sequencer.turnDone(turn),
    });
  }
}

const event = fc.record({
  action: fc.constantFrom(1, 1, 1, 2, 3, 4, 5, 6),
  id: fc.bigInt({ min: 1n, max: 8n }),
  side: fc.constantFrom(1, 2),
  price: fc.integer({ min: 98, max: 102 }),
  quantity: fc.integer({ min: 1, max: 9 }),
});
const batch = fc.record({
  kind: fc.constant("batch" as const),
  instrument: fc.integer({ min: 1, max: 3 }),
  events: fc.array(event, { maxLength: 4 }),
  producerId: fc.constantFrom("", "p", "q"),
  batchNumber: fc.integer({ min: 1, max: 4 }),
});
const definition = fc.record({
  kind: fc.constant("define" as const),
  symbol: fc.constantFrom("A", "B", "C", "D"),
  crossPolicy: fc.constantFrom(1 as const, 2 as const),
  description: fc.constantFrom("x", "y", "z"),
  tickSize: fc.constantFrom(0, 0, 2),
});
const capacities = fc.record({
  kind: fc.constant("rules" as const),
  liveOrdersMax: fc.integer({ min: 2, max: 8 }),
  levelsPerSideMax: fc.integer({ min: 1, max: 4 }),
  instrumentsMax: fc.constantFrom(3, 4),
  producersMax: fc.constantFrom(1, 2),
});
const step = fc.oneof(
  { weight: 6, arbitrary: batch },
  { weight: 3, arbitrary: definition },
  { weight: 1, arbitrary: capacities },
);
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function recordOf(one: Step): ArrayBuffer {
  switch (one.kind) {
    case "batch":
      return encodeBatchRecord({
        ...one,
        events: eventColumns(one.events),
        batchNumber: one.producerId === "" ? 0 : one.batchNumber,
        sourceTimeLow: one.instrument,
        sourceTimeHigh: 0,
      });
    case "define": {
      const { kind: _, symbol, ...changes } = one;
      return encodeDefineRecord(testInstrument(symbol, changes));
    }
    case "rules": {
      const { kind: _, ...rules } = one;
      return encodeRulesRecord({ rulesVersion: 1, ...rules });
    }
  }
}

const BEGINNING: readonly Step[] = [
  { kind: "rules", liveOrdersMax: 5, levelsPerSideMax: 3, instrumentsMax: 4, producersMax: 2 },
  ...(["A", "B", "C"] as const).map((symbol) => ({
    kind: "define" as const,
    symbol,
    crossPolicy: 2 as const,
    description: "x" as const,
    tickSize: 0 as const,
  })),
];

async function* each(books: readonly BookSnapshot[]): AsyncIterable<BookSnapshot> {
  for (const book of books) yield structuredClone(book);
}

test("a snapshot whose books are later than its head, each by another span, leads to the same state", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 4, maxLength: 40 }),
      fc.nat(),
      fc.array(fc.nat({ max: 12 }), { minLength: 4, maxLength: 4 }),
      async (steps, headAt, spans) => {
        const records = [...BEGINNING, ...steps].map(recordOf);
        const whole = new Node();
        whole.consume(records, 0);

        const source = new Node();
        const from = BEGINNING.length + (headAt % (steps.length + 1));
        source.consume(records, 0, from);
        const head = source.sequencer.head();
        const books: BookSnapshot[] = [];
        let at = from;
        for (let instrument = 1; instrument <= head.instruments; instrument++) {
          const to = Math.min(records.length, at + (spans[instrument - 1] ?? 0));
          source.consume(records, at, to);
          at = to;
          books.push(await source.sequencer.exportBook(instrument));
        }

        const restored = new Node();
        await restored.sequencer.restore(head, each(books));
        restored.consume(records, head.logIndex);
        expect(await restored.state()).toEqual(await whole.state());
        expect(
          restored.engines.flatMap((engine) => engine.checkIntegrity().flatMap(({ faults }) => faults)),
        ).toEqual([]);
      },
    ),
    { numRuns: 300 },
  );
});

test("a snapshot that lacks a book is no beginning", async () => {
  const source = new Node();
  source.consume(BEGINNING.map(recordOf), 0);
  const books = [await source.sequencer.exportBook(1)];
  await expect(new Node().sequencer.restore(source.sequencer.head(), each(books))).rejects.toThrow(
    "all its books",
  );
});

test("a definition that was refused is not judged anew by what the book has become since", async () => {
  const batchOf = (
    events: { action: number; id?: bigint; side?: number; price?: number; quantity?: number }[],
  ) =>
    encodeBatchRecord({
      instrument: 1,
      events: eventColumns(events),
      producerId: "",
      batchNumber: 0,
      sourceTimeLow: 0,
      sourceTimeHigh: 0,
    });
  const records = [
    ...BEGINNING.map(recordOf),
    batchOf([
      { action: 1, id: 1n, side: 1, price: 100, quantity: 1 },
      { action: 1, id: 2n, side: 2, price: 100, quantity: 1 },
    ]),
    encodeDefineRecord(testInstrument("A", { crossPolicy: 1, description: "refused: the book is locked" })),
    batchOf([{ action: 3, id: 1n }]),
  ];
  const whole = new Node();
  whole.consume(records, 0, BEGINNING.length + 1);
  const head = whole.sequencer.head();
  whole.consume(records, BEGINNING.length + 1);
  const books = await Promise.all([1, 2, 3].map((instrument) => whole.sequencer.exportBook(instrument)));
  const restored = new Node();
  await restored.sequencer.restore(head, each(books));
  restored.consume(records, head.logIndex);
  expect(await restored.state()).toEqual(await whole.state());
});
