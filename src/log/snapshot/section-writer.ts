import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import {
  CHECKSUM_BYTES,
  CHUNK_BYTES,
  FILE_HEADER_BYTES,
  MAGIC,
  SECTION_HEADER_BYTES,
  type SectionKind,
  VERSION,
} from "./snapshot-format.ts";

/** Writes the sections of a snapshot file, in chunks, so that the thread does other things between them. */
export class SectionWriter {
  readonly #file: FileHandle;
  readonly #signal: AbortSignal;
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  #used = 0;
  #written = 0;
  /** Of the section being written. */
  #checksum = 0;
  #checksumOfAll = 0;

  private constructor(file: FileHandle, signal: AbortSignal) {
    this.#file = file;
    this.#signal = signal;
  }

  /** Begins a file, in place of what may be there. `signal` ends it at the next chunk. */
  static async create(path: string, signal: AbortSignal): Promise<SectionWriter> {
    const writer = new SectionWriter(await open(path, "w", 0o640), signal);
    const header = Buffer.alloc(FILE_HEADER_BYTES);
    MAGIC.copy(header);
    header.writeUInt32LE(VERSION, MAGIC.length);
    await writer.#put(header);
    writer.#checksumOfAll = crc32(header);
    return writer;
  }

  get bytes(): number {
    return this.#written + this.#used;
  }

  /** CRC-32 of the file header and the checksums of the sections so far. */
  get checksumOfAll(): number {
    return this.#checksumOfAll;
  }

  /** Writes a section; rejects with what the disk says, or with the signal's reason. */
  async section(kind: SectionKind, json: object, data: readonly ArrayBufferView[] = []): Promise<void> {
    const text = Buffer.from(JSON.stringify(json));
    const header = Buffer.alloc(SECTION_HEADER_BYTES);
    header.writeUInt32LE(kind, 0);
    header.writeUInt32LE(text.length, 4);
    header.writeDoubleLE(
      data.reduce((bytes, { byteLength }) => bytes + byteLength, 0),
      8,
    );
    this.#checksum = 0;
    await this.#put(header);
    await this.#put(text);
    for (const { buffer, byteOffset, byteLength } of data) {
      await this.#put(new Uint8Array(buffer, byteOffset, byteLength));
    }
    const checksum = Buffer.alloc(CHECKSUM_BYTES);
    checksum.writeUInt32LE(this.#checksum);
    this.#checksumOfAll = crc32(checksum, this.#checksumOfAll);
    await this.#put(checksum);
  }

  /** Resolves when all of it is on the disk. */
  async finish(): Promise<void> {
    await this.#flush();
    await this.#file.sync();
    await this.#file.close();
  }

  /** Lets go of the file, which is of no use then. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {});
  }

  async #put(bytes: Uint8Array): Promise<void> {
    for (let from = 0; from < bytes.length; ) {
      const piece = bytes.subarray(from, from + CHUNK_BYTES - this.#used);
      this.#chunk.set(piece, this.#used);
      this.#checksum = crc32(piece, this.#checksum);
      this.#used += piece.length;
      from += piece.length;
      if (this.#used === CHUNK_BYTES) await this.#flush();
    }
  }

  async #flush(): Promise<void> {
    for (let from = 0; from < this.#used; ) {
      this.#signal.throwIfAborted();
      const { bytesWritten } = await this.#file.write(this.#chunk, from, this.#used - from);
      from += bytesWritten;
      this.#written += bytesWritten;
    }
    this.#used = 0;
  }
}
