import { dataDirectory } from "./data-directory.ts";

/**
 * Once before the real-data tests: says that they are skipped where there are no data, or fails the whole
 * run where `DEPTHCAST_DATA_REQUIRED=1` says that there must be.
 */
export function setup(): void {
  if (dataDirectory !== undefined) return;
  const missing = "no real market data: neither DEPTHCAST_DATA nor ../shared/data names a folder";
  if (process.env["DEPTHCAST_DATA_REQUIRED"] === "1") throw new Error(missing);
  process.stdout.write(`SKIPPED all real-data tests: ${missing}\n`);
}
