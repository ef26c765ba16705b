import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, CDPSession, Page } from "playwright";
import { wallSeconds } from "../support/wall-clock.ts";

/** What a page's frames take, as Chromium itself counts it. CPU times are milliseconds a frame. */
export interface DrawnFrames {
  /** Put on the (virtual) screen, which has 60 a second. */
  readonly perSecond: number;
  readonly mainThreadMs: number;
  readonly scriptMs: number;
  readonly styleMs: number;
  readonly layoutMs: number;
  /** The page's whole process: its main thread, the feed worker, the compositor, painting into tiles. */
  readonly pageProcessMs: number;
  /** All processes of the browser. */
  readonly browserMs: number;
}

interface CpuSeconds {
  readonly mainThread: number;
  readonly script: number;
  readonly style: number;
  readonly layout: number;
  readonly pageProcess: number;
  readonly browser: number;
}

/** Measures `page`, the only one of `browser`, for a while. */
export async function measureFrames(browser: Browser, page: Page, seconds: number): Promise<DrawnFrames> {
  const ofPage = await page.context().newCDPSession(page);
  const ofBrowser = await browser.newBrowserCDPSession();
  // CPU of the thread and not time, in which other processes have their share.
  await ofPage.send("Performance.enable", { timeDomain: "threadTicks" });
  await browser.startTracing(page, { categories: ["viz"] });
  const before = await cpuSeconds(ofPage, ofBrowser);
  const start = wallSeconds();
  await sleep(seconds * 1000);
  const after = await cpuSeconds(ofPage, ofBrowser);
  const tookSeconds = wallSeconds() - start;
  const trace = JSON.parse(String(await browser.stopTracing())) as {
    readonly traceEvents: readonly { readonly name: string; readonly ph: string }[];
  };
  const frames = trace.traceEvents.filter(
    ({ name, ph }) => name === "Display::DrawAndSwap" && ph === "X",
  ).length;
  const msAFrame = (what: keyof CpuSeconds): number => (1000 * (after[what] - before[what])) / frames;
  return {
    perSecond: frames / tookSeconds,
    mainThreadMs: msAFrame("mainThread"),
    scriptMs: msAFrame("script"),
    styleMs: msAFrame("style"),
    layoutMs: msAFrame("layout"),
    pageProcessMs: msAFrame("pageProcess"),
    browserMs: msAFrame("browser"),
  };
}

async function cpuSeconds(ofPage: CDPSession, ofBrowser: CDPSession): Promise<CpuSeconds> {
  const { metrics } = await ofPage.send("Performance.getMetrics");
  const { processInfo } = await ofBrowser.send("SystemInfo.getProcessInfo");
  const metric = (wanted: string): number => metrics.find(({ name }) => name === wanted)?.value ?? 0;
  const sum = (type?: string): number =>
    processInfo.reduce(
      (total, one) => (type === undefined || one.type === type ? total + one.cpuTime : total),
      0,
    );
  return {
    mainThread: metric("TaskDuration"),
    script: metric("ScriptDuration"),
    style: metric("RecalcStyleDuration"),
    layout: metric("LayoutDuration"),
    pageProcess: sum("renderer"),
    browser: sum(),
  };
}
