import type { Http2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { DepthcastError } from "../../errors.ts";
import type { ConnectionLease } from "../admission.ts";

/** How far a call has come, for the deadlines that a stranger's client does not set. */
export interface OpenStream {
  readonly connection: Connection;
  readonly http2: ServerHttp2Stream;
  readonly openedMs: number;
  /** Its requests may be compressed. */
  readonly isEncoded: boolean;
  /** The single request is whole, or the request stream has begun. */
  requestComplete: boolean;
  /** When everything was said; undefined while the call runs. */
  answeredMs: number | undefined;
}

/** One gRPC connection, from the accepted socket to its end. */
export interface Connection {
  readonly socket: Socket;
  readonly lease: ConnectionLease | undefined;
  /** Why its calls are refused: it is over the limit, and was let in to be told. */
  readonly refusal: DepthcastError | undefined;
  readonly acceptedMs: number;
  /** Known from the first request on. */
  session: Http2Session | undefined;
  openStreams: number;
  /** Since when nothing is open. */
  idleSinceMs: number;
  /** Control frames since the last look at it. */
  controlFrames: number;
  wideWindow: boolean;
}
