import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it, onTestFinished } from "vitest";
import { connect } from "../../src/client/connect-node.ts";
import type { ClientEvent } from "../../src/client/client-events.ts";
import type { LiveBook } from "../../src/client/live-book.ts";
import { SubscribeResponseSchema } from "../../src/protocol/gen/depthcast/v1/market_data_pb.ts";
import { eventually } from "../support/eventually.ts";
import { type Faults, grpcFaultProxy, webSocketFaultProxy } from "../support/fault-proxy.ts";
import { addOrder, testBatch, testInstrument } from "../support/flow-rig.ts";
import type { MessageSink } from "../support/message-faults.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";

/** What of a view is made unreadable. */
type Damaged = "subscribed" | "snapshot" | "delta";

const BROKEN_SYMBOL = "A";
/** No client can hold it exactly: beyond 2^53 − 1. */
const TOO_LARGE = 2n ** 60n;

/** Makes one kind of message of symbol A unreadable, as long as `damaging` says which. */
class ViewBreaker implements Faults {
  damaging: Damaged | undefined;
  damaged = 0;
  readonly #breakMessage: (message: Buffer, kind: Damaged) => Buffer | undefined;

  constructor(breakMessage: (message: Buffer, kind: Damaged) => Buffer | undefined) {
    this.#breakMessage = breakMessage;
  }

  way(sink: MessageSink): (message: Buffer) => void {
    return (message) => {
      const broken = this.damaging && this.#breakMessage(message, this.damaging);
      if (broken !== undefined) this.damaged += 1;
      sink.send(broken ?? message);
    };
  }
}

function breakFrame(message: Buffer, kind: Damaged): Buffer | undefined {
  const text = message.toString();
  if (!text.includes(`"type":"${kind}"`) || !text.includes(`"symbol":"${BROKEN_SYMBOL}"`)) return undefined;
  return Buffer.from(
    kind === "subscribed"
      ? text.replace(/"priceScale":\d+/, '"priceScale":"?"')
      : text.replace(/\[\["/, '[["?'),
  );
}

function breakResponse(message: Buffer, kind: Damaged): Buffer | undefined {
  const response = fromBinary(SubscribeResponseSchema, message);
  const broken = response.updates.find(
    ({ symbol, event }) => symbol === BROKEN_SYMBOL && event.case === kind,
  )?.event;
  if (broken?.case === "subscribed") broken.value.instrument = undefined;
  else if (broken?.case === "snapshot" || broken?.case === "delta") broken.value.sequence = TOO_LARGE;
  else return undefined;
  return Buffer.from(toBinary(SubscribeResponseSchema, response));
}

const ways = {
  WebSocket: {
    breakMessage: breakFrame,
    open: (server: TestServer, faults: Faults) =>
      webSocketFaultProxy(server.httpUrl.replace("http://", ""), faults),
  },
  gRPC: {
    breakMessage: breakResponse,
    open: (server: TestServer, faults: Faults) => grpcFaultProxy(server.grpcAddress, faults),
  },
};

async function bid(server: TestServer, symbol: string, price: number): Promise<void> {
  const stream = server.running.ingest.openStream(() => {});
  await stream.submit(testBatch(symbol, [addOrder(1, price, 7)]));
  stream.close();
}

/** Every status that a book has from now on. */
function statuses(book: LiveBook): string[] {
  const seen: string[] = [];
  void (async () => {
    for await (const { status } of book) seen.push(status);
  })();
  return seen;
}

describe.each(Object.entries(ways))("over %s, an unreadable message of one view", (_name, way) => {
  it.each(["delta", "snapshot", "subscribed"] as const)(
    "(a %s) has that view asked for anew, and touches no other",
    async (kind) => {
      const server = await startTestServer({
        instruments: [testInstrument("A"), testInstrument("B")],
        limits: { heartbeatIntervalMs: 10_000 },
      });
      const breaker = new ViewBreaker(way.breakMessage);
      const client = connect(await way.open(server, breaker), {
        backoff: { firstDelayMs: 5, delayMaxMs: 50 },
      });
      onTestFinished(() => client.close());
      const events: ClientEvent[] = [];
      void (async () => {
        for await (const event of client.events()) events.push(event);
      })();
      await bid(server, "A", 100);
      const other = await client.watch("B", { intervalMs: 0 });
      const ofOther = statuses(other);

      if (kind !== "delta") breaker.damaging = kind;
      const watching = client.watch("A", { intervalMs: 0 });
      if (kind !== "delta") await eventually(() => breaker.damaged >= 3);
      else {
        await watching;
        breaker.damaging = kind;
        await bid(server, "A", 101);
        await eventually(() => breaker.damaged >= 1);
      }
      await bid(server, "B", 200);
      await eventually(() => other.bids.length === 1);
      breaker.damaging = undefined;

      const book = await watching;
      await bid(server, "A", 102);
      await eventually(() => book.status === "live" && book.bestBid?.price.mantissa === 102);
      expect(book.bids).toHaveLength(kind === "delta" ? 3 : 2);
      expect(new Set(ofOther)).toEqual(new Set(["live"]));
      expect(events.filter(({ type }) => type === "disconnected")).toEqual([]);
      expect(events.filter(({ type }) => type === "resync")).toHaveLength(breaker.damaged);
      expect(events.find(({ type }) => type === "resync")).toMatchObject({
        symbol: "A",
        breach: "malformed",
      });
    },
  );
});
