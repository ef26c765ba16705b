/** The server of depthcast, to be run within a program of one's own, and the engine's building blocks. */
export { BookState } from "./book/depth.ts";
export { CrossPolicy, type Instrument } from "./book/instrument.ts";
export { OrderAction, Side } from "./book/order-events.ts";
export { RejectReason } from "./book/rejection.ts";
export { type Clock, systemClock, type Timer } from "./clock.ts";
export type { BookIntegrity } from "./engine/engine.ts";
export type { BatchOutcome } from "./engine/ingest-batch.ts";
export type { EncodedBatch, IngestPort, IngestStream } from "./engine/ingest-port.ts";
export { DepthcastError, ErrorCode, type ErrorDetails } from "./errors.ts";
export { type Limits, LIMITS } from "./limits.ts";
export { MemoryLog } from "./log/memory-log.ts";
export type { LogConsumer, LogEntry, LogObserver, LogSubscription, OrderLog } from "./log/order-log.ts";
export { createLogger, type Logger, LogLevel, silentLogger } from "./observability/logger.ts";
export { createMetrics, type Metrics } from "./observability/metrics.ts";
export { openSqliteLog, type SqliteLogOptions } from "./runtime/threads/log-worker.ts";
export { type RunningServer, type ServerOptions, startServer } from "./runtime/server.ts";
export type { AccessRequest, Authorize } from "./transports/admission.ts";
