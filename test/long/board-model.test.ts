import { expect, test } from "vitest";
import { BellModel, type BellModelOptions } from "../model/bell-model.ts";
import { explore } from "../model/explorer.ts";
import { report } from "../model/report.ts";
import { SlotModel, type SlotModelOptions } from "../model/slot-model.ts";

test.each<[string, SlotModelOptions]>([
  ["3 readers, 4 publications", { readers: 3, publications: 4 }],
  ["3 readers, 3 publications, 1 death", { readers: 3, publications: 3, deaths: 1 }],
  ["2 readers, 6 publications", { readers: 2, publications: 6 }],
])("the publication protocol with %s", (what, options) => {
  const found = explore(new SlotModel(options));
  report(what, found);
  expect(found).toMatchObject({ fault: undefined, trace: "" });
});

test.each<[string, BellModelOptions]>([
  [
    "1 reader, 4 publications, 2 replacements, 1 read given up",
    { readers: 1, publications: 4, replacements: 2, givenUp: 1 },
  ],
  ["2 readers, 1 publication, 1 replacement", { readers: 2, publications: 1, replacements: 1, givenUp: 0 }],
])("the doorbell with %s", (what, options) => {
  const found = explore(new BellModel(options));
  report(what, found);
  expect(found).toMatchObject({ fault: undefined, trace: "" });
});
