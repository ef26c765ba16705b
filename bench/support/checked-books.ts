import { fromBinary } from "@bufbuild/protobuf";
import { ClientBook } from "../../src/client/client-book.ts";
import { readUpdate } from "../../src/client/proto-messages.ts";
import { SubscribeResponseSchema } from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { expectOutcome } from "./benchmark.ts";

/** The consumers' books, with depthcast's own checks: the chain and the checksum of each message. */
export class CheckedBooks {
  readonly #books = new Map<number, ClientBook>();

  take(consumer: number, message: Uint8Array): void {
    for (const wire of fromBinary(SubscribeResponseSchema, message).updates) {
      const update = readUpdate(wire);
      if (update?.type === "subscribed") this.#books.set(consumer, new ClientBook(update));
      else if (update !== undefined) {
        const verdict = this.#books.get(consumer)?.apply(update);
        expectOutcome(verdict?.outcome === "applied", `consumer ${consumer}: ${JSON.stringify(verdict)}`);
      }
    }
  }

  /** The books of consumers 0, 1, … are at this sequence. */
  expectAll(consumers: number, sequence: number): void {
    for (let consumer = 0; consumer < consumers; consumer++) {
      const reached = this.#books.get(consumer)?.position?.sequence;
      expectOutcome(reached === sequence, `consumer ${consumer} has ${reached} of ${sequence}`);
    }
  }
}
