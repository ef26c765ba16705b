import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { SnapshotSource } from "../../broadcast/snapshot-reader.ts";
import type { InstrumentDirectory } from "../../book/instrument-directory.ts";
import { DepthcastError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Readiness } from "../../observability/health.ts";
import { instrumentJson, jsonDialect } from "../../protocol/json-dialect.ts";
import { refusedField } from "../../protocol/subscription.ts";
import type { Admission } from "../admission.ts";
import type { OriginPolicy } from "./origin-policy.ts";
import { singleFlight } from "./single-flight.ts";

/** What `checkIntegrity` found in one book; no faults = it is sound. */
export interface BookFaults {
  readonly symbol: string;
  readonly faults: readonly string[];
}

/** Checks every book. */
export type IntegrityCheck = () => readonly BookFaults[] | Promise<readonly BookFaults[]>;

export interface RestOptions {
  readonly limits: Limits;
  readonly admission: Admission;
  readonly origins: OriginPolicy;
  readonly snapshots: SnapshotSource;
  readonly instruments: InstrumentDirectory;
  readonly metricsText: () => Promise<string>;
  readonly readiness: () => Readiness;
  readonly integrity: IntegrityCheck | undefined;
}

const JSON_TYPE = "application/json; charset=utf-8";

/** Everything that is plain HTTP: reading books and instruments, health, metrics. */
export function registerRestRoutes(app: FastifyInstance, options: RestOptions): void {
  const { limits, admission, origins, snapshots, instruments, metricsText, readiness, integrity } = options;

  const readable = (request: FastifyRequest, reply: FastifyReply, done: () => void) => {
    allowOrigin(origins, request, reply);
    done();
  };
  const marketData = [readable, authorized(admission, "market_data")];

  app.get("/v1/instruments", { onRequest: marketData }, (_request, reply) => {
    const list = instruments.list().map((listed) => instrumentJson(listed.instrument));
    return sendText(reply, JSON_TYPE, `{"instruments":[${list.join(",")}]}`);
  });

  app.get<{ Params: { symbol: string }; Querystring: Record<string, unknown> }>(
    "/v1/book/:symbol",
    { onRequest: marketData },
    async (request, reply) => {
      const depth = readDepth(request.query["depth"], limits);
      const symbol = request.params.symbol;
      const body = await readBook(snapshots, symbol, depth, request);
      return sendText(reply, JSON_TYPE, body);
    },
  );

  app.get("/healthz", (_request, reply) => sendText(reply, JSON_TYPE, '{"status":"ok"}'));

  app.get("/readyz", (_request, reply) => {
    const { ready, reasons } = readiness();
    return sendText(reply.code(ready ? 200 : 503), JSON_TYPE, JSON.stringify({ ready, reasons }));
  });

  const sharedMetrics = singleFlight(metricsText);
  app.get("/metrics", async (_request, reply) =>
    sendText(reply, "text/plain; version=0.0.4; charset=utf-8", await sharedMetrics()),
  );

  if (integrity !== undefined) {
    // Every book is recomputed: however many ask, it runs once at a time.
    const sharedIntegrity = singleFlight(async () => integrity());
    app.get("/debug/integrity", { onRequest: authorized(admission, "debug") }, async (_request, reply) => {
      const books = await sharedIntegrity();
      const ok = books.every((book) => book.faults.length === 0);
      return sendText(reply.code(ok ? 200 : 500), JSON_TYPE, JSON.stringify({ ok, books }));
    });
  }

  app.options("/v1/*", (request, reply) => {
    allowOrigin(origins, request, reply);
    void reply.header("access-control-allow-methods", "GET, HEAD");
    void reply.header("access-control-allow-headers", "authorization");
    return reply.code(204).send();
  });
}

/** @throws DepthcastError what Admission decides. */
export function authorized(admission: Admission, operation: "market_data" | "debug") {
  return (request: FastifyRequest, _reply: FastifyReply, done: (error?: Error) => void): void => {
    try {
      admission.authorize({
        transport: "http",
        operation,
        credential: request.headers.authorization,
        remoteAddress: request.ip,
      });
    } catch (thrown) {
      done(DepthcastError.from(thrown));
      return;
    }
    done();
  };
}

/** Lets pages read the answer that may also open a WebSocket; others are stopped by their browser. */
function allowOrigin(origins: OriginPolicy, request: FastifyRequest, reply: FastifyReply): void {
  const { origin, host } = request.headers;
  void reply.header("vary", "Origin");
  if (origin === undefined || !origins.allows(origin, host)) return;
  void reply.header("access-control-allow-origin", origin);
}

async function readBook(
  snapshots: SnapshotSource,
  symbol: string,
  depth: number,
  request: FastifyRequest,
): Promise<string> {
  const gone = new AbortController();
  const onClose = () => gone.abort();
  request.raw.socket.once("close", onClose);
  try {
    const book = await snapshots.read({ symbol, depth, minSequence: 0, epoch: 0n }, gone.signal);
    const { instrument, epoch, checksum, publishTimeUnixNanos } = book;
    const piece = jsonDialect.snapshot(
      { viewId: 0, instrument, depth, intervalMs: 0 },
      { ...book.depth, epoch, checksum, publishTimeUnixNanos },
    );
    return Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength).toString();
  } finally {
    request.raw.socket.off("close", onClose);
  }
}

function readDepth(text: unknown, limits: Limits): number {
  if (text === undefined) return limits.depthDefault;
  const depth = typeof text === "string" && /^[0-9]{1,9}$/.test(text) ? Number(text) : -1;
  if (depth === 0) return limits.depthDefault;
  if (depth < 0 || depth > limits.depthMax) {
    throw refusedField("depth", `must be a whole number from 0 to ${limits.depthMax} (depthMax)`);
  }
  return depth;
}

function sendText(reply: FastifyReply, type: string, body: string): FastifyReply {
  void reply.header("content-type", type);
  void reply.header("cache-control", "no-store");
  void reply.header("x-content-type-options", "nosniff");
  return reply.send(body);
}
