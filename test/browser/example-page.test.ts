import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright";
import { build } from "vite";
import { afterAll, beforeAll, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { depthcastSources } from "../support/depthcast-sources.ts";
import { examplePath } from "../support/examples.ts";
import { addOrder, testBatch, testInstrument } from "../support/flow-rig.ts";
import { servePageFiles } from "../support/page-files.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { launchChromium } from "./chromium.ts";
import { openPage } from "./open-page.ts";

let browser: Browser;

beforeAll(async () => {
  browser = await launchChromium();
});
afterAll(() => browser.close());

/** Built as its author would build it, with the sources here as the package. */
async function buildExample(): Promise<string> {
  const outDir = temporaryFolder();
  const alias = Object.fromEntries(
    Array.from(depthcastSources, ([name, url]) => [name, fileURLToPath(url)] as const).toReversed(),
  );
  await build({
    configFile: false,
    logLevel: "error",
    root: examplePath("browser"),
    resolve: { alias },
    build: { outDir, emptyOutDir: true, target: "es2024" },
  });
  return outDir;
}

async function submit(server: TestServer, ...orders: ReturnType<typeof addOrder>[]): Promise<void> {
  const stream = server.running.ingest.openStream(() => {});
  await stream.submit(testBatch("BTC-USD", orders));
  stream.close();
}

function rowsOf(page: Page, table: "asks" | "bids"): Promise<string[]> {
  return page.locator(`#${table} tr`).allInnerTexts();
}

async function expectRows(page: Page, rows: { asks: string[]; bids: string[] }): Promise<void> {
  await eventually(async () => {
    expect({ asks: await rowsOf(page, "asks"), bids: await rowsOf(page, "bids") }).toEqual(rows);
    return true;
  });
}

it("the example of a web page shows the book as it changes, and that it is live", async () => {
  const origin = await servePageFiles(await buildExample());
  const server = await startTestServer({ instruments: [testInstrument("BTC-USD")], origins: [origin] });
  await submit(server, addOrder(1, 10_025, 300), addOrder(2, 10_030, 100));
  const url = `${server.httpUrl.replace("http", "ws")}/v1/ws`;
  const { page, complaints } = await openPage(browser, `${origin}/?url=${encodeURIComponent(url)}`);
  await expectRows(page, { asks: ["100.30\t100"], bids: ["100.25\t300"] });
  await submit(server, addOrder(2, 10_040, 5), addOrder(1, 10_025, 1), addOrder(1, 9900, 2));
  await expectRows(page, { asks: ["100.40\t5", "100.30\t100"], bids: ["100.25\t301", "99.00\t2"] });
  expect(await page.locator("#status").textContent()).toBe("live");
  expect(complaints).toEqual([]);
  await server.stop();
  await eventually(async () => (await page.locator("#status").textContent()) === "stale");
});
