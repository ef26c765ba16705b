import { describe, expect, it } from "vitest";
import { BookHistory } from "../support/book-history.ts";
import type { FlowEvent } from "../support/flow-event.ts";
import type { NaiveBook } from "../support/naive-book.ts";
import { transports } from "../support/test-client.ts";
import { dataDirectory } from "./data-directory.ts";
import { fixedText } from "./decimal-text.ts";
import { beginsWith, type HeldTop, isExactly, type Scales, type TopLevel } from "./held-top.ts";
import { readOrderFile } from "./order-file.ts";
import { ServerReplay } from "./server-replay.ts";

const SYMBOL = "BTC-USD";
const DEPTH = 50;
const EVENTS_A_BATCH = 50;

/** Orders named by UUIDs, prices and sizes as decimal text on both ends. */
describe.skipIf(dataDirectory === undefined)("orders with string keys through a real server", () => {
  it("make every subscriber hold Coinbase's answers, and what the model says in between", async () => {
    const file = readOrderFile("COINBASE_BTCUSD_2016-03-12.ndjson.gz");
    const replay = await ServerReplay.open({
      crossPolicy: "reject",
      instruments: new Map([[SYMBOL, file.scales]]),
      depth: DEPTH,
      transports,
    });
    const history = new BookHistory("reject", DEPTH, { everyBatch: false });
    let batches = 0;
    const send = async (events: readonly FlowEvent[]): Promise<void> => {
      history.apply(events);
      await replay.step(SYMBOL, events, isExactly(topOf(history.model)));
      batches += 1;
    };
    let held = 0;
    for (const { events, answer } of file.steps) {
      for (let start = 0; start < events.length; start += EVENTS_A_BATCH) {
        await send(events.slice(start, start + EVENTS_A_BATCH));
      }
      await replay.step(SYMBOL, [], beginsWith(answer));
      expect(await restBook(replay.server.httpUrl)).toEqual(asText(answer, file.scales));
      held += 1;
    }
    expect(held).toBe(3);
    process.stdout.write(
      `COINBASE through a server: ${held} answers and ${batches} batches held; ${await replay.finish()}\n`,
    );
  });
});

function topOf(model: NaiveBook): HeldTop {
  const levels = (side: 1 | 2): TopLevel[] =>
    model.top(side, DEPTH).map(([price, quantity]): TopLevel => [price, quantity]);
  return { bids: levels(1), asks: levels(2) };
}

type TextLevel = readonly [price: string, quantity: string];
interface TextBook {
  readonly bids: readonly TextLevel[];
  readonly asks: readonly TextLevel[];
}

/** The book as `GET /v1/book` tells it, in decimal text. */
async function restBook(httpUrl: string): Promise<TextBook> {
  const response = await fetch(`${httpUrl}/v1/book/${SYMBOL}?depth=${DEPTH}`);
  const { bids, asks } = (await response.json()) as TextBook;
  return { bids: bids.map(withoutCounts), asks: asks.map(withoutCounts) };
}

function withoutCounts([price, quantity]: TextLevel): TextLevel {
  return [price, quantity];
}

function asText({ bids, asks }: HeldTop, { priceScale, quantityScale }: Scales): TextBook {
  const text = ([price, quantity]: TopLevel): TextLevel => [
    fixedText(price, priceScale),
    fixedText(quantity, quantityScale),
  ];
  return { bids: bids.map(text), asks: asks.map(text) };
}
