import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { SubscribeResponseSchema } from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { CuttableProxy } from "../support/cuttable-proxy.ts";
import { eventually } from "../support/eventually.ts";
import { examplePath } from "../support/examples.ts";
import { Program } from "../support/program.ts";
import { grpcFaultProxy } from "../support/fault-proxy.ts";
import { modelEvent } from "../support/flow-event.ts";
import { addOrder, testBatch, testInstrument } from "../support/flow-rig.ts";
import { MessageFaults, type MessageSink } from "../support/message-faults.ts";
import { NaiveBook, type NaiveLevel, type TestOrderEvent } from "../support/naive-book.ts";
import { type Random, withSeed } from "../support/random.ts";
import { realisticFlow } from "../support/random-flow.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";
import { makePythonStubs, requirePython, systemPython } from "../support/system-python.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

requirePython();

const DEPTH = 10;
const BATCHES = 300;
const WRONG_DELTA = 3;

/** What the example tells of a message. */
interface Line {
  readonly kind: string;
  readonly sequence: number | null;
  readonly checksum: number;
  readonly bids?: readonly NaiveLevel[];
  readonly asks?: readonly NaiveLevel[];
}

class PythonConsumer {
  readonly process: Program;

  constructor(address: string) {
    const PYTHONPATH = makePythonStubs(temporaryFolder());
    // The C core of gRPC would send even loopback through a proxy of the environment.
    const env = { ...process.env, PYTHONPATH, PYTHONDONTWRITEBYTECODE: "1", no_proxy: "127.0.0.1" };
    const args = [
      examplePath("python/consumer.py"),
      address,
      "A",
      "--depth",
      String(DEPTH),
      "--interval",
      "0",
    ];
    this.process = new Program(systemPython ?? "python3", args, { env });
  }

  get lines(): Line[] {
    const whole = this.process.stdout.slice(0, this.process.stdout.lastIndexOf("\n") + 1);
    return whole
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Line);
  }

  /** The newest line with a book, once it is of `sequence`. */
  async at(sequence: number): Promise<Line> {
    const newest = () => this.lines.findLast(({ bids }) => bids !== undefined);
    try {
      return await eventually(() => {
        const line = newest();
        return line?.sequence === sequence ? line : undefined;
      });
    } catch (thrown) {
      throw new Error(`it got to ${newest()?.sequence} of ${sequence}: ${this.process.stderr}`, {
        cause: thrown,
      });
    }
  }
}

/** A scripted flow into the server and into a model, which remembers the book after each batch. */
class Script {
  readonly #server: TestServer;
  readonly #model = new NaiveBook({
    crossPolicy: 1,
    tickSize: 0,
    lotSize: 0,
    liveOrdersMax: 1e6,
    levelsPerSideMax: 1e6,
  });
  readonly #books = new Map<number, Pick<Line, "bids" | "asks">>();

  constructor(server: TestServer) {
    this.#server = server;
  }

  get sequence(): number {
    return this.#model.sequence;
  }

  /** After the batches comes one more order at the best bid: what is too deep to be seen is not sent. */
  async play(batches: Iterable<readonly TestOrderEvent[]>): Promise<void> {
    const stream = this.#server.running.ingest.openStream(() => {});
    const submit = (events: readonly TestOrderEvent[]) => {
      for (const event of events) this.#model.apply(event);
      this.#books.set(this.sequence, { bids: this.#model.top(1, DEPTH), asks: this.#model.top(2, DEPTH) });
      return stream.submit(testBatch("A", events));
    };
    for (const events of batches) await submit(events);
    const [bestBid = 1] = this.#model.top(1, 1)[0] ?? [];
    await submit([addOrder(1, bestBid, 1)]);
    stream.close();
  }

  /** Every book that was told is one that was, and the newest is the newest. */
  async expectAllOf(consumer: PythonConsumer): Promise<void> {
    await consumer.at(this.sequence);
    const told = consumer.lines.filter(({ bids, sequence }) => bids !== undefined && sequence !== 0);
    expect(told.length).toBeGreaterThan(1);
    for (const { sequence, bids, asks } of told) {
      expect({ sequence, bids, asks }).toEqual({ sequence, ...this.#books.get(sequence ?? 0) });
    }
  }
}

function batchesOf(random: Random): TestOrderEvent[][] {
  const flow = realisticFlow(random);
  return Array.from({ length: BATCHES }, () => flow.batch(20).map(modelEvent));
}

/** Changes one level of one delta on its way, and nothing else: only the checksum tells. */
class WrongQuantity extends MessageFaults {
  #deltas = 0;

  override way(sink: MessageSink): (message: Buffer) => void {
    return (message) => {
      const response = fromBinary(SubscribeResponseSchema, message);
      for (const { event } of response.updates) {
        if (event.case !== "delta") continue;
        this.#deltas += 1;
        const level = event.value.bids[0] ?? event.value.asks[0];
        if (this.#deltas === WRONG_DELTA && level !== undefined) level.quantity += 1n;
      }
      sink.send(Buffer.from(toBinary(SubscribeResponseSchema, response)));
    };
  }
}

describe.runIf(systemPython !== undefined)("the consumer in Python", () => {
  test("has the checksum of the contract's own example", async () => {
    const server = await startTestServer({ instruments: [testInstrument("A")] });
    const stream = server.running.ingest.openStream(() => {});
    await stream.submit(testBatch("A", [addOrder(1, 100, 7), addOrder(2, 101, 3)]));
    stream.close();
    const { checksum } = await new PythonConsumer(server.grpcAddress).at(2);
    expect(checksum).toBe(0x7a4128ef);
  });

  test("keeps each book of a scripted flow exactly, and goes on where it was after a cut", () =>
    withSeed(async (random) => {
      const server = await startTestServer({ instruments: [testInstrument("A")] });
      const proxy = await CuttableProxy.start(server.grpcAddress);
      const consumer = new PythonConsumer(proxy.address);
      await eventually(() => consumer.lines.length > 0, { deadlineMs: 20_000 });
      const script = new Script(server);
      await script.play(batchesOf(random));
      await script.expectAllOf(consumer);
      proxy.cut();
      await eventually(() => consumer.lines.some(({ kind }) => kind === "resumed"), { deadlineMs: 20_000 });
      await script.play(batchesOf(random));
      await script.expectAllOf(consumer);
      const kinds = consumer.lines.map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === "snapshot")).toHaveLength(1);
      expect(consumer.process.stderr).not.toContain("asking for a snapshot");
    }));

  test("notices each lost response, and is right again", () =>
    withSeed(async (random) => {
      const server = await startTestServer({ instruments: [testInstrument("A")] });
      const rates = { drop: 5, duplicate: 0, reorder: 0, delay: 0, flip: 0, cut: 0 };
      const faults = new MessageFaults(random, rates);
      const address = (await grpcFaultProxy(server.grpcAddress, faults)).replace("grpc://", "");
      const consumer = new PythonConsumer(address);
      await eventually(() => consumer.lines.length > 0, { deadlineMs: 20_000 });
      const script = new Script(server);
      for (let part = 0; faults.done.drop === 0 || part < 3; part += 1) await script.play(batchesOf(random));
      faults.active = false;
      await script.play([]);
      await consumer.at(script.sequence);
      // While it asked for a snapshot the rest of the script may have passed: so there is more to be told.
      await script.play(batchesOf(random));
      await script.expectAllOf(consumer);
      expect(consumer.process.stderr).toContain("asking for a snapshot");
    }));

  test("notices by the checksum alone that a quantity was changed", () =>
    withSeed(async (random) => {
      const server = await startTestServer({ instruments: [testInstrument("A")] });
      const address = await grpcFaultProxy(server.grpcAddress, new WrongQuantity(random));
      const consumer = new PythonConsumer(address.replace("grpc://", ""));
      await eventually(() => consumer.lines.length > 0, { deadlineMs: 20_000 });
      const script = new Script(server);
      await script.play(batchesOf(random));
      await script.expectAllOf(consumer);
      expect(consumer.process.stderr).toMatch(/^checksum \w{8} at \d+, not \w{8}: asking for a snapshot$/m);
    }));
});
