import type { ClientEvent } from "../client/client-events.ts";
import { connect } from "../client/connect-node.ts";
import type { LiveBook } from "../client/live-book.ts";
import type { MarketClient, WatchOptions } from "../client/market-client.ts";
import { INTERVALS_MS, type IntervalMs, isInterval, LIMITS, SYMBOL_PATTERN } from "../limits.ts";
import { type Arguments, integerFlag, type Option, serverFlags, textFlag, textFlags } from "./arguments.ts";
import type { Command } from "./command.ts";
import { stopSignal } from "./stop-signal.ts";
import { usageError } from "./usage-error.ts";
import { bookJson, bookLine } from "./watch/book-text.ts";
import { FullScreen } from "./watch/full-screen.ts";
import { LadderScreen } from "./watch/ladder-screen.ts";
import { printBooks } from "./watch/line-output.ts";

const DEFAULT_URL = "ws://127.0.0.1:8080/v1/ws";

const options: readonly Option[] = [
  { name: "depth", value: "N", about: "levels a side", default: "20" },
  {
    name: "interval",
    value: "MS",
    about: `the least time between two updates: ${INTERVALS_MS.join(", ")}`,
    default: "50",
  },
  {
    name: "url",
    value: "ws://…",
    repeated: true,
    about: "watches over WebSocket",
    default: DEFAULT_URL,
  },
  { name: "server", value: "HOST:PORT", repeated: true, about: "watches over gRPC" },
  { name: "json", about: "one JSON object a line: the whole book after each update" },
];

export const watchCommand: Command = {
  help: {
    usage: ["depthcast watch SYMBOL… [flags]"],
    about: [
      "Shows the best levels of one or more books, live, until q or ctrl-C. Every update is checked (chain, checksum). " +
        "Books are live, stale (nothing heard for two heartbeats, or the connection is lost) or resyncing. A lost " +
        "connection is made anew, at the next address where there are several: each --url, then each --server.",
      "Where standard output is no terminal, each update is one line, and so is each change of the status; what happens " +
        "to the connection is told on standard error. With --json a line is a whole book by itself, its values as in " +
        "the JSON dialect of the WebSocket bridge:",
      '  {"type":"book","symbol":"A","status":"live","epoch":"…","sequence":"7",',
      '   "bids":[["9.95","4",1]],"asks":[],"checksum":…,"state":"open",',
      '   "sourceTime":"…","publishTime":"…","mergedIntervals":1,"skipped":0}',
      "A reader that is slow gets the newest book when it is ready for one: mergedIntervals tells what the server has " +
        "folded into one update since the last line (0 for a snapshot), skipped how many updates had no line.",
    ].join("\n"),
    groups: [{ title: "Flags", options }],
    examples: [
      "depthcast watch BTC-USD ETH-USD --depth 15",
      "depthcast watch BTC-USD --server 127.0.0.1:50051 --server 127.0.0.1:50052",
      "depthcast watch BTC-USD --interval 0 --json | jq -c '[.sequence, .bids[0], .asks[0]]'",
    ],
  },
  run: watch,
};

async function watch(args: Arguments): Promise<number> {
  const symbols = readSymbols(args);
  const wanted = readOptions(args);
  const client = connect(readAddresses(args));
  const signal = stopSignal();
  signal.addEventListener("abort", () => client.close(), { once: true });
  const events = client.events();
  try {
    const books = await Promise.all(symbols.map((symbol) => client.watch(symbol, wanted)));
    await show(args, client, books, events, signal);
    const failure = books.find(({ error }) => error !== undefined)?.error;
    if (failure !== undefined) throw failure;
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  } finally {
    client.close();
  }
  return 0;
}

/** Resolves when every book is closed. */
async function show(
  { flags }: Arguments,
  client: MarketClient,
  books: readonly LiveBook[],
  events: AsyncIterable<ClientEvent>,
  signal: AbortSignal,
): Promise<void> {
  const asJson = flags["json"] === true;
  if (!process.stdout.isTTY || asJson) {
    void tellEvents(events, (message) => process.stderr.write(`depthcast: ${message}\n`));
    await printBooks(books, asJson ? bookJson : bookLine, signal);
    return;
  }
  const input = process.stdin.isTTY ? process.stdin : undefined;
  const screen = new FullScreen(process.stdout, input, () => client.close());
  try {
    const ladders = new LadderScreen(screen, books);
    void tellEvents(events, (message) => ladders.tell(message));
    await ladders.run();
  } finally {
    screen.close();
  }
}

/** Says what happens to connections and books; that the first connection came about is seen without. */
async function tellEvents(
  events: AsyncIterable<ClientEvent>,
  tell: (message: string) => void,
): Promise<void> {
  let isFirst = true;
  for await (const event of events) {
    if (event.type !== "connected" || !isFirst) tell(eventText(event));
    isFirst = false;
  }
}

function eventText(event: ClientEvent): string {
  switch (event.type) {
    case "connected":
      return `connected to ${event.address}`;
    case "disconnected":
      return `${event.error.message}; trying again in ${(event.retryInMs / 1000).toFixed(1)} s`;
    case "resync":
      return `${event.symbol}: ${event.detail}; subscribed anew`;
    case "stale":
      return `${event.symbol}: nothing heard for ${(event.ageMs / 1000).toFixed(1)} s`;
    case "refused":
      return `${event.symbol}: ${event.error.message}`;
  }
}

function readSymbols({ positionals }: Arguments): readonly string[] {
  if (positionals.length === 0) throw usageError("watch needs at least one SYMBOL");
  for (const symbol of positionals) {
    if (!SYMBOL_PATTERN.test(symbol))
      throw usageError(`"${symbol}" is no symbol: it must match ${SYMBOL_PATTERN.source}`);
  }
  return [...new Set(positionals)];
}

function readOptions({ flags }: Arguments): WatchOptions {
  const depth = integerFlag(flags, "depth", { min: 1, max: LIMITS.depthMax.max });
  const intervalMs = intervalFlag(flags);
  return { ...(depth !== undefined && { depth }), ...(intervalMs !== undefined && { intervalMs }) };
}

function intervalFlag(flags: Arguments["flags"]): IntervalMs | undefined {
  const text = textFlag(flags, "interval");
  if (text === undefined) return undefined;
  const intervalMs = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!isInterval(intervalMs))
    throw usageError(`--interval ${text}: must be one of ${INTERVALS_MS.join(", ")}`);
  return intervalMs;
}

function readAddresses({ flags }: Arguments): readonly string[] {
  const urls = textFlags(flags, "url").map(readUrl);
  const servers = serverFlags(flags, "server").map((server) => `grpc://${server}`);
  return urls.length + servers.length === 0 ? [DEFAULT_URL] : [...urls, ...servers];
}

function readUrl(text: string): string {
  if (!/^wss?:\/\//.test(text) || !URL.canParse(text)) {
    throw usageError(`--url ${text}: must be a WebSocket URL, such as ${DEFAULT_URL}`);
  }
  const url = new URL(text);
  if (url.pathname === "/") url.pathname = "/v1/ws";
  return url.href;
}
