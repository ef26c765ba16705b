import { describe, expect, it } from "vitest";
import { Bystanders } from "../support/bystanders.ts";
import { eventually } from "../support/eventually.ts";
import type { FailureDetail, GrpcFailure } from "../support/grpc-failure.ts";
import { startTestServer, type TestServer } from "../support/start-server.ts";
import { connectGrpc } from "../support/test-client.ts";
import type { SubscriptionOptions } from "../support/update.ts";
import { WebSocketClient } from "../support/websocket-client.ts";

/**
 * Each rule of a subscription, broken once on each transport: the error is the documented one, and
 * consumers beside it notice nothing.
 */

const symbol = "HEALTHY"; // the one that the bystanders define

interface Rule {
  readonly name: string;
  /** The last one is the one to be refused. */
  readonly subscriptions: readonly SubscriptionOptions[];
  readonly code: string;
  /** What the message has to name. */
  readonly message: RegExp;
}

const several = (count: number): SubscriptionOptions[] =>
  Array.from({ length: count }, (_, index) => ({ symbol, depth: index + 1, intervalMs: 5000 }));

const rules: readonly Rule[] = [
  { name: "an unknown symbol", subscriptions: [{ symbol: "NOPE" }], code: "NOT_FOUND", message: /NOPE/ },
  {
    name: "a depth over the limit",
    subscriptions: [{ symbol, depth: 1001 }],
    code: "INVALID_ARGUMENT",
    message: /depth.*1000/,
  },
  {
    name: "the largest depth on the wire",
    subscriptions: [{ symbol, depth: 0xffff_ffff }],
    code: "INVALID_ARGUMENT",
    message: /depth/,
  },
  {
    name: "an interval that is not on the list",
    subscriptions: [{ symbol, intervalMs: 30 }],
    code: "INVALID_ARGUMENT",
    message: /interval/i,
  },
  {
    name: "an id that is too long",
    subscriptions: [{ symbol, id: "x".repeat(65) }],
    code: "INVALID_ARGUMENT",
    message: /id.*64/,
  },
  {
    name: "the same subscription twice",
    subscriptions: [
      { symbol, depth: 5 },
      { symbol, depth: 5 },
    ],
    code: "ALREADY_EXISTS",
    message: /HEALTHY/,
  },
  {
    name: "the same subscription twice, once by its defaults",
    subscriptions: [{ symbol }, { symbol, depth: 20, intervalMs: 50 }],
    code: "ALREADY_EXISTS",
    message: /HEALTHY/,
  },
  {
    name: "too many subscriptions",
    subscriptions: several(5),
    code: "RESOURCE_EXHAUSTED",
    message: /4/,
  },
];

async function start(): Promise<{ server: TestServer; bystanders: Bystanders }> {
  const server = await startTestServer({ limits: { subscriptionsPerConnectionMax: 4 } });
  return { server, bystanders: await Bystanders.start(server) };
}

describe("over grpc", () => {
  it.each(rules)("$name", async ({ subscriptions, code, message }) => {
    const { server, bystanders } = await start();
    const call = connectGrpc(server).subscribe(subscriptions);
    const failure = await call.ended.catch((thrown: GrpcFailure) => thrown);
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) as string });
    const types = (failure as GrpcFailure).details.map((detail: FailureDetail) => detail.type);
    expect(types.length).toBeGreaterThan(0);
    for (const type of types) expect(["BadRequest", "ErrorInfo"]).toContain(type);
    await bystanders.check();
  });

  it("no subscription at all", async () => {
    const { server, bystanders } = await start();
    const call = connectGrpc(server).subscribe([]);
    await expect(call.ended).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
    await bystanders.check();
  });

  it("GetSnapshot of an unknown symbol, at a depth over the limit, of another epoch", async () => {
    const { server, bystanders } = await start();
    const client = connectGrpc(server);
    await expect(client.getSnapshot({ symbol: "NOPE" })).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(client.getSnapshot({ symbol, depth: 1001 })).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await expect(client.getSnapshot({ symbol, epoch: "7" })).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
    });
    await expect(client.getSnapshot({ symbol, minSequence: 1000 }, 200)).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
    await bystanders.check();
  });
});

describe.each(["json", "proto"] as const)("over WebSocket %s", (dialect) => {
  it.each(rules)("$name", async ({ subscriptions, code, message }) => {
    const { server, bystanders } = await start();
    const client = await WebSocketClient.connect(server.httpUrl, dialect);
    const named = subscriptions.map((subscription, index) => ({ id: `s${index}`, ...subscription }));
    for (const subscription of named) client.subscribe(subscription);
    await client.barrier();
    expect(client.errors).toHaveLength(1);
    expect(client.errors[0]).toMatchObject({
      code: code.toLowerCase(),
      message: expect.stringMatching(message) as string,
    });
    const { id } = named.at(-1) as { id: string };
    expect(client.errors[0]?.id).toBe(id.length <= 64 ? id : client.errors[0]?.id);
    // The connection lives on, and what was accepted is served.
    await eventually(() => client.books.all().length === subscriptions.length - 1);
    await eventually(() => client.books.all().every((book) => book.ready));
    await client.close();
    await bystanders.check();
  });

  it("an unsubscription of what is not subscribed is an error, and the connection lives on", async () => {
    const { server, bystanders } = await start();
    const client = await WebSocketClient.connect(server.httpUrl, dialect);
    client.unsubscribe(77);
    await client.barrier();
    expect(client.errors).toHaveLength(1);
    expect(client.unsubscribed).toEqual([]);
    await client.close();
    await bystanders.check();
  });

  it("garbage closes with 1007, and what is too large with 1009", async () => {
    const { server, bystanders } = await start();
    const garbage = await WebSocketClient.connect(server.httpUrl, dialect);
    garbage.sendRaw(dialect === "json" ? "{nonsense" : Buffer.from([0x0a, 0xff, 0xff, 0xff]));
    expect(await garbage.closed).toMatchObject({ code: 1007 });
    const large = await WebSocketClient.connect(server.httpUrl, dialect);
    large.sendRaw(dialect === "json" ? " ".repeat(70_000) : Buffer.alloc(70_000));
    expect(await large.closed).toMatchObject({ code: 1009 });
    const notText = await WebSocketClient.connect(server.httpUrl, dialect);
    notText.sendRaw(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: dialect === "proto" });
    expect(await notText.closed).toMatchObject({ code: 1007 });
    await bystanders.check();
  });
});
