/** The source of each entry of the package, as a file URL. */
export const depthcastSources: ReadonlyMap<string, string> = new Map([
  ["depthcast", source("index.ts")],
  ["depthcast/client", source("client/index.ts")],
  ["depthcast/client/browser", source("client/browser.ts")],
]);

function source(path: string): string {
  return new URL(`../../src/${path}`, import.meta.url).href;
}
