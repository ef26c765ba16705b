import type { DepthcastError } from "../errors.ts";
import type { Breach } from "./client-book.ts";
import { Condition } from "./condition.ts";

/** Something that happened to a client, for logs and status lines. */
export type ClientEvent =
  /** The first message came. Books follow by resume or snapshot. */
  | { readonly type: "connected"; readonly address: string }
  /** Every book is stale from now on, until another connection, after `retryInMs` at the soonest. */
  | {
      readonly type: "disconnected";
      readonly address: string;
      readonly error: DepthcastError;
      readonly retryInMs: number;
    }
  /** A message of this symbol was lost or damaged: its book is asked for anew. */
  | { readonly type: "resync"; readonly symbol: string; readonly breach: Breach; readonly detail: string }
  /** Nothing was heard of this symbol's book for `ageMs`, not even a heartbeat. */
  | { readonly type: "stale"; readonly symbol: string; readonly ageMs: number }
  /** The server refused a subscription; it is asked for again where that may help. */
  | { readonly type: "refused"; readonly symbol: string; readonly error: DepthcastError };

/** Events that wait for a reader; beyond, the oldest are dropped. */
const WAITING_MAX = 256;

/** Hands events to any number of readers, each at its own pace. */
export class ClientEvents {
  readonly #readers = new Set<EventReader>();
  #ended = false;

  add(event: ClientEvent): void {
    for (const reader of this.#readers) reader.add(event);
  }

  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  /** What happens from now on. Ends when the client is closed. */
  read(): AsyncIterableIterator<ClientEvent> {
    const reader = new EventReader();
    if (this.#ended) reader.end();
    else this.#readers.add(reader);
    return reader.events(() => this.#readers.delete(reader));
  }
}

class EventReader {
  readonly #waiting: ClientEvent[] = [];
  readonly #condition = new Condition();
  #ended = false;

  add(event: ClientEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length > WAITING_MAX) this.#waiting.shift();
    this.#condition.changed();
  }

  end(): void {
    this.#ended = true;
    this.#condition.changed();
  }

  async *events(done: () => void): AsyncGenerator<ClientEvent, void, undefined> {
    try {
      for (;;) {
        await this.#condition.until(() => this.#waiting.length > 0 || this.#ended);
        const event = this.#waiting.shift();
        if (event === undefined) return;
        yield event;
      }
    } finally {
      done();
    }
  }
}
