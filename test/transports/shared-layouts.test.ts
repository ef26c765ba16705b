import { expect, test } from "vitest";
import { SharedLayouts } from "../../src/transports/shared-layouts.ts";

function joined(): { layouts: SharedLayouts<string>; made: () => number } {
  let made = 0;
  const layouts = new SharedLayouts((pieces) => {
    made += 1;
    return pieces.map((piece) => piece.join(",")).join(" ");
  });
  return { layouts, made: () => made };
}

const a = Uint8Array.of(1);
const b = Uint8Array.of(2);
const likeA = Uint8Array.of(1);

test("the same pieces in the same order are laid out once, whatever came between", () => {
  const { layouts, made } = joined();
  for (let round = 0; round < 3; round += 1) {
    expect(layouts.of([a, b])).toBe("1 2");
    expect(layouts.of([b, a])).toBe("2 1");
    expect(layouts.of([a])).toBe("1");
    expect(layouts.of([a, b, a])).toBe("1 2 1");
  }
  expect(made()).toBe(4);
});

test("pieces are told by what they are, not by what is in them", () => {
  const { layouts, made } = joined();
  layouts.of([a]);
  layouts.of([likeA]);
  expect(made()).toBe(2);
});

test("more lists of one first piece than are kept are laid out right all the same", () => {
  const { layouts } = joined();
  const lists = Array.from({ length: 40 }, (_, index) => [a, Uint8Array.of(index)]);
  for (let round = 0; round < 2; round += 1) {
    for (const [index, list] of lists.entries()) expect(layouts.of(list)).toBe(`1 ${index}`);
  }
});

test("a long list is not kept beyond its turn", () => {
  const { layouts, made } = joined();
  const long = [a, new Uint8Array(70_000)];
  layouts.of(long);
  layouts.of(long);
  expect(made()).toBe(1);
  layouts.of([b]);
  layouts.of(long);
  expect(made()).toBe(3);
});
