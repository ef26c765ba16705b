import fc from "fast-check";
import { expect, it } from "vitest";
import type { BatchOutcome } from "../../src/engine/ingest-batch.ts";
import type { IngestStream } from "../../src/engine/ingest-port.ts";
import { DepthcastError, ErrorCode } from "../../src/errors.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { decodeRecord, RecordKind } from "../../src/log/record.ts";
import { FlowRig, testBatch, testInstrument } from "../support/flow-rig.ts";
import { ManualClock } from "../support/manual-clock.ts";

const PRODUCERS = ["p", "q"] as const;
const STREAMS = 3;
const KiB = 1024;

/**
 * A log that a test hurries, delays and lets fail. Records and answers keep their order; an answer may come
 * after the record was applied already.
 */
class MoodyLog extends MemoryLog {
  isMoody = false;
  hasFailed = false;
  readonly #asked: { record: ArrayBuffer; resolve(index: number): void; reject(reason: Error): void }[] = [];
  readonly #answers: (() => void)[] = [];

  override append(record: ArrayBuffer): Promise<number> {
    if (!this.isMoody) return super.append(record);
    return new Promise((resolve, reject) => this.#asked.push({ record, resolve, reject }));
  }

  take({ fails, answers }: { readonly fails: boolean; readonly answers: boolean }): void {
    const next = this.#asked.shift();
    if (next !== undefined && fails) {
      this.hasFailed = true;
      this.#answers.push(() => next.reject(new DepthcastError(ErrorCode.unavailable, "disk full")));
    } else if (next !== undefined) {
      const index = this.endIndex;
      void super.append(next.record);
      this.#answers.push(() => next.resolve(index));
    }
    if (answers) for (const answer of this.#answers.splice(0)) answer();
  }

  /** What the records say, by the rules of PROTOCOL section 3: the model. */
  async applied(): Promise<Applied> {
    const batches: string[] = [];
    const last = new Map<string, number>();
    for await (const { record } of this.read(0)) {
      const decoded = decodeRecord(record);
      if (decoded.kind !== RecordKind.batch) continue;
      const { producerId, batchNumber } = decoded;
      if (batchNumber !== (last.get(producerId) ?? 0) + 1) continue;
      last.set(producerId, batchNumber);
      batches.push(`${producerId}${batchNumber}`);
    }
    return { batches, last };
  }

  get idle(): boolean {
    return this.#asked.length === 0 && this.#answers.length === 0;
  }
}

interface Applied {
  /** In the order of the log. */
  readonly batches: readonly string[];
  readonly last: ReadonlyMap<string, number>;
}

type Action =
  | { readonly kind: "send"; stream: number; producer: number; skip: number; kib: number }
  | { readonly kind: "close"; stream: number }
  | { readonly kind: "log"; fails: boolean; answers: boolean }
  | { readonly kind: "ask"; producer: number }
  | { readonly kind: "turn" };

const stream = fc.nat(STREAMS - 1);
const producer = fc.nat(PRODUCERS.length - 1);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("send" as const),
      stream,
      producer,
      skip: fc.constantFrom(0, 0, 0, 0, -1, 1),
      kib: fc.constantFrom(0, 1, 400, 700, 1500),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("close" as const), stream }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("log" as const),
      fails: fc.constantFrom(false, false, false, true),
      answers: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("ask" as const), producer }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("turn" as const) }) },
);

/** Producers that follow the protocol, over several streams at once, and note what they are told. */
class Producers {
  readonly rig: FlowRig;
  readonly log: MoodyLog;
  /** Batches acknowledged as applied, by what they are, with the sequence told. */
  readonly acknowledged = new Map<string, number>();
  readonly faults: string[] = [];
  readonly #next = PRODUCERS.map(() => 1);
  readonly #streams: (IngestStream | undefined)[] = [];
  readonly #sending = new Set<IngestStream>();
  #busy: Promise<unknown>[] = [];

  constructor(rig: FlowRig, log: MoodyLog) {
    this.rig = rig;
    this.log = log;
  }

  act(what: Action): void {
    if (what.kind === "send") this.#busy.push(this.#send(what));
    else if (what.kind === "ask") this.#busy.push(this.#ask(what.producer));
    else if (what.kind === "log") this.log.take(what);
    else if (what.kind === "close") this.#close(what.stream);
  }

  /** Closes everything, lets the log catch up, and waits for all answers. */
  async finish(): Promise<void> {
    for (let place = 0; place < STREAMS; place++) this.#close(place);
    while (!this.log.idle) {
      this.log.take({ fails: false, answers: true });
      await this.rig.clock.settle(1);
    }
    await Promise.all(this.#busy);
  }

  #close(place: number): void {
    this.#streams[place]?.close();
    this.#streams[place] = undefined;
  }

  #open(place: number): IngestStream {
    const opened = this.rig.flow.gate.openStream(() => {
      if (this.#streams[place] === opened) this.#streams[place] = undefined;
    });
    this.#streams[place] = opened;
    return opened;
  }

  async #send({ stream: place, producer: who, skip, kib }: Action & { kind: "send" }): Promise<void> {
    const used = this.#streams[place] ?? this.#open(place);
    if (this.#sending.has(used)) return;
    this.#sending.add(used);
    const number = Math.max(1, (this.#next[who] ?? 1) + skip);
    this.#next[who] = number + 1;
    await used.room(kib * KiB);
    this.#sending.delete(used);
    const id = PRODUCERS[who] ?? "";
    const order = { action: 1, id: BigInt(number * 10 + who), side: 1, price: number, quantity: 1 } as const;
    try {
      const outcome = await used.submit(testBatch("A", [order], { id, number }));
      await this.#told(`${id}${number}`, outcome);
    } catch (refusal) {
      if (!(refusal instanceof DepthcastError)) throw refusal;
      if (refusal.code === ErrorCode.unavailable && !this.log.hasFailed) this.faults.push(refusal.message);
      const expected = refusal.details.metadata?.["expected"];
      if (expected === undefined) await this.#ask(who);
      else this.#next[who] = Number(expected);
    }
  }

  async #told(batch: string, outcome: BatchOutcome): Promise<void> {
    const { batches } = await this.log.applied();
    if (!batches.includes(batch)) this.faults.push(`${batch} was answered and is not durable`);
    if (outcome.duplicate) return;
    if (outcome.acceptedEvents !== 1) this.faults.push(`${batch} was not applied as it is`);
    if (this.acknowledged.has(batch)) this.faults.push(`${batch} was applied twice`);
    this.acknowledged.set(batch, outcome.sequence);
  }

  async #ask(who: number): Promise<void> {
    const id = PRODUCERS[who] ?? "";
    const told = await this.rig.flow.gate.producerPosition(id);
    const { last } = await this.log.applied();
    if (told > (last.get(id) ?? 0)) this.faults.push(`${id} was told ${told} and is not there`);
    this.#next[who] = told + 1;
  }
}

it("every acknowledged batch is applied once and in order, whatever streams and log do", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 60, size: "max" }), async (actions) => {
      const log = new MoodyLog({ clock: new ManualClock(), retain: true });
      const rig = await FlowRig.start({ log, limits: { ingestBytesMax: KiB * KiB, producersMax: 2 } });
      await rig.flow.gate.define(testInstrument("A"));
      log.isMoody = true;
      const producers = new Producers(rig, log);
      for (const each of actions) {
        producers.act(each);
        if (each.kind === "turn") await rig.clock.settle(1);
      }
      await producers.finish();

      const { batches, last } = await log.applied();
      expect(producers.faults).toEqual([]);
      for (const [batch, sequence] of producers.acknowledged) expect(batches[sequence - 1]).toBe(batch);
      for (const id of PRODUCERS) {
        expect(await rig.flow.gate.producerPosition(id)).toBe(last.get(id) ?? 0);
      }
      expect(rig.flow.gate.bytesInFlight).toBe(0);
      expect(rig.flow.gate.openStreams).toBe(0);
      expect(rig.failures).toEqual([]);

      log.isMoody = false;
      const [id] = PRODUCERS;
      const number = (last.get(id) ?? 0) + 1;
      const again = rig.flow.gate.openStream(() => {}).submit(testBatch("A", [], { id, number }));
      expect(await again).toMatchObject({ duplicate: false, sequence: batches.length });
      await rig.flow.stop();
    }),
    { numRuns: 300 },
  );
});
