import { ErrorCode } from "../../errors.ts";

/** How errors show on HTTP and on the WebSocket: one table each. */

const httpStatuses: { readonly [Code in ErrorCode]: number } = {
  [ErrorCode.invalidArgument]: 400,
  [ErrorCode.notFound]: 404,
  [ErrorCode.alreadyExists]: 409,
  [ErrorCode.failedPrecondition]: 412,
  [ErrorCode.resourceExhausted]: 429,
  [ErrorCode.aborted]: 409,
  [ErrorCode.unauthenticated]: 401,
  [ErrorCode.permissionDenied]: 403,
  [ErrorCode.unavailable]: 503,
  [ErrorCode.deadlineExceeded]: 504,
  [ErrorCode.internal]: 500,
};

/** The WebSocket bridge has a shorter list of codes: what it lacks becomes the next of kin. */
const webSocketCodes: { readonly [Code in ErrorCode]: string } = {
  [ErrorCode.invalidArgument]: "invalid_argument",
  [ErrorCode.notFound]: "not_found",
  [ErrorCode.alreadyExists]: "already_exists",
  [ErrorCode.failedPrecondition]: "invalid_argument",
  [ErrorCode.resourceExhausted]: "resource_exhausted",
  [ErrorCode.aborted]: "unavailable",
  [ErrorCode.unauthenticated]: "unauthenticated",
  [ErrorCode.permissionDenied]: "permission_denied",
  [ErrorCode.unavailable]: "unavailable",
  [ErrorCode.deadlineExceeded]: "unavailable",
  [ErrorCode.internal]: "internal",
};

/** Close codes of the WebSocket bridge. `ws` itself closes with 1007, 1008 and 1009 where a frame asks for it. */
export const CloseCode = {
  /** Idle, or asked for by the client. */
  normal: 1000,
  /** The server stops. */
  goingAway: 1001,
  /** Not of the dialect: no JSON, no WebSocketRequest, or the wrong kind of frame. */
  malformed: 1007,
  internal: 1011,
  slowConsumer: 4008,
} as const;
export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];

/** How a consumer that the server gives up is told, by the reason. */
const closeCodes: Partial<Record<ErrorCode, CloseCode>> = {
  [ErrorCode.resourceExhausted]: CloseCode.slowConsumer,
  [ErrorCode.unavailable]: CloseCode.goingAway,
};

export function httpStatus(code: ErrorCode): number {
  return httpStatuses[code];
}

export function webSocketErrorCode(code: ErrorCode): string {
  return webSocketCodes[code];
}

export function closeCode(code: ErrorCode): CloseCode {
  return closeCodes[code] ?? CloseCode.internal;
}
