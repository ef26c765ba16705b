import type { FlowName } from "../flows/flows.ts";
import { compile } from "../support/native-program.ts";
import type { BookContender } from "./contender.ts";

/** Every book, loaded only in the process that runs it. depthcast is the first. */
const contenders: Readonly<Record<string, () => Promise<BookContender>>> = {
  depthcast: async () => new (await import("./depthcast-book.ts")).DepthcastBook(),
  "Map and sorted array": async () => new (await import("./order-map.ts")).SortedArrayBook(),
  "two Maps alone, no order": async () => new (await import("./order-map.ts")).UnorderedMaps(),
  "tardis-dev OrderBook": async () => (await import("./peer-books.ts")).createTardisBook(),
  "ccxt OrderBook": async () => (await import("./peer-books.ts")).createCcxtBook(),
  "nodejs-order-book": async () => (await import("./peer-books.ts")).createMatchingBook(),
  "C++, arrays by tick": async () => (await import("./native-book.ts")).createNativeBook(),
};
const peers = new Set(["tardis-dev OrderBook", "ccxt OrderBook", "nodejs-order-book"]);
const native = "C++, arrays by tick";

/** Who takes part: the packages in flow R only, since in the others they take minutes. */
export function contenderNames(flow: FlowName, peersInstalled: boolean): string[] {
  const hasNative = compile("book/native-book.cpp") !== undefined;
  return Object.keys(contenders).filter((name) => {
    if (name === native) return hasNative;
    return !peers.has(name) || (peersInstalled && flow === "R");
  });
}

export function createContender(name: string): Promise<BookContender> {
  const create = contenders[name];
  if (create === undefined) throw new Error(`there is no book ${name}`);
  return create();
}
