import { CrossPolicy, type Instrument } from "../../src/book/instrument.ts";
import type { Depth } from "../../src/book/depth.ts";

/** A way of keeping what slow consumers have missed. */
export interface Conflater {
  /** The next interval: those that are writable are sent its changes, for the others they are kept. */
  publish(newest: Depth): void;
  /** This consumer has just become writable: it is sent what it has missed. */
  drained(consumer: number): void;
}

/** The transport's end of a consumer, whose writability the benchmark drives. */
export class DrivenTransport {
  isWritable = true;
  messages = 0;
  bytes = 0;
  /** One message fills it, until the benchmark says that it has drained. */
  readonly #fillsAtOnce: boolean;
  readonly #onMessage: ((message: Uint8Array) => void) | undefined;

  constructor(fillsAtOnce: boolean, onMessage?: (message: Uint8Array) => void) {
    this.#fillsAtOnce = fillsAtOnce;
    this.#onMessage = onMessage;
  }

  /** True = taken already. */
  send(pieces: readonly Uint8Array[]): boolean {
    this.messages += 1;
    for (const piece of pieces) {
      this.bytes += piece.byteLength;
      this.#onMessage?.(piece);
    }
    if (this.#fillsAtOnce) this.isWritable = false;
    return this.isWritable;
  }
}

export const DEPTH = 20;
export const INSTRUMENT: Instrument = {
  symbol: "BTC-USD",
  priceScale: 2,
  quantityScale: 0,
  crossPolicy: CrossPolicy.reject,
  tickSize: 0,
  lotSize: 0,
  description: "",
};
