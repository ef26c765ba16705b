/** Client side of depthcast: books that are kept from a server's updates, and producers' streams. */
export { BookState } from "../book/depth.ts";
export { CrossPolicy, type Instrument } from "../book/instrument.ts";
export { OrderAction, Side } from "../book/order-events.ts";
export { RejectReason } from "../book/rejection.ts";
export { DepthcastError, ErrorCode, type ErrorDetails } from "../errors.ts";
export { INTERVALS_MS, type IntervalMs } from "../limits.ts";
export { formatDecimal, parseDecimal } from "../protocol/decimal.ts";
export { NoticeCode } from "../protocol/update-encoder.ts";
export { Amount } from "./amount.ts";
export type { BackoffOptions } from "./backoff.ts";
export { type ApplyVerdict, type BookPhase, Breach, ClientBook } from "./client-book.ts";
export type { ClientEvent } from "./client-events.ts";
export { connect } from "./connect-node.ts";
export { GrpcClient, type InstrumentSnapshot, type SnapshotOptions } from "./grpc-client.ts";
export { GrpcConnection } from "./grpc-connection.ts";
export type { ProducerEvent } from "./ingest-batch-writer.ts";
export { IngestStream, type IngestStreamOptions } from "./ingest-stream.ts";
export type { IngestTotals } from "./ingest-tally.ts";
export type { BookChange, BookLevel, BookStatus, LiveBook } from "./live-book.ts";
export type { ClientOptions, MarketClient, WatchOptions } from "./market-client.ts";
export type { MarketDataConnection } from "./market-data-connection.ts";
export type {
  BookPosition,
  BookUpdate,
  DeltaUpdate,
  HeartbeatUpdate,
  MalformedUpdate,
  MarketSubscription,
  MarketUpdate,
  NoticeUpdate,
  PriceLevel,
  RefusedUpdate,
  SnapshotUpdate,
  SubscribedUpdate,
} from "./market-update.ts";
export type { NodeClient } from "./node-client.ts";
export type { InstrumentDefinition, SymbolProducerOptions } from "./producer/open-symbol-producer.ts";
export { Producer } from "./producer/producer.ts";
export type { ProducerOptions, ProducerStatus, ProducerTotals } from "./producer/producer-options.ts";
export type { RejectedEvent } from "./producer/rejected-event.ts";
export type {
  NewOrder,
  OrderChange,
  OrderId,
  OrderPrice,
  OrderQuantity,
  Rejection,
  SymbolProducer,
} from "./producer/symbol-producer.ts";
export { WebSocketConnection } from "./websocket-connection.ts";
