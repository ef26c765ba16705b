import type { Socket } from "node:net";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import type { Logger } from "../../observability/logger.ts";
import { httpStatus } from "./status.ts";

/** Every HTTP error leaves as `{"error":{"code","message"}}`, whoever raised it. */

export function sendError(reply: FastifyReply, status: number, code: ErrorCode, message: string): void {
  void reply
    .code(status)
    .header("content-type", "application/json; charset=utf-8")
    .header("x-content-type-options", "nosniff")
    .send(errorBody(code, message));
}

/** For `setErrorHandler` and `frameworkErrors`. */
export function errorHandler(logger: Logger) {
  return (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void => {
    if (error instanceof DepthcastError && error.code !== ErrorCode.internal) {
      sendError(reply, httpStatus(error.code), error.code, error.message);
      return;
    }
    const status = "statusCode" in error ? (error.statusCode ?? 500) : 500;
    if (status >= 400 && status < 500) {
      sendError(reply, status, ErrorCode.invalidArgument, error.message);
      return;
    }
    logger.error({ err: error, method: request.method }, "an HTTP request failed");
    sendError(reply, 500, ErrorCode.internal, "internal error");
  };
}

/** For what is not served: other paths, and other methods than GET. */
export function notFoundHandler(request: FastifyRequest, reply: FastifyReply): void {
  if (request.method !== "GET" && request.method !== "HEAD") {
    void reply.header("allow", "GET, HEAD, OPTIONS");
    sendError(reply, 405, ErrorCode.invalidArgument, "method: only GET, HEAD and OPTIONS are served");
    return;
  }
  sendError(reply, 404, ErrorCode.notFound, "there is nothing at this path");
}

/** What Node could not parse, or what took too long: answered where the socket still takes it. */
export function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = clientFaults[error.code ?? ""] ?? ["400 Bad Request", "not an HTTP request"];
  const body = errorBody(ErrorCode.invalidArgument, message);
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}

const clientFaults: Readonly<Record<string, readonly [status: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "the request's headers are too large"],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "the request did not arrive within handshakeTimeoutMs"],
};

function errorBody(code: ErrorCode, message: string): string {
  return JSON.stringify({ error: { code, message } });
}
