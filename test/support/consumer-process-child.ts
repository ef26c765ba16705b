import type { BookSet } from "./book-set.ts";
import type {
  ConsumerAnswer,
  ConsumerCommand,
  ConsumerGroup,
  ConsumerProcessOptions,
  ConsumerReport,
  Reading,
} from "./consumer-process.ts";
import { eventually } from "./eventually.ts";
import { GrpcClient } from "./grpc-client.ts";
import type { GrpcFailure } from "./grpc-failure.ts";
import { Random } from "./random.ts";
import { WebSocketClient, type WebSocketDialect } from "./websocket-client.ts";

/** The child of `ConsumerProcess`: holds the consumers and does as it is told over the IPC channel. */

interface HeldConsumer {
  readonly group: ConsumerGroup;
  readonly books: BookSet;
  ended: string;
  pause(): void;
  resume(): void;
}

const consumers: HeldConsumer[] = [];
let readingAll = false;

process.on("message", (command: ConsumerCommand) => {
  void obey(command);
});
process.on("disconnect", () => process.exit(0));

async function obey(command: ConsumerCommand): Promise<void> {
  if (command.op === "start") {
    await start(command.options);
    answer({ op: "ready" });
  } else if (command.op === "readAll") {
    readingAll = true;
    for (const consumer of consumers) consumer.resume();
  } else {
    answer({ op: "report", consumers: consumers.map(report) });
  }
}

async function start(options: ConsumerProcessOptions): Promise<void> {
  const opened = options.groups.flatMap((group) =>
    Array.from({ length: group.count }, () =>
      group.transport === "grpc" ? openGrpc(options, group) : openWebSocket(options, group, group.transport),
    ),
  );
  consumers.push(...(await Promise.all(opened)));
  const wanted = options.subscriptions.length;
  await eventually(
    () =>
      consumers.every(({ books }) => {
        const all = books.all();
        return all.length === wanted && all.every((book) => book.ready);
      }),
    { deadlineMs: 30_000, what: "every consumer has its first Snapshot" },
  );
  for (const [index, consumer] of consumers.entries()) read(consumer, consumer.group.reading, index);
}

async function openGrpc(options: ConsumerProcessOptions, group: ConsumerGroup): Promise<HeldConsumer> {
  const call = new GrpcClient(options.addresses.grpcAddress).subscribe(options.subscriptions);
  const consumer: HeldConsumer = {
    group,
    books: call.books,
    ended: "",
    pause: () => call.pause(),
    resume: () => call.resume(),
  };
  void call.ended.then(
    () => (consumer.ended = "OK"),
    (failure: GrpcFailure) => (consumer.ended = failure.code),
  );
  return consumer;
}

async function openWebSocket(
  options: ConsumerProcessOptions,
  group: ConsumerGroup,
  dialect: WebSocketDialect,
): Promise<HeldConsumer> {
  const client = await WebSocketClient.connect(options.addresses.httpUrl, dialect);
  const consumer: HeldConsumer = {
    group,
    books: client.books,
    ended: "",
    pause: () => client.pause(),
    resume: () => client.resume(),
  };
  void client.closed.then(({ code }) => (consumer.ended = String(code)));
  for (const subscription of options.subscriptions) client.subscribe(subscription);
  return consumer;
}

function read(consumer: HeldConsumer, reading: Reading, index: number): void {
  if (reading.mode === "always") return;
  consumer.pause();
  if (reading.mode === "never") return;
  const random = new Random(reading.seed + index);
  const later = ([min, max]: readonly [number, number], task: () => void): void => {
    setTimeout(
      () => {
        if (readingAll || consumer.ended !== "") return;
        task();
      },
      random.between(min, max),
    );
  };
  const resume = (): void => {
    consumer.resume();
    later(reading.readMs, pause);
  };
  const pause = (): void => {
    consumer.pause();
    later(reading.pauseMs, resume);
  };
  later(reading.pauseMs, resume);
}

function report(consumer: HeldConsumer): ConsumerReport {
  const { transport, reading } = consumer.group;
  const kind = { transport, reading: reading.mode };
  try {
    return {
      ...kind,
      books: consumer.books.all().map((book) => ({
        symbol: book.subscribed.symbol,
        epoch: String(book.epoch),
        sequence: book.sequence,
        exactUpTo: book.exactUpTo,
        checksum: book.checksum,
        bids: book.bids(),
        asks: book.asks(),
        counters: book.counters,
      })),
      failure: "",
      ended: consumer.ended,
    };
  } catch (thrown) {
    return { ...kind, books: [], failure: String(thrown), ended: consumer.ended };
  }
}

function answer(message: ConsumerAnswer): void {
  process.send?.(message);
}
