import { fileURLToPath } from "node:url";
import { build } from "vite";
import { describe, expect, it } from "vitest";

/** What a page has to load: the goal of the browser client. */
const BUNDLE_BYTES_MAX = 25_000;

describe("the browser client", () => {
  it("is one small file without anything of Node or of another package", async () => {
    const built = await build({
      configFile: false,
      logLevel: "silent",
      build: {
        write: false,
        minify: true,
        rolldownOptions: {
          input: fileURLToPath(new URL("../../src/client/browser.ts", import.meta.url)),
          preserveEntrySignatures: "strict",
          // What is not resolved would be left in as an import, and shows below.
          external: [/^node:/, /^@/],
        },
      },
    });
    const outputs = [built].flat().flatMap((result) => ("output" in result ? result.output : []));
    expect(outputs.map(({ type }) => type)).toEqual(["chunk"]);
    const [chunk] = outputs;
    if (chunk?.type !== "chunk") throw new Error("there is one chunk");
    expect([...chunk.imports, ...chunk.dynamicImports]).toEqual([]);
    expect(chunk.code).not.toMatch(/\brequire\(|\bprocess\.|\bBuffer\./);
    const bytes = Buffer.byteLength(chunk.code);
    process.stdout.write(`the browser client has ${bytes} bytes, minified\n`);
    expect(bytes).toBeLessThan(BUNDLE_BYTES_MAX);
  });
});
