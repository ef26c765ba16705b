import { DepthcastError, ErrorCode } from "../errors.ts";
import type { Limits } from "../limits.ts";

/**
 * The one place at the edge where connections are counted and where credentials will be asked for. Both
 * transports go through it before anything of a stranger's is looked at.
 */

export type Transport = "grpc" | "http";

/** What a request wants to do, for whoever decides about it. */
export interface AccessRequest {
  readonly transport: Transport;
  readonly operation: "ingest" | "define" | "market_data" | "debug";
  /** The value of the `authorization` header or metadata, if there was one. Never logged. */
  readonly credential: string | undefined;
  readonly remoteAddress: string;
}

/** Decides about an access. Throws DepthcastError `unauthenticated` or `permission_denied` to refuse. */
export type Authorize = (request: AccessRequest) => void;

/** Everybody may do everything: the server listens on loopback unless told otherwise. */
export const authorizeAll: Authorize = () => {};

/** A connection that is counted. Releasing twice does nothing. */
export interface ConnectionLease {
  release(): void;
}

export class Admission {
  readonly #limits: Limits;
  readonly #connections: Record<Transport, number> = { grpc: 0, http: 0 };
  readonly authorize: Authorize;

  constructor(limits: Limits, authorize: Authorize = authorizeAll) {
    this.#limits = limits;
    this.authorize = authorize;
  }

  connections(transport: Transport): number {
    return this.#connections[transport];
  }

  /** Counts a connection in. @throws DepthcastError `resource_exhausted` over the limit. */
  connect(transport: Transport): ConnectionLease {
    const limit = this.#limits.connectionsMax;
    if (this.#connections[transport] >= limit) {
      throw new DepthcastError(
        ErrorCode.resourceExhausted,
        `too many connections: at most ${limit} (connectionsMax)`,
        {
          reason: "CONNECTIONS_MAX",
          metadata: { limit: String(limit) },
        },
      );
    }
    this.#connections[transport] += 1;
    let held = true;
    return {
      release: () => {
        if (held) this.#connections[transport] -= 1;
        held = false;
      },
    };
  }
}
