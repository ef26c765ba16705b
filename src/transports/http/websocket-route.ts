import type { FastifyInstance, FastifyRequest } from "fastify";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import type { Admission } from "../admission.ts";
import { createSharedFrames } from "./frame-layout.ts";
import { sendError } from "./http-errors.ts";
import type { OriginPolicy } from "./origin-policy.ts";
import { authorized } from "./rest-routes.ts";
import {
  SUBPROTOCOL_DEFAULT,
  SUBPROTOCOLS,
  WebSocketConnection,
  type WebSocketConnectionOptions,
} from "./websocket-connection.ts";

interface WebSocketRouteOptions extends WebSocketConnectionOptions {
  readonly admission: Admission;
  readonly origins: OriginPolicy;
  /** Where the open connections are kept, for sweeping and stopping. */
  readonly connections: Set<WebSocketConnection>;
  readonly isStopping: () => boolean;
}

/** Settings of `ws`. */
export function webSocketServerOptions(requestBytesMax: number) {
  return {
    // Deltas are small, and a compressor for each client is memory that a stranger decides about.
    perMessageDeflate: false,
    maxPayload: requestBytesMax,
    // A request is a few hundred bytes: who cuts one into more pieces means harm (closed with 1008).
    maxFragments: 256,
    maxBufferedChunks: 4096,
    // Pings are answered by the consumer, one at a time.
    autoPong: false,
    closeTimeout: 2000,
    clientTracking: true,
    handleProtocols: chooseSubprotocol,
  };
}

/** `GET /v1/ws`. Everything that can be refused is refused before the upgrade, with an HTTP answer. */
export function registerWebSocketRoute(app: FastifyInstance, options: WebSocketRouteOptions): void {
  const { admission, origins, connections, isStopping, logger } = options;
  const shared = { ...options, frames: createSharedFrames(options.limits.responseBytesMax) };
  app.route({
    method: "GET",
    url: "/v1/ws",
    exposeHeadRoute: false,
    preValidation: [
      authorized(admission, "market_data"),
      (request, _reply, done) => {
        try {
          checkUpgrade(request, origins, isStopping());
        } catch (thrown) {
          done(DepthcastError.from(thrown));
          return;
        }
        done();
      },
    ],
    handler: (_request, reply) => {
      void reply.header("upgrade", "websocket").header("connection", "upgrade");
      sendError(reply, 426, ErrorCode.invalidArgument, "this is a WebSocket: ask with an Upgrade header");
    },
    wsHandler: (socket, request) => {
      try {
        const connection: WebSocketConnection = new WebSocketConnection(
          socket,
          request.raw.socket,
          shared,
          () => connections.delete(connection),
        );
        connections.add(connection);
      } catch (thrown) {
        logger.warn({ err: thrown }, "a WebSocket could not be connected");
      }
    },
  });
}

function checkUpgrade(request: FastifyRequest, origins: OriginPolicy, isStopping: boolean): void {
  const { origin, host } = request.headers;
  origins.check(origin, host);
  if (isStopping) throw new DepthcastError(ErrorCode.unavailable, "the server stops: connect elsewhere");
  const asked = request.headers["sec-websocket-protocol"];
  if (!request.ws || asked === undefined) return;
  if (chooseSubprotocol(asked.split(",").map((name) => name.trim())) === false) {
    throw new DepthcastError(
      ErrorCode.invalidArgument,
      `sec-websocket-protocol: none of those asked for is known; use ${Object.keys(SUBPROTOCOLS).join(" or ")}, ` +
        `or none for ${SUBPROTOCOL_DEFAULT}`,
      { field: "sec-websocket-protocol" },
    );
  }
}

/** The first in the client's order that is known. */
function chooseSubprotocol(asked: Iterable<string>): string | false {
  for (const name of asked) {
    if (Object.hasOwn(SUBPROTOCOLS, name)) return name;
  }
  return false;
}
