import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Requests on one connection that may wait for their answers. No browser and hardly any library sends two. */
const PIPELINED_MAX = 16;

/**
 * Bounds pipelining. One read of a socket can bring fifteen hundred requests, and Node hands all of them
 * over in one go: 150 ms of work that nobody else gets a turn in.
 */
export class PipeliningGuard {
  readonly #waiting = new WeakMap<Socket, number>();

  /** Counts a request in. False = too many: the connection is destroyed, and nothing on it needs an answer. */
  admit(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request;
    if (socket.destroyed) return false;
    const waiting = (this.#waiting.get(socket) ?? 0) + 1;
    if (waiting > PIPELINED_MAX) {
      socket.destroy();
      return false;
    }
    this.#waiting.set(socket, waiting);
    response.once("close", () => this.#waiting.set(socket, (this.#waiting.get(socket) ?? 1) - 1));
    return true;
  }
}
