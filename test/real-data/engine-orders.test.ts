import { describe, expect, it } from "vitest";
import { dataDirectory } from "./data-directory.ts";
import { EngineReplay } from "./engine-replay.ts";
import { beginsWith } from "./held-top.ts";
import { readOrderFile } from "./order-file.ts";

/** Single orders as the exchanges told them: after each step the book is what the exchange's own data say. */
describe.skipIf(dataDirectory === undefined)("orders through the engine: every answer of", () => {
  it.each([
    { fileName: "AMZN_20k.ndjson.gz", answers: 19_999 },
    { fileName: "AAPL_10_excerpt.ndjson.gz", answers: 998 },
    { fileName: "COINBASE_BTCUSD_2016-03-12.ndjson.gz", answers: 3 },
  ])("$fileName ($answers)", async ({ fileName, answers }) => {
    const file = readOrderFile(fileName);
    const replay = await EngineReplay.open("reject", new Map([["X", file.scales]]));
    let matched = 0;
    for (const { line, events, answer } of file.steps) {
      await replay.send("X", events);
      const levels = Math.max(answer.bids.length, answer.asks.length);
      const wrong = beginsWith(answer)(replay.top("X", levels));
      if (wrong !== undefined) throw new Error(`${fileName}, line ${line}: ${wrong}`);
      matched += 1;
    }
    await replay.send("X", file.rest);
    replay.checkup();
    expect(matched).toBe(answers);
    expect(replay.acceptedEvents).toBe(file.eventCount);
    process.stdout.write(`${fileName}: ${matched} answers equal, ${file.eventCount} events, none refused\n`);
  });
});
