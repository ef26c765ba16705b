import { Readable } from "node:stream";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import type { InputFile } from "./input-file.ts";

/** Characters of one line; more is no line of events. */
const LINE_LENGTH_MAX = 4 * 1024 * 1024;
const GZIP_MAGIC = [0x1f, 0x8b];

/** A line of the input with its number, from 1. */
export interface InputLine {
  readonly number: number;
  readonly text: string;
}

/**
 * The lines of a file or of standard input; gzip is known by its first bytes. Read as they are
 * asked for, never as a whole.
 *
 * @throws DepthcastError `invalid_argument` where it cannot be read, or holds no lines of UTF-8.
 */
export async function* readInputLines({
  path,
  bytes: source,
}: InputFile): AsyncGenerator<readonly InputLine[], void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let number = 0;
  let rest = "";
  try {
    for await (const chunk of unzipped(source)) {
      const texts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = texts.pop() ?? "";
      if (rest.length > LINE_LENGTH_MAX) throw new Error(`line ${number + texts.length + 1} is too long`);
      const lines = texts.map((text) => ({ number: (number += 1), text }));
      if (lines.length > 0) yield lines;
    }
    rest += decoder.decode();
    if (rest !== "") yield [{ number: number + 1, text: rest }];
  } catch (thrown) {
    if (thrown instanceof DepthcastError) throw thrown;
    throw unreadable(path, thrown);
  } finally {
    source.destroy();
  }
}

async function* unzipped(source: Readable): AsyncGenerator<Buffer, void, undefined> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let head = Buffer.alloc(0);
  while (head.length < GZIP_MAGIC.length) {
    const next = await chunks.next();
    if (next.done === true) break;
    head = Buffer.concat([head, next.value]);
  }
  const whole = Readable.from(prepend(head, chunks), { objectMode: false });
  const isGzip = GZIP_MAGIC.every((byte, index) => head[index] === byte);
  yield* isGzip ? pipeline(whole, createGunzip(), () => {}) : whole;
}

async function* prepend(head: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  if (head.length > 0) yield head;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

function unreadable(path: string, thrown: unknown): DepthcastError {
  const { code, message } = thrown as NodeJS.ErrnoException;
  const name = path === "-" ? "standard input" : path;
  const why =
    code === "ENOENT"
      ? "there is no such file"
      : code === "ERR_ENCODING_INVALID_ENCODED_DATA"
        ? "it is not UTF-8 text"
        : message;
  return new DepthcastError(ErrorCode.invalidArgument, `cannot read ${name}: ${why}`);
}
