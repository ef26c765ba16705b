import { createReadStream, type ReadStream, statSync } from "node:fs";
import type { Readable } from "node:stream";

/** The bytes of a file, or of standard input for `-`, and how many of them have been read. */
export class InputFile {
  readonly path: string;
  readonly bytes: Readable;
  readonly #file: ReadStream | undefined;
  readonly #size: number | undefined;

  constructor(path: string) {
    this.path = path;
    this.#file = path === "-" ? undefined : createReadStream(path);
    this.bytes = this.#file ?? process.stdin;
    this.#size = path === "-" ? undefined : sizeOf(path);
  }

  /** The part that has been read, 0 to 1, of a gzip file as it lies there; undefined where its size is not known. */
  get read(): number | undefined {
    if (this.#file === undefined || this.#size === undefined) return undefined;
    return this.#size === 0 ? 1 : this.#file.bytesRead / this.#size;
  }
}

/** A named pipe has none, and what is not there is told when it is read. */
function sizeOf(path: string): number | undefined {
  try {
    const found = statSync(path);
    return found.isFile() ? found.size : undefined;
  } catch {
    return undefined;
  }
}
