import { once } from "node:events";
import type { BookChange, LiveBook } from "../../client/live-book.ts";

/**
 * Prints a line for each change of each book, until all are closed or `signal` is aborted. Nothing is queued for a
 * reader that is slow: it gets the newest state when it is ready for one.
 */
export async function printBooks(
  books: readonly LiveBook[],
  lineOf: (book: LiveBook, change: BookChange) => string,
  signal: AbortSignal,
): Promise<void> {
  let room: Promise<unknown> | undefined;
  const print = async (line: string) => {
    if (room !== undefined) await room;
    if (process.stdout.write(`${line}\n`)) return;
    room = once(process.stdout, "drain", { signal }).finally(() => (room = undefined));
    await room;
  };
  try {
    await Promise.all(
      books.map(async (book) => {
        for await (const change of book) if (change.status !== "closed") await print(lineOf(book, change));
      }),
    );
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}
