import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { formatDecimal } from "../../src/protocol/decimal.ts";
import { serveCommand } from "../support/command-line.ts";
import { eventually } from "../support/eventually.ts";
import { type FlowEvent, modelEvent } from "../support/flow-event.ts";
import { addOrder, testBatch, testInstrument } from "../support/flow-rig.ts";
import { NaiveBook } from "../support/naive-book.ts";
import { withSeed } from "../support/random.ts";
import { realisticFlow } from "../support/random-flow.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";
import { launchChromium } from "./chromium.ts";
import { type OpenPage, openPage } from "./open-page.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const INSTRUMENTS = [testInstrument("A", { description: "The first" }), testInstrument("B/C")];
let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

function open(
  server: TestServer,
  hash = "",
  options: Parameters<Browser["newPage"]>[0] = {},
): Promise<OpenPage> {
  return openPage(browser, `${server.httpUrl}/${hash}`, options);
}

/** The model of a symbol beside the server. */
class Market {
  readonly symbol: string;
  readonly model = new NaiveBook({
    crossPolicy: 1,
    tickSize: 0,
    lotSize: 0,
    liveOrdersMax: 1e6,
    levelsPerSideMax: 1e6,
  });

  constructor(symbol: string) {
    this.symbol = symbol;
  }

  async send(server: TestServer, batches: readonly (readonly FlowEvent[])[]): Promise<void> {
    const stream = server.running.ingest.openStream(() => {});
    for (const batch of batches) {
      const events = batch.map(modelEvent);
      for (const event of events) this.model.apply(event);
      await stream.submit(testBatch(this.symbol, events));
    }
    stream.close();
  }

  /** The rows of the ladder as they have to be: orders, quantity, bid, ask, quantity, orders. */
  rows(depth: number): string[][] {
    const bids = this.model.top(1, depth);
    const asks = this.model.top(2, depth);
    return Array.from({ length: depth }, (_, index) => {
      const [bidPrice, bidQuantity, bidOrders] = bids[index] ?? [];
      const [askPrice, askQuantity, askOrders] = asks[index] ?? [];
      const price = (mantissa: number | undefined) =>
        mantissa === undefined ? "" : formatDecimal(mantissa, 2);
      const plain = (value: number | undefined) => (value === undefined ? "" : String(value));
      return [
        plain(bidOrders),
        plain(bidQuantity),
        price(bidPrice),
        price(askPrice),
        plain(askQuantity),
        plain(askOrders),
      ];
    });
  }
}

function ladder(page: Page, symbol: string): Promise<string[][]> {
  const rows = `document.querySelectorAll('section[aria-label="Book of ${symbol}"] tbody tr')`;
  return page.evaluate<string[][]>(
    `Array.from(${rows}, (row) => Array.from(row.cells, (cell) => cell.textContent))`,
  );
}

/** How much has moved since then by itself, as Chromium counts it; from 0.1 on it is said to annoy. */
function layoutShift(page: Page, sinceMs: number): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => {
      for (const { startTime, value, hadRecentInput } of list.getEntries()) {
        if (startTime > ${sinceMs} && !hadRecentInput) sum += value;
      }
    }).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => resolve(sum), 300);
  })`);
}

async function expectBook(page: Page, market: Market, depth: number): Promise<void> {
  await eventually(async () => expect(await ladder(page, market.symbol)).toEqual(market.rows(depth)), {
    deadlineMs: 30_000,
    what: `the page shows the book of ${market.symbol}`,
  });
}

describe("the live page", () => {
  it("shows exactly the books of the engine, at every depth, and leaves nothing behind", () =>
    withSeed(async (random) => {
      const server = await startTestServer({ instruments: INSTRUMENTS });
      const markets = INSTRUMENTS.map(({ symbol }) => new Market(symbol));
      const { page, complaints } = await open(server);
      // The first symbol is there by itself; the other at a click.
      await page.getByRole("button", { name: "B/C" }).click();
      for (const market of markets) {
        const flow = realisticFlow(random);
        await market.send(
          server,
          Array.from({ length: 60 }, () => flow.batch(10)),
        );
        await expectBook(page, market, 20);
      }
      await page.locator("#depth").selectOption("5");
      await page.locator("#interval").selectOption("0");
      for (const market of markets) await expectBook(page, market, 5);
      expect(page.url()).toContain("#symbols=A,B/C&depth=5&interval=0");
      await page.reload();
      for (const market of markets) await expectBook(page, market, 5);
      await page.getByRole("button", { name: "B/C" }).click();
      await eventually(async () => (await server.metrics()).sum("depthcast_subscriptions") === 1);
      expect(complaints).toEqual([]);
    }));

  it("tells of a book what it is at, from open to locked to crossed, by keyboard alone", async () => {
    const crossing = testInstrument("X", { crossPolicy: CrossPolicy.flag });
    const server = await startTestServer({ instruments: [testInstrument("A"), crossing] });
    const { page, complaints } = await open(server);
    await page.getByRole("button", { name: "X" }).waitFor();
    for (const key of ["Tab", "Enter", "Tab", "Space", "Tab", "ArrowUp"]) await page.keyboard.press(key);
    await eventually(() => page.url().endsWith("#symbols=X&depth=10&interval=50"));
    const card = page.getByRole("region", { name: "Book of X" });
    const cardSays = (part: string, text: string | RegExp) =>
      eventually(async () => expect(await card.locator(part).allTextContents()).toEqual([text]));
    const stream = server.running.ingest.openStream(() => {});
    const add = (side: 1 | 2, price: number) => stream.submit(testBatch("X", [addOrder(side, price, 7)]));
    await add(1, 10_000);
    await cardSays(".top", "100.00––");
    await add(2, 10_050);
    await cardSays(".top", "100.000.50100.50");
    await cardSays("header", "Xopenlive");
    await add(1, 10_050);
    await cardSays("header", "Xlockedlive");
    await add(1, 10_060);
    await cardSays("header", "Xcrossedlive");
    await cardSays(".top", "100.60-0.10100.50");
    await cardSays(
      "dl",
      expect.stringMatching(
        /^Sequence4Updates\d+ \/sLatency\d+ msMergednoneChecksums\d+ rightAge\d+/,
      ) as RegExp,
    );
    stream.close();
    expect(complaints).toEqual([]);
  });

  it("survives a restart of its server, and says so meanwhile", async () => {
    const first = await startTestServer({ instruments: INSTRUMENTS });
    const port = first.running.httpPort;
    const market = new Market("A");
    await market.send(first, [[{ action: "add", orderId: 1n, side: "bid", price: 100n, quantity: 3n }]]);
    const { page } = await open(first);
    await expectBook(page, market, 20);
    await first.stop();
    const book = page.getByRole("region", { name: "Book of A" });
    await eventually(async () => (await book.locator("header").textContent())?.includes("stale"), {
      deadlineMs: 20_000,
    });
    const again = new Market("A");
    const second = await startTestServer({ instruments: INSTRUMENTS, http: { host: "127.0.0.1", port } });
    await again.send(second, [[{ action: "add", orderId: 2n, side: "ask", price: 200n, quantity: 5n }]]);
    await expectBook(page, again, 20);
    await eventually(async () => (await book.locator("header").textContent())?.includes("live"));
  });

  it(
    "really stops reading at the slow switch: the server merges, and the book is exact afterwards",
    { timeout: 90_000 },
    () =>
      withSeed(async (random) => {
        const server = await startTestServer({
          instruments: INSTRUMENTS,
          limits: { inFlightBytesMax: 4096 },
        });
        const market = new Market("A");
        const { page, complaints } = await open(server, "#symbols=A&depth=50&interval=0");
        const flow = realisticFlow(random);
        await market.send(server, [flow.batch(50)]);
        await expectBook(page, market, 50);
        await page.getByRole("button", { name: "Slow connection" }).click();
        await eventually(async () =>
          (await page.locator("#slow-note").textContent())?.startsWith("Not reading"),
        );
        // What is seen is old from now on, and must not be called live.
        const card = page.getByRole("region", { name: "Book of A" });
        await eventually(async () => (await card.locator("header").textContent())?.includes("not reading"));
        await eventually(
          async () => {
            await market.send(
              server,
              Array.from({ length: 20 }, () => flow.batch(20)),
            );
            // A page that reads would take the rest at once.
            for (let look = 0; look < 20; look += 1) {
              if ((await server.metrics()).sum("depthcast_consumers_unwritable") === 0) return false;
              await sleep(50);
            }
            return true;
          },
          { deadlineMs: 30_000, what: "the page takes nothing for a second" },
        );
        await page.getByRole("button", { name: "Slow connection" }).click();
        await expectBook(page, market, 50);
        await eventually(
          async () => /Merged\d+, most [\d,]+/.test((await card.locator("dl").textContent()) ?? ""),
          { deadlineMs: 30_000 },
        );
        await eventually(async () => (await card.locator("header").textContent())?.includes("live"));
        expect((await server.metrics()).sum("depthcast_merged_intervals_total")).toBeGreaterThan(0);
        expect(complaints).toEqual([]);
      }),
  );

  it("shows what a slow client gets, as it comes with the demo", { timeout: 90_000 }, async () => {
    const { url } = await serveCommand(["--demo"]);
    const { page, complaints } = await openPage(browser, url.replace(/^ws(.*)\/v1\/ws$/, "http$1"));
    const card = page.getByRole("region", { name: "Book of BTC-USD" });
    const cardSays = (part: string, pattern: RegExp) =>
      eventually(async () => pattern.test((await card.locator(part).textContent()) ?? ""), {
        deadlineMs: 40_000,
        what: `${pattern} on the page`,
      });
    await cardSays("header", /live/);
    await cardSays("dl", /Mergednone/);
    const sinceMs = await page.evaluate<number>("performance.now()");
    await page.getByRole("button", { name: "Slow connection" }).press("Enter");
    await cardSays("header", /not reading/);
    await cardSays("dl", /Merged\d+, most \d\d/);
    await page.getByRole("button", { name: "Slow connection" }).press("Enter");
    await cardSays("header", /live/);
    await cardSays("dl", /Checksums[\d,]+ right(?!,)/);
    expect(await layoutShift(page, sinceMs)).toBeLessThan(0.01);
    expect(complaints).toEqual([]);
  });

  it.each([
    ["desktop", 1280, 800],
    ["phone", 390, 844],
  ] as const)(
    "fits a %s in both themes, and passes the accessibility checks",
    async (name, width, height) => {
      const server = await startTestServer({ instruments: INSTRUMENTS });
      const market = new Market("A");
      await market.send(server, [
        Array.from({ length: 40 }, (_, index) => ({
          action: "add",
          orderId: BigInt(index + 1),
          side: index % 2 === 0 ? "bid" : "ask",
          price: BigInt(index % 2 === 0 ? 10_000 - index : 10_001 + index),
          quantity: BigInt(1 + ((index * 37) % 90)),
        })),
      ]);
      for (const colorScheme of ["light", "dark"] as const) {
        const { page, complaints } = await open(server, "", { viewport: { width, height }, colorScheme });
        await expectBook(page, market, 20);
        expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
        expect(await layoutShift(page, 0)).toBeLessThan(0.02);
        await page.screenshot({ path: `test-artifacts/page-${name}-${colorScheme}.png`, fullPage: true });
        expect(complaints).toEqual([]);
        // The checker is put in past the page's policy, which would not let it in.
        const violations = await page.evaluate<string[]>(
          `${axeSource}; axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html))`,
        );
        expect(violations).toEqual([]);
      }
    },
  );
});
