/** Counts the WebSocket frames of one connection by their headers; what is in them is passed over. */
export class FrameCounter {
  dataFrames = 0;
  readonly #onPing: (payload: Buffer) => void;
  readonly #header = Buffer.alloc(10);
  #headerLength = 0;
  #payloadLeft = 0;
  #ping: Buffer[] | undefined;

  constructor(onPing: (payload: Buffer) => void) {
    this.#onPing = onPing;
  }

  /** The bytes may be used again after the call. */
  take(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#payloadLeft > 0) at = this.#passPayload(bytes, at);
      else at = this.#takeHeader(bytes, at);
    }
  }

  #passPayload(bytes: Uint8Array, at: number): number {
    const end = Math.min(bytes.length, at + this.#payloadLeft);
    this.#ping?.push(Buffer.from(bytes.subarray(at, end)));
    this.#payloadLeft -= end - at;
    if (this.#payloadLeft === 0) this.#frameEnded();
    return end;
  }

  #takeHeader(bytes: Uint8Array, at: number): number {
    const header = this.#header;
    header[this.#headerLength] = bytes[at]!;
    this.#headerLength += 1;
    if (this.#headerLength < 2) return at + 1;
    const code = header[1]! & 0x7f;
    const extra = code === 126 ? 2 : code === 127 ? 8 : 0;
    if (this.#headerLength < 2 + extra) return at + 1;
    if (extra === 0) this.#payloadLeft = code;
    else this.#payloadLeft = extra === 2 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
    this.#headerLength = 0;
    const opcode = header[0]! & 0x0f;
    if (opcode === 1 || opcode === 2) this.dataFrames += 1;
    if (opcode === 9) this.#ping = [];
    if (this.#payloadLeft === 0) this.#frameEnded();
    return at + 1;
  }

  #frameEnded(): void {
    if (this.#ping === undefined) return;
    this.#onPing(Buffer.concat(this.#ping));
    this.#ping = undefined;
  }
}

/** A client's frame. The mask is zero, which is allowed and leaves the payload as it is. */
export function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  if (payload.length > 0xffff) throw new Error("frames of clients are short here");
  const isShort = payload.length < 126;
  const length = isShort ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([0x80 | opcode, ...length, 0, 0, 0, 0]), payload]);
}
