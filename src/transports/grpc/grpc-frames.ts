import { DepthcastError, ErrorCode, invariant } from "../../errors.ts";

/** In front of a message: whether it is compressed, and its length in four bytes, big-endian. */
export const GRPC_HEADER_BYTES = 5;

const NO_BYTES: Buffer = Buffer.alloc(0);

/** Puts the header of a message of `byteLength` bytes at `at`; returns where the message starts. */
export function putGrpcHeader(bytes: Uint8Array, at: number, byteLength: number): number {
  bytes[at] = 0;
  bytes[at + 1] = byteLength >>> 24;
  bytes[at + 2] = byteLength >>> 16;
  bytes[at + 3] = byteLength >>> 8;
  bytes[at + 4] = byteLength;
  return at + GRPC_HEADER_BYTES;
}

/**
 * Takes the messages of a stream out of the chunks in which it comes. A message that lies in one chunk is a
 * view on it; one that is divided is put together, in room for what has come, never for what a header promises.
 */
export class GrpcFrames {
  readonly #messageBytesMax: number;
  #chunk = NO_BYTES;
  /** Where the chunk goes on. */
  #at = 0;
  /** The header of a message, as far as it has come. */
  readonly #header = Buffer.alloc(GRPC_HEADER_BYTES);
  #headerBytes = 0;
  /** What has come of a message that is divided, and how much of it has not. */
  #parts: Buffer[] = [];
  #missingBytes = 0;

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** Whether a chunk waits for `next`. */
  get hasBytes(): boolean {
    return this.#at < this.#chunk.length;
  }

  /** The next chunk, once `next` has used up the one before. */
  push(chunk: Buffer): void {
    invariant(!this.hasBytes, "a chunk is used up before the next one comes");
    this.#chunk = chunk;
    this.#at = 0;
  }

  /**
   * The next message; undefined = more bytes are needed.
   *
   * @throws DepthcastError `resource_exhausted` (too long), `invalid_argument` (compressed).
   */
  next(): Buffer | undefined {
    if (this.#missingBytes > 0) return this.#rest();
    if (this.#headerBytes > 0 || this.#chunk.length - this.#at < GRPC_HEADER_BYTES) {
      return this.#dividedHeader();
    }
    const start = this.#at + GRPC_HEADER_BYTES;
    const byteLength = this.#messageBytes(this.#chunk, this.#at);
    const end = start + byteLength;
    if (end > this.#chunk.length) {
      this.#at = start;
      return this.#divided(byteLength);
    }
    this.#at = end;
    return this.#chunk.subarray(start, end);
  }

  #dividedHeader(): Buffer | undefined {
    while (this.#headerBytes < GRPC_HEADER_BYTES) {
      if (this.#at === this.#chunk.length) return undefined;
      this.#header[this.#headerBytes++] = this.#chunk[this.#at++] as number;
    }
    this.#headerBytes = 0;
    return this.#divided(this.#messageBytes(this.#header, 0));
  }

  /** Begins a message of which not all has come, or not its header in one piece. */
  #divided(byteLength: number): Buffer | undefined {
    if (byteLength === 0) return NO_BYTES;
    this.#missingBytes = byteLength;
    return this.#rest();
  }

  #rest(): Buffer | undefined {
    if (!this.hasBytes) return undefined;
    const end = Math.min(this.#at + this.#missingBytes, this.#chunk.length);
    const part = this.#chunk.subarray(this.#at, end);
    this.#parts.push(part);
    this.#missingBytes -= part.length;
    this.#at = end;
    if (this.#missingBytes > 0) return undefined;
    const message = this.#parts.length === 1 ? part : Buffer.concat(this.#parts);
    this.#parts = [];
    return message;
  }

  #messageBytes(header: Buffer, at: number): number {
    const byteLength = header.readUInt32BE(at + 1);
    if (byteLength > this.#messageBytesMax) throw tooLong(byteLength, this.#messageBytesMax);
    if (header[at] !== 0) throw compressed();
    return byteLength;
  }
}

function tooLong(byteLength: number, limit: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.resourceExhausted,
    `a request message of ${byteLength} bytes is over the limit of ${limit} (requestBytesMax)`,
    { reason: "REQUEST_BYTES_MAX", metadata: { limit: String(limit) } },
  );
}

function compressed(): DepthcastError {
  return new DepthcastError(
    ErrorCode.invalidArgument,
    "a request message is marked as compressed, but the call names no grpc-encoding",
    { reason: "MALFORMED_MESSAGE" },
  );
}
