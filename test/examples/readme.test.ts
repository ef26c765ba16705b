import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { runCommand, temporaryFile } from "../support/command-line.ts";
import { examplePath } from "../support/examples.ts";
import { startTestServer } from "../support/start-server.ts";

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

test("the lines that it shows of a file are right, and its command takes them", async () => {
  const [, name = "", flags = ""] = /^npx depthcast ingest (\S+) (.*)$/m.exec(readme) ?? [];
  const [, lines = ""] = /```json\n(\{"op":"add".*?)```/s.exec(readme) ?? [];
  const { grpcAddress } = await startTestServer();
  const args = [temporaryFile(name, lines), ...flags.split(" "), "--verify", "--server", grpcAddress];
  expect(await runCommand(["ingest", ...args])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^accepted {2}3 events\nrefused {3}0 events\nverified {2}1 of 1 checks\n/),
  });
});
