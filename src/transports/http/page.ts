import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply } from "fastify";

/** Where the built page lies: beside the built sources in a package, in `dist` of a clone. */
const PAGE_FOLDER = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../../../dist/web" : "../../web", import.meta.url),
);

/**
 * The page loads its own files and talks to its own server, and nothing else: no script, style or frame from anywhere, none
 * inline. Isolated from other origins, so that its worker may wait on shared memory instead of spinning.
 */
const PAGE_HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; worker-src 'self'; img-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

const NOT_BUILT = "The live page is not built: run `npm run build:page`.\n";

/** Serves the live page at `/`, built by Vite from `web/`. */
export function registerPage(app: FastifyInstance): void {
  if (!existsSync(PAGE_FOLDER)) {
    app.get("/", (_request, reply: FastifyReply) => reply.code(404).type("text/plain").send(NOT_BUILT));
    return;
  }
  void app.register(fastifyStatic, {
    root: PAGE_FOLDER,
    // Only the files that are there now: no path of a stranger's reaches the file system.
    wildcard: false,
    decorateReply: false,
    cacheControl: false,
    setHeaders(reply, path) {
      for (const [name, value] of Object.entries(PAGE_HEADERS)) void reply.header(name, value);
      // Assets have a hash in their names; the page that names them has none.
      const lasts = path.includes("assets");
      void reply.header("cache-control", lasts ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
}
