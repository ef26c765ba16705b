import { createHash } from "node:crypto";
import type { ListedInstrument } from "../../book/instrument-directory.ts";

/** The page at `/`: what runs here and where to go on. One file, no script, nothing from elsewhere. */

const STYLE = `
:root { color-scheme: light dark; --ink: #14202b; --soft: #5b6b7a; --line: #d9e0e6; --paper: #fbfcfd; --bid: #0b8457; --ask: #c2384a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #8b9aa8; --line: #243240; --paper: #0d141b; --bid: #3fce97; --ask: #ff7a88; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 4rem 1.5rem; }
h1 { font-size: 2.2rem; letter-spacing: -0.03em; margin: 0; }
h1 span:first-child { color: var(--bid); } h1 span:last-child { color: var(--ask); }
p { color: var(--soft); margin: 0.4rem 0 2.4rem; max-width: 36rem; }
h2 { font-size: 0.8rem; text-transform: uppercase; letter-spacing: 0.08em; color: var(--soft); margin: 2.4rem 0 0.6rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
td { padding: 0.55rem 0.8rem 0.55rem 0; border-top: 1px solid var(--line); vertical-align: top; }
td + td { color: var(--soft); }
a { color: inherit; text-underline-offset: 0.2em; }
code { font: 0.9em ui-monospace, monospace; }
`;

/** No script at all, and only this one style: whatever text got into the page, it could do nothing. */
export const PAGE_POLICY =
  `default-src 'none'; style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'; ` +
  "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const LISTED_MAX = 100;

const ENDPOINTS = [
  ["/v1/instruments", "the instruments, as JSON"],
  ["/healthz", "whether the process lives"],
  ["/readyz", "whether it takes work, and if not, why"],
  ["/metrics", "for Prometheus"],
] as const;

export function pageHtml(instruments: readonly ListedInstrument[]): string {
  const books = instruments.slice(0, LISTED_MAX).map(({ instrument }) => {
    const path = `/v1/book/${encodeURIComponent(instrument.symbol)}`;
    return row(link(path, instrument.symbol), escapeHtml(instrument.description));
  });
  const more = instruments.length - books.length;
  if (more > 0) books.push(row(`and ${more} more`, link("/v1/instruments", "all of them")));
  if (books.length === 0) books.push(row("none yet", "define one with the DefineInstrument call"));
  const endpoints = ENDPOINTS.map(([path, about]) => row(link(path, path), about));
  endpoints.unshift(
    row("<code>/v1/ws</code>", "WebSocket: <code>depthcast.v1.json</code>, <code>depthcast.v1.proto</code>"),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>depthcast</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
<h1><span>depth</span><span>cast</span></h1>
<p>A real-time order book broadcast engine is running here: order events in, the exact depth out, on gRPC and WebSocket.</p>
<h2>Books</h2>
<table>${books.join("")}</table>
<h2>Endpoints</h2>
<table>${endpoints.join("")}</table>
</main>
</body>
</html>
`;
}

function row(left: string, right: string): string {
  return `<tr><td>${left}</td><td>${right}</td></tr>`;
}

function link(path: string, text: string): string {
  return `<a href="${escapeHtml(path)}">${escapeHtml(text)}</a>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
