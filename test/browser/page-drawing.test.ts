import type { Browser, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatDecimal } from "../../src/protocol/decimal.ts";
import { eventually } from "../support/eventually.ts";
import { testBatch, testInstrument } from "../support/flow-rig.ts";
import type { TestOrderEvent } from "../support/naive-book.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";
import { launchChromium } from "./chromium.ts";
import { openPage } from "./open-page.ts";

/** What makes 60 frames a second possible, told by what the browser did and not by how long it took. */

const DEPTH = 50;
const BEST_BID = 10_000;
const CHANGES = 40;
/** Rows out of view are written at most this often. */
const HIDDEN_INTERVAL_MS = 250;

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

interface Shown {
  readonly page: Page;
  /** Sets levels, and waits until the page shows the best bid and its quantity. */
  readonly change: (bestBid: number, quantity: number, ...levels: readonly TestOrderEvent[]) => Promise<void>;
}

function level(side: 1 | 2, price: number, quantity: number): TestOrderEvent {
  return { action: 5, side, price, quantity };
}

/** A page with a full book of which the last rows are out of view. */
async function showBook(): Promise<Shown> {
  const server = await startTestServer({ instruments: [testInstrument("A")] });
  const sides = Array.from({ length: DEPTH }, (_, rank) => [
    level(1, BEST_BID - rank, 100 + rank),
    level(2, BEST_BID + 100 + rank, 100 + rank),
  ]);
  await submit(server, sides.flat());
  const { page } = await openPage(browser, `${server.httpUrl}/#symbols=A&depth=${DEPTH}&interval=0`, {
    viewport: { width: 1000, height: 600 },
  });
  await eventually(() =>
    page.evaluate<boolean>(`document.querySelector("tbody:last-of-type").innerText !== ""`),
  );
  const firstRow = `Array.from(document.querySelector("tbody tr").cells, (cell) => cell.textContent)`;
  const change: Shown["change"] = async (bestBid, quantity, ...levels) => {
    await submit(server, [...levels, level(1, bestBid, quantity)]);
    await eventually(async () => {
      const shown = await page.evaluate<string[]>(firstRow);
      return shown[1] === String(quantity) && shown[2] === formatDecimal(bestBid, 2);
    });
  };
  return { page, change };
}

async function submit(server: TestServer, events: readonly TestOrderEvent[]): Promise<void> {
  const stream = server.running.ingest.openStream(() => {});
  await stream.submit(testBatch("A", events));
  stream.close();
}

interface TraceEvent {
  readonly name: string;
  readonly args: { readonly beginData?: { readonly partialLayout?: boolean } };
}

describe("what the page does for a change", () => {
  it("lays out the rows that change, and not the page", async () => {
    const { page, change } = await showBook();
    await browser.startTracing(page, { categories: ["devtools.timeline"] });
    for (let step = 1; step <= CHANGES; step += 1) {
      // All rows of the bids move, the best price and the spread change, and one ask does.
      await change(BEST_BID + step, 40 + step, level(2, BEST_BID + 103, 200 + step));
    }
    const { traceEvents } = JSON.parse(String(await browser.stopTracing())) as { traceEvents: TraceEvent[] };
    const layouts = traceEvents.flatMap(({ name, args }) =>
      name === "Layout" && args.beginData !== undefined ? [args.beginData] : [],
    );
    // A text may be seen before it is laid out, and two changes be laid out as one.
    expect(layouts.length).toBeGreaterThan(CHANGES / 2);
    // None, unless the machine holds the browser up so long that the book's status changes.
    const whole = layouts.filter(({ partialLayout }) => partialLayout !== true);
    expect(whole.length).toBeLessThan(CHANGES / 8);
  });

  it("writes what is another, and nothing else", async () => {
    const { page, change } = await showBook();
    // The longest bar, against which all are drawn, stays.
    await page.evaluate(`{
      globalThis.written = [];
      const note = ({ type, target }) =>
        written.push(type + " " + (target.nodeType === Node.TEXT_NODE ? target.parentNode : target).className);
      new MutationObserver((records) => records.forEach(note)).observe(document.querySelector("table"), {
        subtree: true, childList: true, characterData: true, attributes: true,
      });
    }`);
    await change(BEST_BID, 101);
    expect(await page.evaluate<string[]>("written")).toEqual([
      "characterData quantity bid",
      "attributes quantity bid",
    ]);
  });

  it("writes rows that are out of view a few times a second, and those in view with each frame", async () => {
    const { page, change } = await showBook();
    await page.evaluate(`{
      globalThis.drawn = { first: 0, last: 0 };
      for (const place of ["first", "last"]) {
        const rows = document.querySelector("tbody:" + place + "-of-type");
        new MutationObserver(() => { drawn[place] += 1; }).observe(rows, { subtree: true, characterData: true });
      }
    }`);
    const startMs = performance.now();
    for (let step = 1; step <= CHANGES; step += 1) await change(BEST_BID + step, 40 + step);
    const tookMs = performance.now() - startMs;
    const drawn = await page.evaluate<{ first: number; last: number }>("drawn");
    expect(drawn.first).toBeGreaterThanOrEqual(CHANGES);
    expect(drawn.last).toBeLessThanOrEqual(tookMs / HIDDEN_INTERVAL_MS + 1);
    // Out of view is not out of date: all bids have moved down by as many rows.
    const lastBid = `document.querySelector("tbody:last-of-type tr:last-child").cells[2].textContent`;
    const expected = formatDecimal(BEST_BID - (DEPTH - 1) + CHANGES, 2);
    await eventually(async () => (await page.evaluate<string>(lastBid)) === expected);
  });

  it.each([
    ["as they are where they fit", 1, false],
    ["cut with an ellipsis where they do not", 1e12 + 1, true],
  ] as const)("shows numbers %s", async (_, quantity, isCut) => {
    const { page, change } = await showBook();
    await page.setViewportSize({ width: 380, height: 600 });
    await change(BEST_BID, quantity);
    await eventually(async () => {
      const [overflow, hasRoom] = await page.evaluate<[string, boolean]>(`(() => {
        const cell = document.querySelector("td.quantity");
        return [getComputedStyle(cell).textOverflow, cell.scrollWidth <= cell.clientWidth];
      })()`);
      return overflow === (isCut ? "ellipsis" : "clip") && hasRoom !== isCut;
    });
  });

  it("writes the same numbers anew where a server that was started again has other scales", async () => {
    const start = async (priceScale: number, port: number): Promise<TestServer> => {
      const server = await startTestServer({
        instruments: [testInstrument("A", { priceScale })],
        http: { host: "127.0.0.1", port },
      });
      await submit(server, [level(1, BEST_BID, 5)]);
      return server;
    };
    const first = await start(2, 0);
    const { page } = await openPage(browser, `${first.httpUrl}/#symbols=A&depth=5&interval=0`);
    const bestBid = `document.querySelector("td.price").textContent`;
    await eventually(async () => (await page.evaluate<string>(bestBid)) === "100.00");
    await first.stop();
    await start(3, first.running.httpPort);
    await eventually(async () => (await page.evaluate<string>(bestBid)) === "10.000", { deadlineMs: 30_000 });
  });
});
