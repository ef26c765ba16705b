import { once } from "node:events";
import { type BookEvent, BookFeed } from "../client/book-feed.ts";
import { GrpcConnection } from "../client/grpc-connection.ts";
import type { MarketDataConnection } from "../client/market-data-connection.ts";
import type { MarketSubscription } from "../client/market-update.ts";
import { explainRefusal } from "../client/refused-websocket.ts";
import { WebSocketConnection } from "../client/websocket-connection.ts";
import { type IntervalMs, INTERVALS_MS, isInterval, LIMITS, SYMBOL_PATTERN } from "../limits.ts";
import { type Arguments, integerFlag, type Option, serverFlag, textFlag } from "./arguments.ts";
import type { Command } from "./command.ts";
import { stopSignal } from "./stop-signal.ts";
import { usageError } from "./usage-error.ts";
import { LadderScreen } from "./watch/ladder-screen.ts";
import { updateJson, updateLine } from "./watch/update-text.ts";

const DEFAULT_URL = "ws://127.0.0.1:8080/v1/ws";

const options: readonly Option[] = [
  { name: "depth", value: "N", about: "levels a side", default: "the server's, 20" },
  {
    name: "interval",
    value: "MS",
    about: `the least time between two updates: ${INTERVALS_MS.join(", ")}`,
    default: "the server's, 50",
  },
  { name: "url", value: "ws://…", about: "watches over WebSocket", default: DEFAULT_URL },
  { name: "server", value: "HOST:PORT", about: "watches over gRPC instead" },
  { name: "json", about: "one JSON object a line, as in the JSON dialect of the WebSocket bridge" },
];

export const watchCommand: Command = {
  help: {
    usage: ["depthcast watch SYMBOL… [flags]"],
    about:
      "Shows the best levels of one or more books, live, until ctrl-C. Every update is checked (chain, checksum); " +
      "a book that fails is told and subscribed anew.\n" +
      "Where standard output is no terminal: one line an update.",
    groups: [{ title: "Flags", options }],
    examples: [
      "depthcast watch BTC-USD ETH-USD --depth 15",
      "depthcast watch BTC-USD --server 127.0.0.1:50051 --interval 0 --json",
    ],
  },
  run: watch,
};

async function watch(args: Arguments): Promise<number> {
  const subscriptions = readSubscriptions(args);
  const connection = openConnection(args);
  const signal = stopSignal();
  signal.addEventListener("abort", () => connection.close(), { once: true });
  const feed = new BookFeed(connection);
  feed.subscribe(subscriptions);
  const output = chooseOutput(args, feed);
  try {
    for await (const events of feed.events()) {
      for (const event of events) {
        if (event.type === "refused") throw event.error;
        output.show(event);
      }
      await output.ready();
    }
  } finally {
    output.close();
    connection.close();
  }
  return 0;
}

function readSubscriptions({ positionals, flags }: Arguments): MarketSubscription[] {
  if (positionals.length === 0) throw usageError("watch needs at least one SYMBOL");
  const depth = integerFlag(flags, "depth", { min: 1, max: LIMITS.depthMax.max });
  const intervalMs = intervalFlag(flags);
  return [...new Set(positionals)].map((symbol) => {
    if (!SYMBOL_PATTERN.test(symbol))
      throw usageError(`"${symbol}" is no symbol: it must match ${SYMBOL_PATTERN.source}`);
    return { symbol, depth, intervalMs };
  });
}

function intervalFlag(flags: Arguments["flags"]): IntervalMs | undefined {
  const text = textFlag(flags, "interval");
  if (text === undefined) return undefined;
  const intervalMs = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (!isInterval(intervalMs))
    throw usageError(`--interval ${text}: must be one of ${INTERVALS_MS.join(", ")}`);
  return intervalMs;
}

function openConnection({ flags }: Arguments): MarketDataConnection {
  const server = serverFlag(flags, "server");
  const url = textFlag(flags, "url");
  if (server !== undefined && url !== undefined) throw usageError("--url and --server exclude each other");
  return server === undefined
    ? new WebSocketConnection(readUrl(url), explainRefusal)
    : new GrpcConnection(server);
}

function readUrl(text = DEFAULT_URL): string {
  if (!/^wss?:\/\//.test(text) || !URL.canParse(text)) {
    throw usageError(`--url ${text}: must be a WebSocket URL, such as ${DEFAULT_URL}`);
  }
  const url = new URL(text);
  if (url.pathname === "/") url.pathname = "/v1/ws";
  return url.href;
}

/** Where updates are shown. */
interface Output {
  show(event: Exclude<BookEvent, { type: "refused" }>): void;
  /** Resolves when there is room for more. */
  ready(): Promise<void>;
  close(): void;
}

function chooseOutput({ flags }: Arguments, feed: BookFeed): Output {
  const json = flags["json"] === true;
  return process.stdout.isTTY && !json ? screenOutput(feed) : lineOutput(json);
}

function screenOutput(feed: BookFeed): Output {
  const screen = new LadderScreen(process.stdout, () => feed.books);
  return {
    show(event) {
      if (event.type === "updated") screen.updated(event.book);
      else screen.tell(`${event.book.symbol}: ${event.detail}; subscribed anew.`);
    },
    ready: () => Promise.resolve(),
    close: () => screen.close(),
  };
}

function lineOutput(json: boolean): Output {
  let full = false;
  const print = (line: string | undefined) => {
    if (line !== undefined) full = !process.stdout.write(`${line}\n`);
  };
  return {
    show(event) {
      if (event.type === "breach") {
        const { book, breach, detail } = event;
        if (json) print(JSON.stringify({ type: "breach", symbol: book.symbol, breach, detail }));
        process.stderr.write(`depthcast: ${book.symbol}: ${detail}; subscribed anew\n`);
      } else {
        const { book, update } = event;
        print(json ? updateJson(book.instrument, update) : updateLine(book, update));
      }
    },
    // A reader that is slow holds us, and we hold the server, which then merges what we miss.
    async ready() {
      if (full) await once(process.stdout, "drain");
      full = false;
    },
    close() {},
  };
}
