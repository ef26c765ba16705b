import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import {
  CHECKSUM_BYTES,
  CHUNK_BYTES,
  damaged,
  FILE_HEADER_BYTES,
  MAGIC,
  SECTION_HEADER_BYTES,
  VERSION,
} from "./snapshot-format.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";

/** The most that a section's JSON takes. */
const JSON_BYTES_MAX = 64 * 1024;

/** A section's head. Its data follow, then its checksum. */
interface Section {
  readonly kind: number;
  /** Not to be relied on before the section's checksum is right. */
  readonly json: unknown;
  readonly dataBytes: number;
}

/** Reads the sections of a snapshot file one after the other, in chunks. Whatever the bytes are, it reads no further than the file. */
export class SectionReader {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #fileBytes: number;
  readonly #chunk: Buffer;
  /** What has been read into the chunk, and how much of it has been taken. */
  #filled = 0;
  #taken = 0;
  /** Of the file, how much has been taken. */
  #at = 0;
  #checksum = 0;
  #checksumOfAll = 0;

  private constructor(path: string, file: FileHandle, fileBytes: number) {
    this.path = path;
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.#chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, fileBytes));
  }

  /** @throws DepthcastError `internal` where it is no snapshot file of a version that this build reads. */
  static async open(path: string): Promise<SectionReader> {
    const file = await open(path, "r");
    try {
      const reader = new SectionReader(path, file, (await file.stat()).size);
      const header = Buffer.alloc(FILE_HEADER_BYTES);
      await reader.fill(header);
      if (!header.subarray(0, MAGIC.length).equals(MAGIC))
        throw damaged(path, "without the mark of a snapshot");
      const version = header.readUInt32LE(MAGIC.length);
      if (version !== VERSION) throw otherVersion(path, version);
      reader.#checksumOfAll = crc32(header);
      return reader;
    } catch (thrown) {
      await file.close();
      throw thrown;
    }
  }

  get fileBytes(): number {
    return this.#fileBytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#fileBytes;
  }

  /** CRC-32 of the file header and the checksums of the sections that were ended. */
  get checksumOfAll(): number {
    return this.#checksumOfAll;
  }

  /** The head of the next section. @throws DepthcastError `internal` where it is damaged, as all of these do. */
  async next(): Promise<Section> {
    this.#checksum = 0;
    const header = Buffer.alloc(SECTION_HEADER_BYTES);
    await this.fill(header);
    const jsonBytes = header.readUInt32LE(4);
    const dataBytes = header.readDoubleLE(8);
    if (jsonBytes > JSON_BYTES_MAX) throw damaged(this.path, "a section's head is too long");
    if (!Number.isSafeInteger(dataBytes) || dataBytes < 0 || dataBytes > this.#fileBytes) {
      throw damaged(this.path, "a section is longer than the file");
    }
    const text = Buffer.alloc(jsonBytes);
    await this.fill(text);
    return { kind: header.readUInt32LE(0), json: this.#parse(text), dataBytes };
  }

  /** Data of the section, as many as the target holds. */
  async fill(target: Uint8Array): Promise<void> {
    await this.#take(target.length, (piece, at) => target.set(piece, at));
  }

  /** Passes over data of the section. */
  async skip(bytes: number): Promise<void> {
    await this.#take(bytes, () => {});
  }

  /** Checks the section, whose data were all read or skipped. */
  async endSection(): Promise<void> {
    const expected = this.#checksum;
    const stored = Buffer.alloc(CHECKSUM_BYTES);
    await this.fill(stored);
    if (stored.readUInt32LE() !== expected) throw damaged(this.path, "a section's checksum is wrong");
    this.#checksumOfAll = crc32(stored, this.#checksumOfAll);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #take(bytes: number, use: (piece: Uint8Array, at: number) => void): Promise<void> {
    for (let at = 0; at < bytes; ) {
      if (this.#taken === this.#filled) await this.#readChunk();
      const piece = this.#chunk.subarray(this.#taken, Math.min(this.#filled, this.#taken + bytes - at));
      this.#checksum = crc32(piece, this.#checksum);
      use(piece, at);
      at += piece.length;
      this.#taken += piece.length;
      this.#at += piece.length;
    }
  }

  async #readChunk(): Promise<void> {
    const { bytesRead } = await this.#file.read(this.#chunk, 0, this.#chunk.length);
    if (bytesRead === 0) throw damaged(this.path, "it is cut off");
    this.#filled = bytesRead;
    this.#taken = 0;
  }

  #parse(text: Buffer): unknown {
    try {
      return JSON.parse(text.toString());
    } catch {
      throw damaged(this.path, "a section's head cannot be read");
    }
  }
}

function otherVersion(path: string, version: number): DepthcastError {
  return new DepthcastError(
    ErrorCode.internal,
    `the snapshot ${path} is of version ${version}: this build reads version ${VERSION}`,
    { reason: "SNAPSHOT_VERSION" },
  );
}
