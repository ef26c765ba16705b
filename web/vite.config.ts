import { defineConfig } from "vite";

// The live page: built by `npm ci` and by `npm run build`, served by the HTTP transport from dist/web.
export default defineConfig({
  build: {
    outDir: "../dist/web",
    emptyOutDir: true,
    target: "es2024",
    // Everything is a file of its own: the page's policy allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: "es" },
});
