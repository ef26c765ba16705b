import type { OrderEventColumns } from "../../src/book/order-events.ts";
import { countEvents } from "../flows/batches.ts";
import { NativeProgram } from "../support/native-program.ts";
import type { BookContender, BookTop } from "./contender.ts";

const EVENT_BYTES = 32;

export function createNativeBook(): BookContender {
  const program = NativeProgram.start("book/native-book.cpp");
  if (program === undefined) throw new Error("there is no g++");
  return new NativeBook(program);
}

class NativeBook implements BookContender {
  readonly name = "C++, arrays by tick";
  readonly #program: NativeProgram;

  constructor(program: NativeProgram) {
    this.#program = program;
  }

  async load(batches: readonly OrderEventColumns[]): Promise<void> {
    await this.apply(batches);
  }

  async apply(batches: readonly OrderEventColumns[]): Promise<number> {
    this.#program.write(command("A", countEvents(batches)));
    for (const batch of batches) this.#program.write(eventBytes(batch));
    return Number(await this.#program.answer());
  }

  async top(levels: number): Promise<BookTop> {
    this.#program.write(command("T", levels));
    const words = (await this.#program.answer()).trim().split(" ").map(Number);
    const top: { bids: [number, number][]; asks: [number, number][] } = { bids: [], asks: [] };
    for (let at = 0; at + 2 < words.length; at += 3) {
      (words[at] === 1 ? top.bids : top.asks).push([words[at + 1]!, words[at + 2]!]);
    }
    return top;
  }
}

function command(letter: string, count: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.write(letter, "latin1");
  bytes.writeUInt32LE(count, 1);
  return bytes;
}

function eventBytes(events: OrderEventColumns): Buffer {
  const bytes = Buffer.alloc(events.length * EVENT_BYTES);
  for (let index = 0; index < events.length; index++) {
    const at = index * EVENT_BYTES;
    bytes.writeInt32LE(events.orderIdLow[index]!, at);
    bytes.writeInt32LE(events.orderIdHigh[index]!, at + 4);
    bytes.writeBigInt64LE(BigInt(events.price[index]!), at + 8);
    bytes.writeBigInt64LE(BigInt(events.quantity[index]!), at + 16);
    bytes.writeUInt8(events.action[index]!, at + 24);
    bytes.writeUInt8(events.side[index]!, at + 25);
  }
  return bytes;
}
