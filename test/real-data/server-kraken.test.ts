import { describe, expect, it } from "vitest";
import { transports } from "../support/test-client.ts";
import { dataDirectory } from "./data-directory.ts";
import { isExactly, type HeldTop } from "./held-top.ts";
import {
  KRAKEN_CHECKSUM_LEVELS,
  type KrakenFormat,
  krakenFormats,
  krakenJudge,
  readKrakenCapture,
} from "./kraken-capture.ts";
import { LevelSource } from "./level-source.ts";
import { ServerReplay } from "./server-replay.ts";

describe.skipIf(dataDirectory === undefined)("levels through a real server", () => {
  it("give every subscriber a book with Kraken's checksum, for all pairs at once", async () => {
    const messages = readKrakenCapture();
    const formats = krakenFormats(messages);
    const replay = await ServerReplay.open({
      crossPolicy: "flag",
      instruments: new Map(Array.from(formats, ([symbol, { scales }]) => [symbol, scales])),
      depth: KRAKEN_CHECKSUM_LEVELS,
      transports,
    });
    const sources = new Map(
      Array.from(formats, ([symbol, { scales }]) => [symbol, new LevelSource("SET_LEVEL", scales)]),
    );
    let held = 0;
    for (const message of messages) {
      const { symbol } = message;
      const source = sources.get(symbol) as LevelSource;
      const events = source.events(message);
      const answer = krakenJudge(message, formats.get(symbol) as KrakenFormat);
      // A snapshot has no checksum; what it lists has to be there.
      await replay.step(symbol, events, answer ?? isExactly(firstLevels(source.whole())));
      if (answer !== undefined) held += 1;
    }
    expect(held).toBe(4269);
    process.stdout.write(`KRAKEN through a server: ${held} checksums held; ${await replay.finish()}\n`);
  });
});

function firstLevels({ bids, asks }: HeldTop): HeldTop {
  return { bids: bids.slice(0, KRAKEN_CHECKSUM_LEVELS), asks: asks.slice(0, KRAKEN_CHECKSUM_LEVELS) };
}
