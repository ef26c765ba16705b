import { expect, test } from "vitest";
import { createLogger, LogLevel, silentLogger } from "../../src/observability/logger.ts";

function recorder() {
  const lines: string[] = [];
  return { lines, destination: { write: (line: string) => void lines.push(line) } };
}

test("one JSON object a line, with the level's name and the fields", () => {
  const { lines, destination } = recorder();
  createLogger({ level: LogLevel.info, destination }).info({ symbol: "BTC-USD" }, "defined");
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "info", symbol: "BTC-USD", msg: "defined" });
  expect(lines[0]?.endsWith("\n")).toBe(true);
});

test("what is below the level is not said", () => {
  const { lines, destination } = recorder();
  const logger = createLogger({ level: LogLevel.warn, destination });
  logger.debug({}, "a");
  logger.info({}, "b");
  logger.warn({}, "c");
  logger.error({}, "d");
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(["c", "d"]);
});

test("credentials never reach a log, however deep they come, pretty or not", () => {
  for (const pretty of [false, true]) {
    const { lines, destination } = recorder();
    const logger = createLogger({ level: LogLevel.info, pretty, destination });
    logger.info(
      { authorization: "hunter2", request: { headers: { authorization: "hunter2" }, token: "hunter2" } },
      "x",
    );
    expect(lines.join("")).not.toContain("hunter2");
    expect(lines.join("")).toContain("[redacted]");
  }
});

test("errors keep their message and code", () => {
  const { lines, destination } = recorder();
  createLogger({ level: LogLevel.error, destination }).error({ err: new Error("broken") }, "failed");
  expect(lines[0]).toContain("broken");
});

test("pretty lines: time, level, message, facts; text from strangers cannot begin a line of its own", () => {
  const { lines, destination } = recorder();
  createLogger({ level: LogLevel.info, pretty: true, destination }).info(
    { port: 8080, id: "a\nERROR b" },
    "listening",
  );
  expect(lines).toEqual([
    expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}listening port=8080 id="a\\nERROR b"\n$/),
  ]);
});

test("the silent logger says nothing and takes everything", () => {
  expect(() => silentLogger.error({ any: "thing" }, "x")).not.toThrow();
});
