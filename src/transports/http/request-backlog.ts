/**
 * Requests of one connection that wait for their turn, as bytes in one buffer: eight thousand frames of
 * eight bytes, which fit one read of a socket, would be 2 MB of objects.
 */
export class RequestBacklog {
  #buffer: Buffer = Buffer.alloc(0);
  #start = 0;
  #end = 0;

  get byteLength(): number {
    return this.#end - this.#start;
  }

  get isEmpty(): boolean {
    return this.#end === this.#start;
  }

  /** Adds a copy of `request`. The caller bounds what it adds. */
  push(request: Uint8Array): void {
    const needed = LENGTH_BYTES + request.length;
    this.#makeRoom(needed);
    this.#buffer.writeUInt32LE(request.length, this.#end);
    this.#buffer.set(request, this.#end + LENGTH_BYTES);
    this.#end += needed;
  }

  /** The oldest request; valid until the next `push`. */
  shift(): Buffer | undefined {
    if (this.isEmpty) return undefined;
    const length = this.#buffer.readUInt32LE(this.#start);
    const from = this.#start + LENGTH_BYTES;
    this.#start = from + length;
    return this.#buffer.subarray(from, this.#start);
  }

  /** Gives the memory back where nothing waits. Not while a shifted request is in use. */
  trim(): void {
    if (!this.isEmpty || this.#buffer.length === 0) return;
    this.clear();
  }

  clear(): void {
    this.#buffer = Buffer.alloc(0);
    this.#start = 0;
    this.#end = 0;
  }

  #makeRoom(needed: number): void {
    if (this.#end + needed <= this.#buffer.length) return;
    const waiting = this.byteLength;
    const capacity = Math.max(CAPACITY_MIN, 2 * (waiting + needed));
    const grown = Buffer.allocUnsafeSlow(capacity);
    this.#buffer.copy(grown, 0, this.#start, this.#end);
    this.#buffer = grown;
    this.#start = 0;
    this.#end = waiting;
  }
}

const LENGTH_BYTES = 4;
const CAPACITY_MIN = 1024;
