import { describe, expect, it } from "vitest";
import { transports } from "../support/test-client.ts";
import { dataDirectory } from "./data-directory.ts";
import { beginsWith } from "./held-top.ts";
import { readOrderFile } from "./order-file.ts";
import { ServerReplay } from "./server-replay.ts";

describe.skipIf(dataDirectory === undefined)("orders through a real server", () => {
  it("make every subscriber hold each of AMZN's answers", async () => {
    const file = readOrderFile("AMZN_20k.ndjson.gz");
    const replay = await ServerReplay.open({
      crossPolicy: "reject",
      instruments: new Map([["AMZN", file.scales]]),
      depth: 10,
      transports,
    });
    let held = 0;
    for (const { events, answer } of file.steps) {
      await replay.step("AMZN", events, beginsWith(answer));
      held += 1;
    }
    expect(held).toBe(19_999);
    process.stdout.write(`AMZN through a server: ${held} answers held; ${await replay.finish()}\n`);
  });
});
