import { connect } from "../../src/client/connect-node.ts";
import type { LiveBook } from "../../src/client/live-book.ts";
import type { MarketClient } from "../../src/client/market-client.ts";
import { answerCommands } from "./answer-commands.ts";
import type { StormCommand, StormReport } from "./storm-clients.ts";

/** The child of the reconnect storm: many clients of the SDK. */

const OPENING_AT_ONCE = 50;

const books: LiveBook[] = [];
const awayMs: number[] = [];
const failures: Record<string, number> = {};
const problems: string[] = [];

answerCommands(async (command: StormCommand): Promise<StormReport> => {
  if (command.op === "open") await open(command);
  return report(command.op === "report" ? command.sequence : 0);
});

async function open({ addresses, backoff }: Extract<StormCommand, { op: "open" }>): Promise<void> {
  const wanted = addresses.flatMap(({ address, symbol, clients }) =>
    Array.from({ length: clients }, () => ({ address, symbol })),
  );
  for (let first = 0; first < wanted.length; first += OPENING_AT_ONCE) {
    const opened = wanted.slice(first, first + OPENING_AT_ONCE).map(async ({ address, symbol }) => {
      const client = connect(address, { backoff });
      const book = await client.watch(symbol, { depth: 10, intervalMs: 250 });
      void watchEvents(client);
      void watchStatus(book);
      return book;
    });
    books.push(...(await Promise.all(opened)));
  }
}

async function watchEvents(client: MarketClient): Promise<void> {
  for await (const event of client.events()) {
    if (event.type === "disconnected") {
      const reason = event.error.message.replaceAll(/[0-9.]+:[0-9]+/g, "…");
      failures[reason] = (failures[reason] ?? 0) + 1;
    } else if (event.type === "refused") problems.push(event.error.message);
    else if (event.type === "resync") problems.push(event.detail);
  }
}

async function watchStatus(book: LiveBook): Promise<void> {
  let leftAtMs: number | undefined;
  for await (const { status } of book) {
    if (status === "stale") leftAtMs ??= performance.now();
    else if (status === "live" && leftAtMs !== undefined) {
      awayMs.push(performance.now() - leftAtMs);
      leftAtMs = undefined;
    }
  }
}

function report(sequence: number): StormReport {
  const current = books.filter((book) => book.status === "live" && book.sequence === sequence);
  const texts = current.map(({ bids }) =>
    bids.map(({ price, quantity }) => `${price.text} x ${quantity.text}`).join(),
  );
  return { current: current.length, books: [...new Set(texts)], awayMs, failures, problems };
}
