import { describe, expect, test } from "vitest";
import { explore } from "./explorer.ts";
import { report } from "./report.ts";
import { SlotFault, type SlotMistake, SlotModel, type SlotModelOptions } from "./slot-model.ts";

describe("the publication protocol, in every order of its steps", () => {
  test.each<[string, SlotModelOptions]>([
    ["3 readers, 3 publications", { readers: 3, publications: 3 }],
    ["2 readers, 4 publications", { readers: 2, publications: 4 }],
    ["1 reader, 8 publications", { readers: 1, publications: 8 }],
    ["2 readers, 3 publications, 2 deaths", { readers: 2, publications: 3, deaths: 2 }],
  ])("%s: every copy is one whole publication, and the writer never waits", (what, options) => {
    const found = explore(new SlotModel(options));
    report(what, found);
    expect(found).toMatchObject({ fault: undefined, trace: "" });
  });
});

const { race, mixture, backwards, noFreeSlot } = SlotFault;
const mistakes: Readonly<Record<SlotMistake, readonly SlotFault[]>> = {
  "R2 left out": [race, mixture, backwards],
  "R3 left out": [race, mixture, backwards],
  "R3 before R2": [race, mixture, backwards],
  "R5 before R4": [race, mixture, backwards],
  "W1 takes the latest": [race, mixture],
  "W1 loads no pin": [race, mixture, backwards],
  "W1 loads all pins but the last": [race, mixture, backwards],
  "W1 loads the pins anew for each slot": [noFreeSlot],
  "W3 before W2": [race, mixture, backwards],
  "one slot fewer": [noFreeSlot],
  "the pin of a living reader cleared": [race, mixture, backwards],
};

describe("the model finds what goes wrong", () => {
  test.each(Object.entries(mistakes))("with this mistake: %s", (name, faults) => {
    const mistake = name as SlotMistake;
    const readers = mistake === "W1 loads all pins but the last" ? 2 : 1;
    for (const fault of Object.values(SlotFault)) {
      const found = explore(new SlotModel({ readers, publications: 4, mistake, faults: [fault] }));
      expect(found.fault).toBe(faults.includes(fault) ? fault : undefined);
      if (found.fault !== undefined) report(mistake, found);
    }
  });

  test("and tells how it comes to it, from the first step to the last", () => {
    const { trace } = explore(
      new SlotModel({ readers: 1, publications: 4, mistake: "R3 left out", faults: [mixture] }),
    );
    const steps = trace.split("\n").map((line) => line.slice(0, 44).trim());
    expect(steps[0]).toBe("writer    W1 load a pin");
    expect(steps.at(-1)).toBe("reader 0  R4 copy, second half");
    expect(steps.filter((step) => step.includes("R3"))).toEqual([]);
  });
});
