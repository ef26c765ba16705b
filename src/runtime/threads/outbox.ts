import type { Transferable } from "node:worker_threads";

/** Where messages go: a worker, its parent, or a port. */
export interface Sink<Message> {
  postMessage(messages: readonly Message[], transfer?: readonly Transferable[]): void;
}

/**
 * Gathers what a turn of the event loop has to say to another thread and sends it as one message: sending costs
 * more than what is sent.
 */
export class Outbox<Message> {
  readonly #sink: Sink<Message>;
  #messages: Message[] = [];
  #transfer: Transferable[] = [];

  constructor(sink: Sink<Message>) {
    this.#sink = sink;
  }

  push(message: Message, ...transfer: readonly Transferable[]): void {
    if (this.#messages.length === 0) setImmediate(() => this.flush());
    this.#messages.push(message);
    this.#transfer.push(...transfer);
  }

  flush(): void {
    if (this.#messages.length === 0) return;
    const messages = this.#messages;
    const transfer = this.#transfer;
    this.#messages = [];
    this.#transfer = [];
    this.#sink.postMessage(messages, transfer);
  }
}
