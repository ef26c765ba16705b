import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { examplePath } from "../support/examples.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

test.each(["consumer.ts", "producer.ts"])("the README has %s as it is", (name) => {
  const [, code] = new RegExp(`\\(examples/${name}\\):\n\n\`\`\`ts\n(.*?)\`\`\``, "s").exec(readme) ?? [];
  expect(code).toBe(readFileSync(examplePath(name), "utf8"));
});

test("every example that the README names is there", () => {
  const names = Array.from(readme.matchAll(/\]\(examples\/([^)]+)\)/g), ([, name = ""]) => name);
  expect(names.toSorted()).toEqual([
    "browser/index.html",
    "consumer.ts",
    "producer.ts",
    "python/consumer.py",
  ]);
  for (const name of names) expect(readFileSync(examplePath(name), "utf8")).not.toBe("");
});
