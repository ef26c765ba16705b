import type { Consumer, ConsumerSession } from "../../broadcast/consumer.ts";
import type { BookSnapshot, SnapshotSource } from "../../broadcast/snapshot-reader.ts";
import type { InstrumentDirectory } from "../../book/instrument-directory.ts";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import { type Limits, SYMBOL_PATTERN } from "../../limits.ts";
import {
  type GetSnapshotRequest,
  type MarketDataService,
  type SubscribeRequest,
} from "../../protocol/gen/depthcast/v1/market_data_pb.ts";
import { encodeInstrument } from "../../protocol/instrument-codec.ts";
import { encodeSnapshot } from "../../protocol/proto-dialect.ts";
import { refusedField, type SubscriptionRequest, unknownSymbol } from "../../protocol/subscription.ts";
import { decodeSubscription } from "../../protocol/subscription-codec.ts";
import { numberFromWire } from "../../protocol/wide-numbers.ts";
import { createFramedResponses, type FramedResponses, GrpcConsumer } from "./grpc-consumer.ts";
import type { GrpcMetrics } from "./grpc-metrics.ts";
import type { ResponseStream } from "./response-stream.ts";
import type { CallContext, ServiceHandlers } from "./service-adapter.ts";

export interface MarketDataDeps {
  readonly limits: Limits;
  readonly connect: (consumer: Consumer) => ConsumerSession;
  readonly snapshots: SnapshotSource;
  readonly instruments: InstrumentDirectory;
  readonly metrics: GrpcMetrics;
}

/** The RPCs of PROTOCOL section 4. */
export function marketDataHandlers(deps: MarketDataDeps): ServiceHandlers<typeof MarketDataService> {
  const framedResponses = createFramedResponses();
  return {
    subscribe: (request, responses, call) => subscribe(deps, framedResponses, request, responses, call),
    getSnapshot: async (request, call) => {
      const snapshot = await deps.snapshots.read(snapshotRequest(request, deps.limits), call.signal);
      return {
        instrument: encodeInstrument(snapshot.instrument),
        snapshot: encodeSnapshot(snapshotContent(snapshot)),
      };
    },
    listInstruments: () =>
      Promise.resolve({
        instruments: deps.instruments.list().map(({ instrument }) => encodeInstrument(instrument)),
      }),
  };
}

/** Resolves when the call is over: the client cancels it, or the broadcaster cuts it off. */
async function subscribe(
  deps: MarketDataDeps,
  framedResponses: FramedResponses,
  request: SubscribeRequest,
  responses: ResponseStream,
  call: CallContext,
): Promise<void> {
  const requests = decodeSubscriptions(request, deps.limits);
  const { limits, metrics } = deps;
  const consumer = new GrpcConsumer({
    responses,
    framedResponses,
    responseBytesMax: limits.responseBytesMax,
    onBytesSent: (byteLength) => metrics.transport.bytesSent("grpc", byteLength),
  });
  const session = deps.connect(consumer);
  metrics.transport.consumerConnected("grpc");
  try {
    for (const [index, subscription] of requests.entries()) {
      await subscribeOne(session, subscription, index);
      if (call.signal.aborted) return;
    }
    consumer.open(session);
    await aborted(call.signal);
  } finally {
    session.close();
    metrics.transport.consumerDisconnected("grpc");
  }
}

function decodeSubscriptions(request: SubscribeRequest, limits: Limits): SubscriptionRequest[] {
  const { subscriptions } = request;
  const countMax = limits.subscriptionsPerConnectionMax;
  if (subscriptions.length === 0) throw refusedField("subscriptions", "must name at least one");
  if (subscriptions.length > countMax) {
    throw new DepthcastError(
      ErrorCode.resourceExhausted,
      `subscriptions: ${subscriptions.length} are over the limit of ${countMax} (subscriptionsPerConnectionMax)`,
      {
        field: "subscriptions",
        reason: "SUBSCRIPTIONS_PER_CONNECTION_MAX",
        metadata: { limit: String(countMax) },
      },
    );
  }
  return subscriptions.map((wire, index) => decodeSubscription(wire, limits, `subscriptions[${index}]`));
}

async function subscribeOne(
  session: ConsumerSession,
  request: SubscriptionRequest,
  index: number,
): Promise<void> {
  try {
    await session.subscribe(request);
  } catch (thrown) {
    const path = `subscriptions[${index}]`;
    if (!(thrown instanceof DepthcastError) || thrown.details.field?.startsWith(path)) throw thrown;
    const field = thrown.code === ErrorCode.notFound ? `${path}.symbol` : path;
    throw new DepthcastError(
      thrown.code,
      `${field}: ${thrown.message}`,
      { ...thrown.details, field },
      { cause: thrown },
    );
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function snapshotRequest(request: GetSnapshotRequest, limits: Limits) {
  const { symbol, epoch } = request;
  const depth = request.depth === 0 ? limits.depthDefault : request.depth;
  if (depth > limits.depthMax) {
    throw refusedField("depth", `${depth} is not within 0 to ${limits.depthMax} (depthMax)`);
  }
  if (!SYMBOL_PATTERN.test(symbol)) throw unknownSymbol(symbol, "symbol");
  return { symbol, depth, epoch, minSequence: numberFromWire(request.minSequence) };
}

function snapshotContent({ epoch, checksum, publishTimeUnixNanos, depth }: BookSnapshot) {
  return { epoch, checksum, publishTimeUnixNanos, ...depth };
}
