/**
 * What has been sent to one WebSocket and not been answered. The server follows data with a ping that
 * carries a number, a quarter of the bound apart; its pong says that everything before it was read. Pure:
 * time comes in as an argument.
 */

interface SentPing {
  readonly number: number;
  /** Bytes sent before it, since the connection began. */
  readonly position: number;
  readonly sentAtMs: number;
}

export class InFlight {
  readonly #bytesMax: number;
  #sentBytes = 0;
  #answeredBytes = 0;
  #pingedBytes = 0;
  #nextNumber = 1;
  /** At most a handful: nothing is sent beyond the bound, and pings are a quarter of it apart. */
  #pings: SentPing[] = [];
  #lastPongAtMs = Number.NEGATIVE_INFINITY;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  sent(bytes: number): void {
    this.#sentBytes += bytes;
  }

  get unansweredBytes(): number {
    return this.#sentBytes - this.#answeredBytes;
  }

  /** Whether more may be sent. */
  get hasRoom(): boolean {
    return this.unansweredBytes <= this.#bytesMax;
  }

  /** Whether a ping should follow the data that was just sent. */
  get wantsPing(): boolean {
    return this.#sentBytes - this.#pingedBytes > this.#bytesMax / 4;
  }

  /** Whether anything is out that no ping has been sent behind. */
  get hasUnpinged(): boolean {
    return this.#sentBytes > this.#pingedBytes;
  }

  get isWaiting(): boolean {
    return this.#pings.length > 0;
  }

  /** A ping is sent now; returns its payload. */
  ping(nowMs: number): Buffer {
    const number = this.#nextNumber;
    this.#nextNumber = number === 0xffff_ffff ? 1 : number + 1;
    this.#pings.push({ number, position: this.#sentBytes, sentAtMs: nowMs });
    this.#pingedBytes = this.#sentBytes;
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(number);
    return payload;
  }

  /**
   * A pong came. Answers the pings before it too, as a client may answer the newest only.
   *
   * @returns the round trip in milliseconds, or undefined for a pong that answers none of our pings
   */
  pong(payload: Buffer, nowMs: number): number | undefined {
    if (payload.length !== 4) return undefined;
    const number = payload.readUInt32BE();
    const index = this.#pings.findIndex((ping) => ping.number === number);
    const answered = this.#pings[index];
    if (answered === undefined) return undefined;
    this.#pings = this.#pings.slice(index + 1);
    this.#answeredBytes = answered.position;
    this.#lastPongAtMs = nowMs;
    return nowMs - answered.sentAtMs;
  }

  /** For how long the client has left a ping unanswered without answering any other; 0 = it has not. */
  silenceMs(nowMs: number): number {
    const oldest = this.#pings[0];
    return oldest === undefined ? 0 : nowMs - Math.max(oldest.sentAtMs, this.#lastPongAtMs);
  }
}
