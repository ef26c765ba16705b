import { DepthcastError, ErrorCode } from "../errors.ts";
import { clientClosed, type ClientOptions, MarketClient } from "./market-client.ts";
import type { Servers } from "./connect.ts";
import { openSymbolProducer, type SymbolProducerOptions } from "./producer/open-symbol-producer.ts";
import type { SymbolProducer } from "./producer/symbol-producer.ts";

/** Live books, as every client has them, and producers. */
export class NodeClient extends MarketClient {
  readonly #options: ClientOptions;
  readonly #grpcTargets: readonly string[];
  readonly #producers = new Set<SymbolProducer>();
  /** Of those that are open or being opened. */
  readonly #producerIds = new Set<string>();
  #ended = false;

  /** @internal See `connect`. */
  constructor({ addresses, open }: Servers, options: ClientOptions = {}) {
    super(addresses, open, options);
    this.#options = options;
    this.#grpcTargets = addresses.flatMap((address) => {
      const target = grpcTarget(address);
      return target === undefined ? [] : [target];
    });
  }

  /**
   * A producer of order events for one symbol, on a connection of its own to one of the client's `grpc://` addresses.
   * Each event counts exactly once: after a lost connection it goes on where the server stands. The addresses have to
   * lead to one order log; a server of another one is passed over.
   *
   * ```ts
   * const producer = await client.producer("maker-1", { symbol: "ACME" });
   * await producer.add(1, { side: Side.bid, price: "100.25", quantity: "300" });
   * await producer.flush(); // durable and applied
   * ```
   *
   * @param producerId names the producer for good, 1 to 64 bytes. A newer producer of this id, in whatever process,
   *   ends the older one.
   * @throws DepthcastError `failed_precondition` where no address is of gRPC; `not_found` where the symbol is not
   *   defined; `unavailable` where no address answers; `already_exists` where this client has it open; `aborted`
   *   where the client is closed.
   */
  async producer(producerId: string, options: SymbolProducerOptions): Promise<SymbolProducer> {
    if (this.#ended) throw clientClosed();
    if (this.#producerIds.has(producerId)) {
      throw new DepthcastError(ErrorCode.alreadyExists, `producer "${producerId}" is open in this client`);
    }
    this.#producerIds.add(producerId);
    const { backoff, clock, random } = this.#options;
    try {
      const producer: SymbolProducer = await openSymbolProducer(this.#grpcTargets, producerId, {
        ...(backoff !== undefined && { backoff }),
        ...(clock !== undefined && { clock }),
        ...(random !== undefined && { random }),
        ...options,
        onStatus: (status) => {
          if (status.phase === "closed" || status.phase === "failed") {
            this.#producers.delete(producer);
            this.#producerIds.delete(producerId);
          }
          options.onStatus?.(status);
        },
      });
      this.#producers.add(producer);
      if (!this.#ended) return producer;
      producer.abort();
    } catch (thrown) {
      this.#producerIds.delete(producerId);
      throw thrown;
    }
    throw clientClosed();
  }

  /** Ends every book, and every producer at once: `close` those first whose events shall be sure. Idempotent. */
  override close(): void {
    this.#ended = true;
    for (const producer of this.#producers.values()) producer.abort();
    super.close();
  }
}

/** `host:port`; undefined where the address is not of gRPC. */
function grpcTarget(address: string): string | undefined {
  const scheme = "grpc://";
  return address.startsWith(scheme) ? address.slice(scheme.length) : undefined;
}
