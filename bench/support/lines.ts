import type { Readable } from "node:stream";

/** Reads a stream line by line, when asked. */
export class Lines {
  readonly #chunks: AsyncIterator<Buffer>;
  #text = "";

  constructor(stream: Readable) {
    this.#chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** @throws Error where the stream ends first. */
  async next(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { done, value } = await this.#chunks.next();
      if (done === true) throw new Error("the process ended without an answer");
      this.#text += value.toString("latin1");
    }
  }
}
