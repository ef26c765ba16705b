import type { Browser, Page } from "playwright";
import { onTestFinished } from "vitest";

export interface OpenPage {
  readonly page: Page;
  /** Errors and warnings of the console, and what nobody caught. */
  readonly complaints: readonly string[];
}

/** Opens a page, which is closed when the test ends. */
export async function openPage(
  browser: Browser,
  url: string,
  options: Parameters<Browser["newPage"]>[0] = {},
): Promise<OpenPage> {
  const page = await browser.newPage(options);
  onTestFinished(() => page.close());
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}
