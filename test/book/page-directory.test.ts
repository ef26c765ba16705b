import { expect, test } from "vitest";
import { BLOCK_PAGES_MAX, PageDirectory } from "../../src/book/page-directory.ts";
import { withSeed } from "../support/random.ts";

function entriesOf(directory: PageDirectory): [number, number][] {
  return directory.blocks.flatMap((block) =>
    Array.from(
      { length: block.length },
      (_, at) => [block.numbers[at]!, block.pages[at]!] satisfies [number, number],
    ),
  );
}

function expectHolds(directory: PageDirectory, expected: ReadonlyMap<number, number>): void {
  const sorted = [...expected].toSorted(([a], [b]) => a - b);
  expect(entriesOf(directory)).toEqual(sorted);
  expect(directory.first()).toBe(sorted[0]?.[1] ?? 0);
  expect(directory.blocks.map((block) => block.numbers[0])).toEqual([
    ...directory.firsts.subarray(0, directory.blocks.length),
  ]);
  expect(directory.blocks.every((block) => block.length > 0 && block.length <= BLOCK_PAGES_MAX)).toBe(true);
}

test.each([
  ["close to each other", 600],
  ["anywhere", 2 ** 48],
])("page numbers %s, in random order, stay sorted through splits and merges", async (_, spread) => {
  expect.hasAssertions();
  await withSeed((random) => {
    const directory = new PageDirectory();
    const expected = new Map<number, number>();
    let mostBlocks = 0;
    for (const insertPercent of [90, 30, 70, 5]) {
      for (let step = 0; step < 1500; step++) {
        if (expected.size === 0 || random.chance(insertPercent)) {
          const number = random.between(-spread, spread);
          if (!expected.has(number)) {
            directory.insert(number, step + 1);
            expected.set(number, step + 1);
          }
        } else {
          const number = random.pick([...expected.keys()]);
          directory.remove(number);
          expected.delete(number);
        }
        if (step % 50 === 0) expectHolds(directory, expected);
      }
      expectHolds(directory, expected);
      mostBlocks = Math.max(mostBlocks, directory.blocks.length);
    }
    expect(mostBlocks).toBeGreaterThan(4);
  });
});

test.each([
  ["ascending", (n: number) => n],
  ["descending", (n: number) => -n],
])("%s numbers fill and empty", (_, numberOf) => {
  const directory = new PageDirectory();
  const expected = new Map<number, number>();
  for (let n = 1; n <= 1000; n++) {
    directory.insert(numberOf(n), n);
    expected.set(numberOf(n), n);
  }
  expectHolds(directory, expected);
  for (let n = 1; n <= 1000; n++) {
    directory.remove(numberOf(n));
    expected.delete(numberOf(n));
    if (n % 100 === 0) expectHolds(directory, expected);
  }
  expect(directory.blocks.length).toBe(0);
});

test("thinned out, it keeps few blocks", () => {
  const directory = new PageDirectory();
  for (let n = 0; n < 10_000; n++) directory.insert(n, n + 1);
  for (let n = 0; n < 10_000; n++) if (n % 100 !== 0) directory.remove(n);
  expect(entriesOf(directory).length).toBe(100);
  expect(directory.blocks.length).toBeLessThanOrEqual(4);
});

test("cleared, it holds nothing", () => {
  const directory = new PageDirectory();
  directory.insert(5, 1);
  directory.clear();
  expect(directory.first()).toBe(0);
  directory.insert(-5, 2);
  expect(entriesOf(directory)).toEqual([[-5, 2]]);
});
