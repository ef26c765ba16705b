import type { Instrument } from "../../book/instrument.ts";
import { bookOfSnapshot } from "../../client/snapshot-book.ts";
import type { GrpcClient, InstrumentSnapshot, SnapshotOptions } from "../../client/grpc-client.ts";
import type { PriceLevel } from "../../client/market-update.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { formatDecimal } from "../../protocol/decimal.ts";
import type { BookCheck, ExpectedLevel } from "./event-line.ts";
import type { EventSink } from "./event-sink.ts";

/** Differences that are shown. */
const SHOWN_MAX = 20;

/**
 * Compares the server's book with a file's checks. Exact: everything before the check is acknowledged first,
 * then the book is read at that position or later, and nothing is sent meanwhile.
 */
export class BookVerifier {
  readonly #client: GrpcClient;
  readonly #sink: EventSink;
  readonly #instrument: Instrument;
  readonly #every: number;
  #seen = 0;
  #verified = 0;

  /** @param every 1 = all checks, N = every Nth. */
  constructor(client: GrpcClient, sink: EventSink, instrument: Instrument, every: number) {
    this.#client = client;
    this.#sink = sink;
    this.#instrument = instrument;
    this.#every = every;
  }

  get verified(): number {
    return this.#verified;
  }
  /** Checks that the file has, those between every Nth included. */
  get seen(): number {
    return this.#seen;
  }

  /** Verifies, if it is this check's turn. @throws DepthcastError `aborted` with both books, at a difference. */
  async verify(check: BookCheck, lineNumber: number): Promise<void> {
    this.#seen += 1;
    if (this.#seen % this.#every !== 0) return;
    await this.#sink.settle();
    const { symbol } = this.#instrument;
    const position = this.#sink.position(symbol);
    const depth = Math.max(1, check.bids.length, check.asks.length);
    const { instrument, snapshot } = await this.#read(symbol, {
      depth,
      ...(position !== undefined && { minSequence: position.sequence, epoch: position.epoch }),
    });
    const book = bookOfSnapshot(instrument, snapshot, depth);
    const differences = [
      ...this.#compare("bid", check.bids, book.bids),
      ...this.#compare("ask", check.asks, book.asks),
    ];
    if (differences.length > 0) throw differs(symbol, lineNumber, snapshot.sequence, differences);
    this.#verified += 1;
  }

  async #read(symbol: string, options: SnapshotOptions): Promise<InstrumentSnapshot> {
    for (;;) {
      try {
        return await this.#client.getSnapshot(symbol, options);
      } catch (thrown) {
        await this.#sink.outlive(DepthcastError.from(thrown));
      }
    }
  }

  #compare(side: string, expected: readonly ExpectedLevel[], got: readonly PriceLevel[]): string[] {
    return expected.flatMap((want, index) => {
      const have = got[index];
      if (have !== undefined && have.price === want.price && have.quantity === want.quantity) return [];
      const cells = [
        side,
        String(index + 1),
        this.#text(want),
        have === undefined ? "no level" : this.#text(have),
      ];
      return [row(cells)];
    });
  }

  #text({ price, quantity }: ExpectedLevel): string {
    const { priceScale, quantityScale } = this.#instrument;
    return `${formatDecimal(price, priceScale)} x ${formatDecimal(quantity, quantityScale)}`;
  }
}

function differs(
  symbol: string,
  lineNumber: number,
  sequence: number,
  differences: readonly string[],
): DepthcastError {
  const lines = [
    `line ${lineNumber}: the book of ${symbol} at sequence ${sequence} is not what the check says`,
    row(["side", "level", "expected", "got"]),
    ...differences.slice(0, SHOWN_MAX),
  ];
  if (differences.length > SHOWN_MAX) lines.push(`  and ${differences.length - SHOWN_MAX} more levels`);
  return new DepthcastError(ErrorCode.aborted, lines.join("\n"));
}

function row(cells: readonly string[]): string {
  const [side = "", level = "", expected = "", got = ""] = cells;
  return `  ${side.padEnd(6)}${level.padEnd(7)}${expected.padEnd(28)}${got}`;
}
