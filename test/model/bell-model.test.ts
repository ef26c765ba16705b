import { describe, expect, test } from "vitest";
import { BellFault, type BellMistake, BellModel, type BellModelOptions } from "./bell-model.ts";
import { explore, runsForever } from "./explorer.ts";
import { report } from "./report.ts";

describe("the doorbell and the replacement of buffers, in every order of their steps", () => {
  test.each<[string, BellModelOptions]>([
    ["1 reader, 5 publications", { readers: 1, publications: 5, replacements: 0, givenUp: 0 }],
    [
      "1 reader, 3 publications, 1 replacement, 1 read given up",
      { readers: 1, publications: 3, replacements: 1, givenUp: 1 },
    ],
    [
      "1 reader, 2 publications, 2 replacements",
      { readers: 1, publications: 2, replacements: 2, givenUp: 0 },
    ],
    ["2 readers, 2 publications", { readers: 2, publications: 2, replacements: 0, givenUp: 0 }],
  ])("%s: nobody misses the newest, nobody is rung twice, and every run ends", (what, options) => {
    const model = new BellModel(options);
    const found = explore(model);
    report(what, found);
    expect(found).toMatchObject({ fault: undefined, trace: "" });
    expect(found.ends).toBeGreaterThan(0);
    expect(runsForever(model)).toBe(false);
  });
});

const { asleep, twoRings, needless, backwards } = BellFault;
const mistakes: Readonly<Record<BellMistake, readonly BellFault[]>> = {
  "W4 before W3": [asleep],
  "W4 stores what it has loaded": [asleep],
  "W5 before W4": [asleep],
  "W5 rings whatever the bell says": [twoRings, needless],
  // One writer rings, so all that its exchange saves is a ring for a reader that has just disarmed.
  "W5 stores what it has loaded": [needless],
  "W6 left out": [asleep],
  "T1 stores what it has loaded": [asleep],
  "T2 before T1": [asleep],
  "T3 stores": [twoRings],
  "T4 before T3": [asleep],
  "T4 left out": [asleep],
  "T5 stores": [twoRings],
  "T6 left out": [asleep],
  "a read that gives up sets no bit": [asleep],
  "a new buffer sets no bit": [asleep],
  "a new buffer begins no turn": [asleep],
  "a new buffer is left empty": [asleep],
  "a new buffer is published with an older sequence": [asleep, backwards],
};

describe("the model finds what goes wrong", () => {
  test.each(Object.entries(mistakes))("with this mistake: %s", (name, faults) => {
    const mistake = name as BellMistake;
    const options = { readers: 1, publications: 3, replacements: 1, givenUp: 1, mistake };
    for (const fault of faults) {
      const found = explore(new BellModel({ ...options, faults: [fault] }));
      expect(found.fault).toBe(fault);
      report(mistake, found);
    }
    const others = Object.values(BellFault).filter((fault) => !faults.includes(fault));
    const found = explore(new BellModel({ ...options, publications: 2, faults: others }));
    expect(found.fault).toBeUndefined();
  });

  test("a run without end is found", () => {
    const model = {
      stateBytes: 1,
      begin: () => undefined,
      steps: (state: Uint8Array, take: (step: string) => Uint8Array) => {
        take("on")[0] = state[0] === 3 ? 1 : state[0]! + 1;
      },
      fault: () => undefined,
      describe: () => "",
    };
    expect(runsForever(model)).toBe(true);
    expect(explore(model)).toMatchObject({ states: 4, ends: 0 });
  });
});
