import { describe, expect, test } from "vitest";
import { DepthBoardReader } from "../../src/board/depth-board-reader.ts";
import { type ClaimOutcome, DepthBoardWriter } from "../../src/board/depth-board-writer.ts";
import { createDepth } from "../../src/book/depth.ts";
import { fillPattern, isPattern } from "../support/patterned-depth.ts";

const MiB = 1024 * 1024;

interface Board {
  readonly writer: DepthBoardWriter;
  readonly readers: DepthBoardReader[];
  readonly rings: number[];
  readonly publish: (instrument: number, sequence: number) => void;
}

function createBoard(options: { readers?: number; instrumentsMax?: number; bytesMax?: number } = {}): Board {
  const { readers: readerCount = 1, instrumentsMax = 100, bytesMax = 16 * MiB } = options;
  const readers: DepthBoardReader[] = [];
  const rings: number[] = [];
  const writer = new DepthBoardWriter({
    readers: readerCount,
    instrumentsMax,
    bytesMax,
    ring: (reader) => rings.push(reader),
    announce: (instrument, buffer) => {
      for (const reader of readers) reader.attach(instrument, buffer);
    },
  });
  for (let reader = 0; reader < readerCount; reader += 1) {
    readers.push(new DepthBoardReader({ reader, control: writer.control }));
  }
  return {
    writer,
    readers,
    rings,
    publish: (instrument, sequence) =>
      writer.publish(instrument, (slot) => {
        fillPattern(slot, sequence, slot.capacity);
      }),
  };
}

function dirtyOf(reader: DepthBoardReader): number[] {
  const instruments: number[] = [];
  reader.takeDirty((instrument) => instruments.push(instrument));
  return instruments;
}

describe("define and publish", () => {
  test("a defined instrument reads as an empty book at sequence 0", () => {
    const { writer, readers } = createBoard();
    writer.define(7);
    const into = createDepth(20);
    into.bids.length = 3;
    expect(readers[0]!.read(7, 20, into)).toBe(true);
    expect([into.sequence, into.bids.length, into.asks.length]).toEqual([0, 0, 0]);
    expect(readers[0]!.sequence(7)).toBe(0);
    expect(dirtyOf(readers[0]!)).toEqual([7]);
  });

  test("readers copy what was published last, to the depth that they ask for", () => {
    const { writer, readers, publish } = createBoard({ readers: 3 });
    writer.define(1);
    writer.define(2);
    for (let sequence = 1; sequence < 200; sequence += 1) {
      publish(1, sequence);
      publish(2, sequence + 1000);
      for (const [index, reader] of readers.entries()) {
        const levels = [1, 20, 64][index]!;
        const into = createDepth(levels);
        expect(reader.read(1, levels, into)).toBe(true);
        expect(into.sequence).toBe(sequence);
        expect(isPattern(into, levels, 64)).toBe(true);
        expect(reader.sequence(2)).toBe(sequence + 1000);
      }
    }
  });

  test("defining again changes nothing, and a number outside the board is a bug", () => {
    const { writer, readers, publish } = createBoard({ instrumentsMax: 5 });
    writer.define(5);
    publish(5, 9);
    writer.define(5);
    expect(readers[0]!.sequence(5)).toBe(9);
    expect(() => writer.define(0)).toThrow("invariant");
    expect(() => writer.define(6)).toThrow("invariant");
    expect(() => publish(4, 1)).toThrow("invariant");
  });

  test("a writer that throws leaves the board as it was", () => {
    const { writer, readers, publish } = createBoard();
    writer.define(1);
    publish(1, 5);
    expect(() =>
      writer.publish(1, (slot) => {
        fillPattern(slot, 6, slot.capacity);
        throw new Error("no");
      }),
    ).toThrow("no");
    const into = createDepth(64);
    expect(readers[0]!.read(1, 64, into)).toBe(true);
    expect(into.sequence).toBe(5);
    expect(isPattern(into, 64, 64)).toBe(true);
  });

  test("more levels than a slot holds is a bug", () => {
    const { writer } = createBoard();
    writer.define(1);
    const tooMany = (): void => writer.publish(1, (slot) => void (slot.bids.length = slot.capacity + 1));
    expect(tooMany).toThrow("no more levels");
  });
});

describe("claims", () => {
  test("grow the slots by doubling, and shrink them when the last one goes", () => {
    const { writer, readers, publish } = createBoard();
    const reader = readers[0]!;
    writer.define(1);
    const bytesAtFirst = writer.bytes;
    publish(1, 3);
    expect(writer.claimDepth(1, 0, 64)).toBe("ready");
    expect(writer.claimDepth(1, 0, 65)).toBe("grown");
    expect(writer.bytes).toBeGreaterThan(bytesAtFirst);
    const into = createDepth(1000);
    expect(reader.read(1, 20, into), "nothing is published in the new buffer").toBe(false);
    expect(reader.sequence(1)).toBe(-1);
    publish(1, 3);
    expect(reader.read(1, 65, into)).toBe(true);
    expect(isPattern(into, 65, 128)).toBe(true);
    expect(writer.claimDepth(1, 0, 100)).toBe("ready");
    expect(writer.claimDepth(1, 0, 1000)).toBe("grown");
    expect(writer.releaseDepth(1, 0, 1000)).toBe("shrunk");
    publish(1, 3);
    expect(reader.read(1, 128, into)).toBe(true);
    expect(writer.releaseDepth(1, 0, 65)).toBe("ready");
    expect(writer.releaseDepth(1, 0, 100)).toBe("shrunk");
    expect(writer.releaseDepth(1, 0, 64)).toBe("ready");
    expect(writer.bytes).toBe(bytesAtFirst);
    expect(() => writer.releaseDepth(1, 0, 100)).toThrow("only a claimed depth");
  });

  test("of several readers are counted apart", () => {
    const { writer } = createBoard({ readers: 2 });
    writer.define(1);
    expect(writer.claimDepth(1, 0, 200)).toBe("grown");
    expect(writer.claimDepth(1, 1, 200)).toBe("ready");
    expect(writer.releaseDepth(1, 0, 200)).toBe("ready");
    expect(() => writer.releaseDepth(1, 0, 200)).toThrow("only a claimed depth");
    expect(writer.releaseDepth(1, 1, 200)).toBe("shrunk");
  });

  test("over the budget are refused, and nothing has changed", () => {
    const { writer, readers, publish } = createBoard({ bytesMax: 64 * 1024 });
    writer.define(1);
    publish(1, 8);
    const bytes = writer.bytes;
    expect(writer.claimDepth(1, 0, 1000)).toBe("refused");
    expect(writer.bytes).toBe(bytes);
    expect(readers[0]!.sequence(1)).toBe(8);
    expect(() => writer.releaseDepth(1, 0, 1000)).toThrow("only a claimed depth");
    expect(writer.claimDepth(1, 0, 100)).toBe("grown");
  });

  test("the largest depth that can be set has a slot", () => {
    const { writer } = createBoard({ bytesMax: 64 * MiB });
    writer.define(1);
    const outcome: ClaimOutcome = writer.claimDepth(1, 0, 100_000);
    expect(outcome).toBe("grown");
  });
});

describe("the budget", () => {
  test("refuses depth, never an instrument", () => {
    const { writer } = createBoard({ bytesMax: 20 * 1024 });
    for (let instrument = 1; instrument <= 3; instrument += 1) writer.define(instrument);
    expect(writer.bytes).toBeGreaterThan(20 * 1024);
    expect(writer.claimDepth(3, 0, 64)).toBe("ready");
    expect(writer.claimDepth(3, 0, 65)).toBe("refused");
  });

  test("of 200 MB is enough for 5,000 instruments and 4 readers", () => {
    const { writer } = createBoard({ readers: 4, instrumentsMax: 5000, bytesMax: 200 * MiB });
    for (let instrument = 1; instrument <= 5000; instrument += 1) writer.define(instrument);
    expect(writer.bytes).toBeLessThan(100 * MiB);
  });
});

describe("a reader that is gone", () => {
  test("leaves its pin behind and the writer goes on; dropped, it gives back all", () => {
    const { writer, readers, publish } = createBoard({ readers: 2 });
    writer.define(1);
    publish(1, 1);
    // The pin word of reader 1, as a thread leaves it that ends in the middle of a copy.
    let newest: SharedArrayBuffer | undefined;
    writer.forEachBuffer((_, buffer) => (newest = buffer));
    const words = new Int32Array(newest!);
    const pin = 16 * 2;
    Atomics.store(words, pin, Atomics.load(words, 0));
    const pinnedSlot = Atomics.load(words, pin);
    for (let sequence = 2; sequence < 50; sequence += 1) {
      publish(1, sequence);
      expect(Atomics.load(words, 0)).not.toBe(pinnedSlot);
    }
    expect(writer.claimDepth(1, 1, 500)).toBe("grown");
    expect(writer.claimDepth(1, 0, 100)).toBe("ready");
    publish(1, 60);
    expect(writer.dropReader(1)).toEqual([1]);
    publish(1, 60);
    const into = createDepth(100);
    expect(readers[0]!.read(1, 100, into)).toBe(true);
    expect(isPattern(into, 100, 128)).toBe(true);
    expect(writer.dropReader(1)).toEqual([]);

    const successor = new DepthBoardReader({ reader: 1, control: writer.control });
    expect(successor.arm()).toBe(true);
    writer.forEachBuffer((instrument, buffer) => successor.attach(instrument, buffer));
    expect(successor.arm()).toBe(false);
    expect(dirtyOf(successor)).toEqual([1]);
    expect(successor.sequence(1)).toBe(60);
  });
});

describe("the doorbell", () => {
  test("rings once for a sleeping reader, and not for one that is awake", () => {
    const { writer, readers, rings, publish } = createBoard({ readers: 2 });
    writer.define(1);
    writer.endTurn();
    expect(rings).toEqual([]);
    const sleeper = readers[0]!;
    expect(dirtyOf(sleeper)).toEqual([1]);
    expect(sleeper.arm()).toBe(true);
    writer.endTurn();
    expect(rings, "nothing was published").toEqual([]);
    publish(1, 1);
    expect(rings, "not before the end of the turn").toEqual([]);
    writer.endTurn();
    publish(1, 2);
    writer.endTurn();
    expect(rings).toEqual([0]);
    sleeper.answer();
    expect(dirtyOf(sleeper)).toEqual([1]);
    publish(1, 3);
    writer.endTurn();
    expect(rings).toEqual([0]);
    expect(sleeper.arm(), "dirty again since").toBe(false);
    expect(dirtyOf(sleeper)).toEqual([1]);
    expect(sleeper.arm()).toBe(true);
    publish(1, 4);
    writer.endTurn();
    expect(rings).toEqual([0, 0]);
  });

  test("is not armed again while a ring is under way", () => {
    const { writer, readers, rings, publish } = createBoard();
    writer.define(1);
    dirtyOf(readers[0]!);
    expect(readers[0]!.arm()).toBe(true);
    publish(1, 1);
    writer.endTurn();
    // The ring has not arrived yet; the reader may sleep on it, dirty or not.
    expect(readers[0]!.arm()).toBe(true);
    dirtyOf(readers[0]!);
    expect(readers[0]!.arm()).toBe(true);
    publish(1, 2);
    writer.endTurn();
    expect(rings).toEqual([0]);
    readers[0]!.answer();
    expect(dirtyOf(readers[0]!)).toEqual([1]);
  });
});
