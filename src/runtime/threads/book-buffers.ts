import type { BookSnapshot } from "../../log/snapshot/snapshot.ts";

/** The memory of a book's copy, to be handed to another thread without copying it once more. */
export function buffersOf({ state }: BookSnapshot): ArrayBuffer[] {
  return Object.values(state).flatMap((column: unknown) =>
    ArrayBuffer.isView(column) ? [column.buffer as ArrayBuffer] : [],
  );
}
