import { type Browser, chromium } from "playwright";

/** Starts Debian's Chromium without anything that looks for the outside. */
export function launchChromium(...moreArgs: readonly string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...moreArgs,
    ],
  });
}
