import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { testBatch, testInstrument } from "../support/flow-rig.ts";
import { NaiveBook } from "../support/naive-book.ts";
import { modelEvent } from "../support/flow-event.ts";
import { Random } from "../support/random.ts";
import { type OrderFlow, realisticFlow } from "../support/random-flow.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";
import { launchChromium } from "./chromium.ts";
import { openPage } from "./open-page.ts";

/** What the page tells of a book, as far as the test looks at it. */
interface PageBook {
  readonly bids: readonly (readonly [string, string, number])[];
  readonly asks: readonly (readonly [string, string, number])[];
  readonly sequence: string | undefined;
  readonly faults: readonly string[];
  readonly deltas: number;
}

const STRANGE_HOST = "prices.example";
let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium(`--host-resolver-rules=MAP ${STRANGE_HOST} 127.0.0.1`);
});
afterAll(() => browser.close());

/** Delivers the test's page from an origin of its own. */
async function startPageServer(): Promise<number> {
  const html = readFileSync(new URL("book-page.html", import.meta.url));
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end(html));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

async function ingest(server: TestServer, symbol: string, model: NaiveBook, flow: OrderFlow): Promise<void> {
  const stream = server.running.ingest.openStream(() => {});
  for (let batch = 0; batch < 200; batch += 1) {
    const events = flow.batch(20).map(modelEvent);
    for (const event of events) model.apply(event);
    await stream.submit(testBatch(symbol, events));
  }
  stream.close();
}

function bookOf(page: Page, symbol: string): Promise<PageBook> {
  return page.evaluate<PageBook>(`bookOf(${JSON.stringify(symbol)})`);
}

/** Levels by price, as text at scale 2 and 0. */
function asTexts(levels: readonly (readonly [number, number, number])[]): Map<string, unknown> {
  return new Map(
    levels.map(([price, quantity, orders]) => [(price / 100).toFixed(2), [String(quantity), orders]]),
  );
}

describe("a page in a real browser", () => {
  it("holds exactly the books of the engine, with every checksum right", async () => {
    const server = await startTestServer({ instruments: [testInstrument("A"), testInstrument("B/C")] });
    const { page, complaints } = await openPage(browser, `http://127.0.0.1:${await startPageServer()}/`);
    const subscriptions = ["A", "B/C"].map((symbol) => ({ symbol, depth: 10, intervalMs: 10 }));
    const url = `${server.httpUrl.replace("http", "ws")}/v1/ws`;
    expect(await page.evaluate(`watch(${JSON.stringify(url)}, ${JSON.stringify(subscriptions)})`)).toBe(
      "open",
    );
    for (const symbol of ["A", "B/C"]) {
      const model = new NaiveBook({
        crossPolicy: 1,
        tickSize: 0,
        lotSize: 0,
        liveOrdersMax: 1e6,
        levelsPerSideMax: 1e6,
      });
      await ingest(server, symbol, model, realisticFlow(new Random(7)));
      const book = await eventually(async () => {
        const seen = await bookOf(page, symbol);
        const tops = { bids: asTexts(model.top(1, 10)), asks: asTexts(model.top(2, 10)) };
        expect(new Map(seen.bids.map(([price, quantity, orders]) => [price, [quantity, orders]]))).toEqual(
          tops.bids,
        );
        expect(new Map(seen.asks.map(([price, quantity, orders]) => [price, [quantity, orders]]))).toEqual(
          tops.asks,
        );
        return seen;
      });
      expect(book.faults).toEqual([]);
      expect(book.deltas).toBeGreaterThan(1);
    }
    expect(complaints).toEqual([]);
  });

  it("of a strange origin is refused, unless its origin is allowed", async () => {
    const port = await startPageServer();
    const origin = `http://${STRANGE_HOST}:${port}`;
    for (const [origins, outcome] of [
      [[], "closed"],
      [[origin], "open"],
    ] as const) {
      const server = await startTestServer({ instruments: [testInstrument("A")], origins });
      const { page } = await openPage(browser, `${origin}/`);
      const url = `${server.httpUrl.replace("http", "ws")}/v1/ws`;
      expect(await page.evaluate(`watch(${JSON.stringify(url)}, [])`)).toBe(outcome);
    }
  });
});
