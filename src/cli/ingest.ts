import { CrossPolicy, type Instrument } from "../book/instrument.ts";
import { OrderAction } from "../book/order-events.ts";
import { GrpcClient, type InstrumentSnapshot } from "../client/grpc-client.ts";
import { IngestStream } from "../client/ingest-stream.ts";
import { Producer } from "../client/producer/producer.ts";
import type { ProducerStatus } from "../client/producer/producer-options.ts";
import { DepthcastError, ErrorCode } from "../errors.ts";
import { LIMITS, PRODUCER_ID_BYTES_MAX, SYMBOL_PATTERN } from "../limits.ts";
import { parseCrossPolicy, parseScale } from "../runtime/instrument-text.ts";
import { type Arguments, integerFlag, type Option, serverFlag, textFlag } from "./arguments.ts";
import type { Command } from "./command.ts";
import { BookVerifier } from "./ingest/book-verifier.ts";
import { type EventSink, producerSink, streamSink } from "./ingest/event-sink.ts";
import { IngestRun, type IngestRequest } from "./ingest/ingest-run.ts";
import { EXIT_INTERRUPTED, stopSignal } from "./stop-signal.ts";
import { usageError } from "./usage-error.ts";

const DEFAULT_SERVER = "127.0.0.1:50051";
const BATCH_SIZE = 500;

const options: readonly Option[] = [
  { name: "symbol", value: "SYMBOL", about: "the instrument; it is defined if it is not there yet" },
  { name: "price-scale", value: "N", about: "digits after the point of a price, 0 to 15" },
  { name: "quantity-scale", value: "N", about: "digits after the point of a quantity, 0 to 15" },
  {
    name: "cross-policy",
    value: "reject|flag",
    about: "what happens to events that lock or cross the book",
    default: "reject",
  },
  { name: "clear", about: "empties the book first" },
  { name: "append", about: "goes on with a book that is not empty" },
  {
    name: "rate",
    value: "R",
    about: "events a second, at most",
    default: "as quick as the server takes them",
  },
  { name: "server", value: "HOST:PORT", about: "the server's gRPC address", default: DEFAULT_SERVER },
  {
    name: "producer",
    value: "ID",
    about:
      "numbers the batches under this producer, on from its last one, so that each counts exactly once; a lost connection or a server that restarts is waited for",
  },
  { name: "batch-size", value: "N", about: "events of a batch, at most", default: String(BATCH_SIZE) },
  {
    name: "verify",
    value: "[N]",
    about:
      "compares the server's book with the check lines of the file, all or every Nth, and ends at the first difference with exit code 1",
  },
];

export const ingestCommand: Command = {
  help: {
    usage: ["depthcast ingest FILE|- --symbol SYMBOL --price-scale N --quantity-scale N [flags]"],
    about: [
      "Sends order events from a file, or from standard input for -, plain or gzip. One JSON object a line:",
      '  {"op":"add","id":"11534792","side":"bid","price":2237500,"qty":100}   a new order',
      '  {"op":"upd","id":"11534792","qty":60}     what remains; a "price", if there, moves it',
      '  {"op":"del","id":"11534792"}              the order is gone',
      '  {"op":"check","bids":[[price,qty],…],"asks":[…]}   for --verify: the best levels now',
      "A price or quantity that is a JSON number is a mantissa (2237500 at scale 4 is 223.7500), a string is " +
        'a decimal ("223.75"). Ids that are whole numbers from 1 to 2^64 - 1 are sent as numbers, others as keys.',
    ].join("\n"),
    groups: [{ title: "Flags", options }],
    examples: [
      "depthcast ingest AMZN.ndjson.gz --symbol AMZN --price-scale 4 --quantity-scale 0 --verify",
      "zcat day.ndjson.gz | depthcast ingest - --symbol X --price-scale 2 --quantity-scale 8 --clear",
    ],
  },
  run: ingest,
};

async function ingest(args: Arguments): Promise<number> {
  const request = readRequest(args);
  const signal = stopSignal();
  const client = new GrpcClient(request.server);
  try {
    const instrument = await prepareInstrument(client, request);
    const sink = await openSink(client, request, signal);
    if (request.whenNotEmpty === "clear") await clearBook(sink, request.symbol);
    const every = Math.max(1, request.verifyEvery);
    const run = new IngestRun(request, sink, new BookVerifier(client, sink, instrument, every));
    await run.send(signal);
    process.stdout.write(run.summary(await sink.close()));
    return signal.aborted ? EXIT_INTERRUPTED : 0;
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
    process.stderr.write(`depthcast: interrupted: ${DepthcastError.from(thrown).message}\n`);
    return EXIT_INTERRUPTED;
  } finally {
    client.close();
  }
}

async function openSink(client: GrpcClient, request: IngestRequest, signal: AbortSignal): Promise<EventSink> {
  const { producerId, batchSize: batchEventsMax } = request;
  if (producerId === "") return streamSink(await IngestStream.open(client, { batchEventsMax }));
  const onStatus = tellConnection();
  const producer = await Producer.open({ target: client.target, producerId, batchEventsMax, onStatus });
  const giveUp = () => {
    // With a server, what was read is still sent; without one there is nothing to wait for.
    if (producer.status.phase === "reconnecting") producer.abort();
  };
  signal.addEventListener("abort", giveUp, { once: true });
  return producerSink(producer);
}

/** Says when the connection is lost and when it is back, where no progress line does. */
function tellConnection(): (status: ProducerStatus) => void {
  let told: ProducerStatus["phase"] = "connected";
  return (status) => {
    if (process.stderr.isTTY || status.phase === told) return;
    told = status.phase;
    if (status.phase === "reconnecting") {
      process.stderr.write(`depthcast: ${status.cause.message}; reconnecting…\n`);
    } else if (status.phase === "connected") {
      process.stderr.write("depthcast: connected again\n");
    }
  };
}

function readRequest({ positionals, flags }: Arguments): IngestRequest {
  const [path, extra] = positionals;
  if (path === undefined) throw usageError("ingest needs a FILE, or - for standard input");
  if (extra !== undefined) {
    const hint = flags["verify"] === true ? "; a number for --verify is given as --verify=N" : "";
    throw usageError(`ingest takes one FILE, and here are "${path}" and "${extra}"${hint}`);
  }
  const symbol = required(flags, "symbol");
  if (!SYMBOL_PATTERN.test(symbol))
    throw usageError(`--symbol ${symbol}: must match ${SYMBOL_PATTERN.source}`);
  if (flags["clear"] === true && flags["append"] === true) {
    throw usageError("--clear and --append exclude each other");
  }
  const producerId = textFlag(flags, "producer") ?? "";
  if (Buffer.byteLength(producerId) > PRODUCER_ID_BYTES_MAX) {
    throw usageError(`--producer: must have at most ${PRODUCER_ID_BYTES_MAX} bytes`);
  }
  const verifyEvery = flags["verify"] === true ? 1 : integerFlag(flags, "verify", { min: 1, max: 1e9 });
  return {
    path,
    symbol,
    priceScale: scaleFlag(flags, "price-scale"),
    quantityScale: scaleFlag(flags, "quantity-scale"),
    crossPolicy: crossPolicyFlag(flags),
    whenNotEmpty: flags["clear"] === true ? "clear" : flags["append"] === true ? "append" : "refuse",
    eventsPerSecond: integerFlag(flags, "rate", { min: 1, max: 100_000_000 }) ?? Infinity,
    server: serverFlag(flags, "server") ?? DEFAULT_SERVER,
    producerId,
    batchSize:
      integerFlag(flags, "batch-size", { min: 1, max: LIMITS.eventsPerBatchMax.default }) ?? BATCH_SIZE,
    verifyEvery: verifyEvery ?? 0,
  };
}

function required(flags: Arguments["flags"], name: string): string {
  const text = textFlag(flags, name);
  if (text === undefined) throw usageError(`ingest needs --${name}; see \`depthcast ingest --help\``);
  return text;
}

function scaleFlag(flags: Arguments["flags"], name: string): number {
  const text = required(flags, name);
  const scale = parseScale(text);
  if (scale === undefined) {
    throw usageError(`--${name} ${text}: must be a whole number from 0 to ${LIMITS.scaleMax.max}`);
  }
  return scale;
}

function crossPolicyFlag(flags: Arguments["flags"]): CrossPolicy | undefined {
  const text = textFlag(flags, "cross-policy");
  if (text === undefined) return undefined;
  const policy = parseCrossPolicy(text);
  if (policy === undefined) throw usageError(`--cross-policy ${text}: must be reject or flag`);
  return policy;
}

/** The instrument as it is on the server, defined or changed where that is needed. */
async function prepareInstrument(client: GrpcClient, request: IngestRequest): Promise<Instrument> {
  const { symbol, priceScale, quantityScale, crossPolicy } = request;
  const present = await findBook(client, symbol);
  if (present === undefined) {
    const rules = { crossPolicy: crossPolicy ?? CrossPolicy.reject, tickSize: 0, lotSize: 0 };
    return client.defineInstrument({ symbol, priceScale, quantityScale, ...rules, description: "" });
  }
  const { instrument, snapshot } = present;
  if (instrument.priceScale !== priceScale || instrument.quantityScale !== quantityScale) {
    throw new DepthcastError(
      ErrorCode.failedPrecondition,
      `${symbol} is defined with --price-scale ${instrument.priceScale} --quantity-scale ${instrument.quantityScale} ` +
        `on ${client.target}; use these, or another --symbol`,
    );
  }
  if (request.whenNotEmpty === "refuse" && snapshot.bids.length + snapshot.asks.length > 0) {
    throw new DepthcastError(
      ErrorCode.failedPrecondition,
      `the book of ${symbol} is not empty; empty it first with --clear, or go on with it with --append`,
    );
  }
  if (crossPolicy === undefined || crossPolicy === instrument.crossPolicy) return instrument;
  return client.defineInstrument({ ...instrument, crossPolicy });
}

async function findBook(client: GrpcClient, symbol: string): Promise<InstrumentSnapshot | undefined> {
  try {
    return await client.getSnapshot(symbol, { depth: 1 });
  } catch (thrown) {
    if (thrown instanceof DepthcastError && thrown.code === ErrorCode.notFound) return undefined;
    throw thrown;
  }
}

async function clearBook(sink: EventSink, symbol: string): Promise<void> {
  await sink.write(symbol, { action: OrderAction.clear });
  await sink.settle();
}
