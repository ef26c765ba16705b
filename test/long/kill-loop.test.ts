import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { GrpcClient } from "../../src/client/grpc-client.ts";
import { CrashConsumers, type SeenState } from "../support/crash-consumers.ts";
import { ownSymbol, producerId, SHARED_SYMBOL } from "../support/crash-flow.ts";
import { CrashModel } from "../support/crash-model.ts";
import { CrashProducer, type CrashProducerProgress } from "../support/crash-producer.ts";
import { eventually } from "../support/eventually.ts";
import { LogCopy } from "../support/log-copy.ts";
import { MortalServer } from "../support/mortal-server.ts";
import { type Random, withSeed } from "../support/random.ts";

const KILLS = 54;
const PRODUCERS = 4;
const DEPTH = 20;
const DEPTH_WHOLE = 1000;
/** How long a server lives once it serves. */
const LIFE_MS = [10, 1500] as const;
/** Some die while they start and recover, within this. */
const KILLED_AT_START_PERCENT = 15;
const START_MS = [1, 600] as const;

/** So small that several snapshots, truncations and checkpoints fall into each life. */
const SETTINGS = [
  "--snapshot-every-batches",
  "1500",
  "--snapshot-every-seconds",
  "1",
  // So many, that the stranger's copy can be some 10,000 entries behind on a busy machine.
  "--snapshots-kept",
  "8",
];
/** Lives with and without threads follow each other on one log. */
const THREADS = [[], ["--gateways", "2", "--engines", "2"]] as const;

const symbols = [SHARED_SYMBOL, ...Array.from({ length: PRODUCERS }, (_, producer) => ownSymbol(producer))];

/** What was known when a server had been killed. */
interface Kill {
  /** Entries of the log then. */
  readonly entries: number;
  /** By producer: its last batch that it knew to be durable and applied. */
  readonly acknowledged: readonly number[];
}

test(
  "killed at random moments under full load: nothing acknowledged is lost, nothing is applied twice",
  { timeout: 900_000 },
  () =>
    withSeed(async (random) => {
      const run = await KillRun.begin(random);
      for (let kill = 1; kill <= KILLS; kill += 1) await run.killOnce();
      const finished = await run.finish();
      run.judge(finished);
      await run.expectBooks();
    }),
);

class KillRun {
  readonly #random: Random;
  readonly #server: MortalServer;
  readonly #copy: LogCopy;
  readonly #producers: readonly CrashProducer[];
  readonly #consumers: CrashConsumers;
  readonly #client: GrpcClient;
  readonly #kills: Kill[] = [];
  readonly #seen: SeenState[] = [];
  #model: CrashModel | undefined;
  /** Lives that shortened the log, and those that carried its write-ahead log over. */
  #truncations = 0;
  #checkpoints = 0;
  #databaseTimeMs = 0;

  private constructor(
    random: Random,
    parts: {
      readonly server: MortalServer;
      readonly copy: LogCopy;
      readonly producers: readonly CrashProducer[];
      readonly consumers: CrashConsumers;
      readonly client: GrpcClient;
    },
  ) {
    this.#random = random;
    this.#server = parts.server;
    this.#copy = parts.copy;
    this.#producers = parts.producers;
    this.#consumers = parts.consumers;
    this.#client = parts.client;
  }

  /** A new log with a server, all producers and consumers at work. */
  static async begin(random: Random): Promise<KillRun> {
    const folder = mkdtempSync(join(tmpdir(), "depthcast-kill-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, "log.db");
    const server = await MortalServer.create(["--log", `sqlite:${path}`, ...SETTINGS]);
    server.start();
    await server.ready();
    const client = new GrpcClient(server.grpcAddress);
    onTestFinished(() => client.close());
    await define(client);
    const copy = new LogCopy(path);
    onTestFinished(() => copy.close());
    copy.follow();
    const target = server.grpcAddress;
    const producers = await Promise.all(
      Array.from({ length: PRODUCERS }, (_, producer) =>
        CrashProducer.start({ target, seed: random.seed, producer }),
      ),
    );
    const consumers = await CrashConsumers.start({ addresses: server, symbols, depth: DEPTH });
    return new KillRun(random, { server, copy, producers, consumers, client });
  }

  /** Lets the server of now live for a while, kills it, looks at what is left, and starts the next. */
  async killOnce(): Promise<void> {
    const random = this.#random;
    if (random.chance(KILLED_AT_START_PERCENT)) {
      await sleep(random.between(...START_MS));
    } else {
      await this.#server.ready();
      this.#copy.follow();
      await sleep(random.between(...LIFE_MS));
    }
    await this.#server.kill();
    await this.#lookAround();
    this.#server.start(random.pick(THREADS));
  }

  async #lookAround(): Promise<void> {
    const { startIndex } = this.#copy;
    this.#copy.pause();
    if (this.#copy.startIndex > startIndex) this.#truncations += 1;
    const { mtimeMs } = statSync(this.#copy.path);
    if (mtimeMs > this.#databaseTimeMs) this.#checkpoints += 1;
    this.#databaseTimeMs = mtimeMs;
    const progress = await Promise.all(this.#producers.map((producer) => producer.progress()));
    const acknowledged = progress.map((one) => one.acknowledged);
    this.#kills.push({ entries: this.#copy.records.length, acknowledged });
    await this.#takeSeen();
  }

  /** @throws where a consumer saw a breach of the contract. */
  async #takeSeen() {
    const reports = await this.#consumers.report();
    for (const { transport, failure, seen } of reports) {
      expect({ transport, failure }).toEqual({ transport, failure: "" });
      for (const state of seen) this.#seen.push(state);
    }
    return reports;
  }

  /** With a server that stays: the producers come to an end, and the consumers to the end of every book. */
  async finish(): Promise<readonly CrashProducerProgress[]> {
    await this.#server.ready();
    this.#copy.follow();
    const finished = await Promise.all(this.#producers.map((producer) => producer.finish()));
    const ends = await Promise.all(symbols.map(async (symbol) => [symbol, await this.#sequence(symbol)]));
    const reports = await eventually(
      async () => {
        const found = await this.#takeSeen();
        expect(found.map(({ exactUpTo }) => exactUpTo)).toEqual(found.map(() => Object.fromEntries(ends)));
        return found;
      },
      { what: "all consumers come to the end" },
    );
    expect(new Set(reports.map(({ epoch }) => epoch)).size).toBe(1);
    await this.#server.stop();
    this.#copy.pause();
    const lives = reports.map(({ transport, connections, resumed }) => ({ transport, connections, resumed }));
    console.log(
      `${KILLS} kills, TEST_SEED=${this.#random.seed}: ${this.#copy.records.length} log entries, ` +
        `${this.#truncations} lives that truncated it, ${this.#checkpoints} with a checkpoint, ${this.#seen.length} states seen by consumers,`,
      lives,
      finished,
    );
    return finished;
  }

  /** The log, from its first entry, against what producers and consumers say. */
  judge(finished: readonly CrashProducerProgress[]): void {
    const model = new CrashModel(this.#random.seed, PRODUCERS, DEPTH, this.#seen);
    this.#model = model;
    const kills = this.#kills.values();
    let kill = kills.next().value;
    for (const [index, record] of this.#copy.records.entries()) {
      for (; kill?.entries === index; kill = kills.next().value) expectLogged(model, kill.acknowledged);
      model.take(record);
    }
    expectLogged(
      model,
      finished.map(({ acknowledged }) => acknowledged),
    );
    expect(finished.map((_, producer) => model.applied(producer))).toEqual(finished.map(({ made }) => made));
    for (const state of this.#seen) model.expectSeen(state);
    this.#expectTotals(model, finished);
    // Else it tested less than it says.
    expect(this.#truncations).toBeGreaterThan(KILLS / 10);
    expect(this.#checkpoints).toBeGreaterThan(KILLS / 10);
    for (const { losses } of finished) expect(losses).toBeGreaterThan(KILLS / 2);
  }

  #expectTotals(model: CrashModel, finished: readonly CrashProducerProgress[]): void {
    let accepted = 0;
    let rejected = 0;
    for (const { totals, eventsMade } of finished) {
      accepted += totals.acceptedEvents;
      rejected += totals.rejectedEvents;
      expect(totals.acceptedEvents + totals.rejectedEvents + totals.uncountedEvents).toBe(eventsMade);
    }
    expect(accepted).toBeLessThanOrEqual(model.counts.accepted);
    expect(rejected).toBeLessThanOrEqual(model.counts.rejected);
  }

  /** One more start, in order: the whole books are those of the model, and the producers stand where they ended. */
  async expectBooks(): Promise<void> {
    this.#server.start();
    await this.#server.ready();
    for (const [symbol, book] of this.#model!.books) {
      const { snapshot } = await this.#client.getSnapshot(symbol, { depth: DEPTH_WHOLE });
      const levels = (side: typeof snapshot.bids) =>
        side.map(({ price, quantity, orderCount }) => [price, quantity, orderCount]);
      expect({
        symbol,
        sequence: snapshot.sequence,
        bids: levels(snapshot.bids),
        asks: levels(snapshot.asks),
      }).toEqual({
        symbol,
        sequence: book.sequence,
        bids: book.top(1, DEPTH_WHOLE),
        asks: book.top(2, DEPTH_WHOLE),
      });
    }
    for (let producer = 0; producer < PRODUCERS; producer += 1) {
      expect(await this.#client.producerPosition(producerId(producer))).toBe(this.#model!.applied(producer));
    }
    await this.#server.stop();
  }

  async #sequence(symbol: string): Promise<number> {
    return (await this.#client.getSnapshot(symbol, { depth: 1 })).snapshot.sequence;
  }
}

/** All that was acknowledged is in the log by now. */
function expectLogged(model: CrashModel, acknowledged: readonly number[]): void {
  for (const [producer, last] of acknowledged.entries()) {
    expect(model.applied(producer)).toBeGreaterThanOrEqual(last);
  }
}

async function define(client: GrpcClient): Promise<void> {
  for (const symbol of symbols) {
    await client.defineInstrument({
      symbol,
      priceScale: 2,
      quantityScale: 0,
      crossPolicy: symbol === SHARED_SYMBOL ? CrossPolicy.flag : CrossPolicy.reject,
      tickSize: 0,
      lotSize: 0,
      description: "",
    });
  }
}
