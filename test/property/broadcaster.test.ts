import fc from "fast-check";
import { expect, it } from "vitest";
import type { ConsumerSession } from "../../src/broadcast/consumer.ts";
import { createDepth } from "../../src/book/depth.ts";
import type { IntervalMs } from "../../src/limits.ts";
import {
  type AttentiveConsumer,
  BroadcastRig,
  type SeenMessage,
  subscription,
} from "../support/broadcast-rig.ts";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { testBatch, testInstrument } from "../support/flow-rig.ts";

/** The book may cross: what matters here is who is told what. */
const instrument = (description: string) =>
  testInstrument("A", { crossPolicy: CrossPolicy.flag, description });
const CONSUMERS = 3;
const VIEWS: readonly { readonly depth: number; readonly intervalMs: IntervalMs }[] = [
  { depth: 1, intervalMs: 0 },
  { depth: 2, intervalMs: 50 },
  { depth: 3, intervalMs: 50 },
  { depth: 100, intervalMs: 100 },
];
const LIMITS = { viewLingerMs: 300, stallTimeoutMs: 5000 };

type Action =
  | { readonly kind: "set"; readonly side: number; readonly price: number; readonly quantity: number }
  | { readonly kind: "clear" }
  | { readonly kind: "subscribe"; readonly who: number; readonly view: number; readonly resumes: boolean }
  | { readonly kind: "unsubscribe"; readonly who: number; readonly view: number }
  | { readonly kind: "block" | "writable" | "drain" | "reconnect"; readonly who: number }
  | { readonly kind: "redefine" }
  | { readonly kind: "pass" | "stall"; readonly ms: number }
  | { readonly kind: "turn" };

const who = fc.nat(CONSUMERS - 1);
const view = fc.nat(VIEWS.length - 1);
const kindOf = <Kind extends string>(...kinds: Kind[]) => fc.constantFrom(...kinds);
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: kindOf("set"),
      side: fc.integer({ min: 1, max: 2 }),
      price: fc.integer({ min: 1, max: 5 }),
      quantity: fc.nat(2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kindOf("clear") }) },
  { weight: 6, arbitrary: fc.record({ kind: kindOf("subscribe"), who, view, resumes: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: kindOf("unsubscribe"), who, view }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: kindOf("block", "block", "writable", "writable", "drain", "reconnect"),
      who,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kindOf("redefine") }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: kindOf("pass", "stall"), ms: fc.constantFrom(1, 30, 60, 400, 1100, 1100) }),
  },
  { weight: 4, arbitrary: fc.record({ kind: kindOf("turn") }) },
);

type Row = readonly [price: string, quantity: string, orderCount: number];
interface Rows {
  readonly bids: readonly Row[];
  readonly asks: readonly Row[];
}

/** What a client holds of one view, kept by the rules of PROTOCOL section 4 alone. */
class HeldView {
  sequence: string | undefined;
  #sides = { bids: new Map<string, Row>(), asks: new Map<string, Row>() };

  /** Takes a message; says what is wrong with it. */
  take(message: SeenMessage): string | undefined {
    const { type, sequence } = message as SeenMessage & { sequence: string };
    if (type === "snapshot") {
      for (const side of Object.values(this.#sides)) side.clear();
    } else if (message["prevSequence"] !== this.sequence) {
      return `a delta from ${String(message["prevSequence"])} to one at ${String(this.sequence)}`;
    } else if (Number(sequence) <= Number(this.sequence)) return `sequence ${sequence} does not rise`;
    this.sequence = sequence;
    const { bids, asks } = message as unknown as Rows;
    this.#apply(this.#sides.bids, bids);
    this.#apply(this.#sides.asks, asks);
    return undefined;
  }

  clone(): HeldView {
    const copy = new HeldView();
    copy.sequence = this.sequence;
    copy.#sides = { bids: new Map(this.#sides.bids), asks: new Map(this.#sides.asks) };
    return copy;
  }

  get rows(): Rows {
    const sorted = (side: Map<string, Row>) =>
      [...side.values()].toSorted(([a], [b]) => Number(a) - Number(b));
    return { bids: sorted(this.#sides.bids).toReversed(), asks: sorted(this.#sides.asks) };
  }

  #apply(side: Map<string, Row>, rows: readonly Row[]): void {
    for (const row of rows) {
      if (Number(row[1]) === 0) side.delete(row[0]);
      else side.set(row[0], row);
    }
  }
}

class Client {
  consumer: AttentiveConsumer;
  session: ConsumerSession;
  /** By view id: undefined = subscribed, and nothing has come. */
  readonly held = new Map<number, HeldView | undefined>();
  /** The last position of a view that was left, by its place in VIEWS. */
  readonly left = new Map<number, string>();
  readonly viewIds = new Map<number, number>();

  constructor({ consumer, session }: { consumer: AttentiveConsumer; session: ConsumerSession }) {
    this.consumer = consumer;
    this.session = session;
  }
}

/** The broadcaster, its clients, and each state that the book was in: the model. */
class Trial {
  readonly rig: BroadcastRig;
  readonly clients: Client[];
  readonly faults: string[] = [];
  readonly #states = new Map<string, Rows>();
  /** What clients held when they left, by place and sequence. */
  readonly #kept = new Map<string, HeldView>();
  #description = 0;

  constructor(rig: BroadcastRig) {
    this.rig = rig;
    this.clients = Array.from({ length: CONSUMERS }, () => new Client(rig.connect()));
    this.#remember();
  }

  async act(what: Action): Promise<void> {
    const { clock } = this.rig;
    if (what.kind === "turn") await clock.settle(1);
    else if (what.kind === "pass") await clock.pass(what.ms, 10);
    else if (what.kind === "stall") clock.stall(what.ms);
    else if (what.kind === "set") await this.#apply({ ...what, action: 5 });
    else if (what.kind === "clear") await this.#apply({ action: 6 });
    else if (what.kind === "redefine") await this.#redefine();
    else if ("who" in what) await this.#actOf(this.clients[what.who] as Client, what);
    this.#look();
  }

  /** All take what they are sent, and nothing happens: everybody is to have the newest book. */
  async converge(): Promise<void> {
    for (const { consumer, session } of this.clients) {
      consumer.blocked = false;
      session.drained();
    }
    await this.rig.clock.pass(2500, 50);
    this.#look();
    const newest = String(this.rig.flow.feed.sequence(1));
    for (const { held } of this.clients) {
      for (const [viewId, book] of held) {
        if (book === undefined) this.faults.push(`view ${viewId} never began`);
        else this.#compare(viewId, book, newest);
      }
    }
  }

  async close(): Promise<void> {
    for (const { session } of this.clients) session.close();
    await this.rig.clock.pass(12_000, 1000);
    const { consumers, subscriptions, views, viewBytes, waiting } = this.rig.broadcaster.gauges;
    expect([consumers, subscriptions, views, viewBytes, waiting]).toEqual([0, 0, 0, 0, 0]);
    expect(this.rig.clock.waiting).toBe(0);
  }

  async #apply(event: { action: number; side?: number; price?: number; quantity?: number }): Promise<void> {
    await this.rig.flow.flow.gate.openStream(() => {}).submit(testBatch("A", [event]));
    this.#remember();
  }

  async #redefine(): Promise<void> {
    this.#description += 1;
    await this.rig.flow.flow.gate.define(instrument(String(this.#description)));
  }

  async #actOf(client: Client, what: Extract<Action, { readonly who: number }>): Promise<void> {
    const { consumer, session, held, viewIds, left } = client;
    if (what.kind === "block") consumer.blocked = true;
    else if (what.kind === "writable") consumer.blocked = false;
    else if (what.kind === "drain") {
      consumer.blocked = false;
      session.drained();
    } else if (what.kind === "reconnect") {
      this.#look();
      session.close();
      this.#reconnect(client);
    } else if (what.kind === "unsubscribe") {
      const viewId = viewIds.get(what.view);
      if (viewId === undefined) return;
      this.#look();
      session.unsubscribe(viewId);
      this.#leave(client, what.view);
    } else if (what.kind === "subscribe") {
      if (viewIds.has(what.view)) return;
      const sequence = what.resumes ? left.get(what.view) : undefined;
      const resume =
        sequence === undefined ? undefined : { epoch: this.rig.flow.log.epoch, sequence: Number(sequence) };
      const { depth, intervalMs } = VIEWS[what.view] as (typeof VIEWS)[number];
      const viewId = await session.subscribe(
        subscription("A", intervalMs, { depth, resume, id: sequence ?? "" }),
      );
      viewIds.set(what.view, viewId);
      held.set(viewId, undefined);
    }
  }

  #reconnect(client: Client): void {
    for (const place of client.viewIds.keys()) this.#leave(client, place);
    Object.assign(client, this.rig.connect());
  }

  #leave(client: Client, place: number): void {
    const viewId = client.viewIds.get(place) ?? 0;
    const book = client.held.get(viewId);
    client.viewIds.delete(place);
    client.held.delete(viewId);
    if (book?.sequence !== undefined) {
      client.left.set(place, book.sequence);
      this.#kept.set(`${place}/${book.sequence}`, book.clone());
    }
  }

  #look(): void {
    for (const client of this.clients) {
      for (const message of client.consumer.take().flat()) this.#take(client, message);
      if (client.consumer.ended !== undefined) this.#reconnect(client);
    }
  }

  #take(client: Client, message: SeenMessage): void {
    const { type, viewId } = message as SeenMessage & { viewId: number };
    if (!client.held.has(viewId)) {
      this.faults.push(`${type} of view ${viewId}, which is not subscribed`);
      return;
    }
    const book = client.held.get(viewId);
    if (type === "subscribed") {
      if (book !== undefined) this.faults.push("subscribed twice");
      client.held.set(viewId, this.#begin(client, viewId, message));
      return;
    }
    if (book === undefined) this.faults.push(`${type} before subscribed`);
    else if (type === "heartbeat") this.#compare(viewId, book, String(message["sequence"]));
    else if (type === "snapshot" || type === "delta") {
      const fault = book.take(message);
      if (fault !== undefined) this.faults.push(fault);
      this.#compare(viewId, book, String(message["sequence"]));
    }
  }

  #begin(client: Client, viewId: number, message: SeenMessage): HeldView {
    if (message["resumed"] !== true) return new HeldView();
    const [place] = [...client.viewIds].find(([, id]) => id === viewId) ?? [];
    const before = this.#kept.get(`${place}/${String(message["id"])}`);
    if (before !== undefined) return before.clone();
    this.faults.push("resumed from nowhere");
    return new HeldView();
  }

  #compare(viewId: number, book: HeldView, sequence: string): void {
    const state = this.#states.get(sequence);
    const depth = Math.floor(viewId / 16) % (this.rig.flow.limits.depthMax + 1);
    if (state === undefined) this.faults.push(`${sequence} was never a state`);
    else {
      const expected = JSON.stringify({ bids: state.bids.slice(0, depth), asks: state.asks.slice(0, depth) });
      if (JSON.stringify(book.rows) !== expected) this.faults.push(`view ${viewId} is wrong at ${sequence}`);
    }
  }

  #remember(): void {
    const depth = createDepth(64);
    this.rig.flow.feed.read(1, 64, depth);
    const rows = ({ length, price, quantity, orderCount }: typeof depth.bids): Row[] =>
      Array.from({ length }, (_, level) => [
        ((price[level] ?? 0) / 100).toFixed(2),
        String(quantity[level]),
        orderCount[level] ?? 0,
      ]);
    this.#states.set(String(depth.sequence), { bids: rows(depth.bids), asks: rows(depth.asks) });
  }
}

it("every client holds the book of its sequence at all times, and the newest one in the end", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 80, size: "max" }), async (actions) => {
      const rig = await BroadcastRig.start([], LIMITS);
      await rig.define(instrument(""));
      const trial = new Trial(rig);
      for (const each of actions) await trial.act(each);
      await trial.converge();
      expect(trial.faults).toEqual([]);
      await trial.close();
    }),
    { numRuns: 400 },
  );
});
