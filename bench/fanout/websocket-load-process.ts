import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { answerCommands } from "../support/child-process.ts";
import { clientFrame, FrameCounter } from "./frame-counter.ts";
import type { LoadCommands } from "./rival.ts";

/** Many WebSocket connections in one process that count what comes, and answer pings. */

export interface WebSocketLoadStart {
  readonly port: number;
  readonly path: string;
  readonly subprotocol?: string;
  readonly connections: number;
  /** Sent by each connection once it is open. */
  readonly requests: readonly { readonly opcode: 1 | 2; readonly payload: Uint8Array }[];
  /** Reads nothing once the requests are sent, as a client that has stalled. */
  readonly stalled?: boolean;
}

const PONG = 10;
const READ_BUFFER_BYTES = 256 * 1024;
const HANDSHAKES_AT_ONCE = 50;

answerCommands<LoadCommands>(async (start: WebSocketLoadStart) => {
  const counters: FrameCounter[] = [];
  // All sockets read into one buffer, one after the other.
  const buffer = Buffer.alloc(READ_BUFFER_BYTES);
  let bytes = 0;
  const onBytes = (count: number): void => {
    bytes += count;
  };
  for (let opened = 0; opened < start.connections; opened += HANDSHAKES_AT_ONCE) {
    const wave = Math.min(HANDSHAKES_AT_ONCE, start.connections - opened);
    const opening = Array.from({ length: wave }, () => open(start, buffer, onBytes));
    counters.push(...(await Promise.all(opening)));
  }
  return {
    counts: () =>
      Promise.resolve({ bytes, frames: counters.reduce((sum, { dataFrames }) => sum + dataFrames, 0) }),
  };
});

async function open(
  start: WebSocketLoadStart,
  buffer: Buffer,
  onBytes: (count: number) => void,
): Promise<FrameCounter> {
  const counter = new FrameCounter((payload) => socket.write(clientFrame(PONG, payload)));
  const { promise: upgraded, resolve } = Promise.withResolvers<void>();
  let head = "";
  const callback = (count: number, shared: Uint8Array): boolean => {
    const bytes = shared.subarray(0, count);
    onBytes(count);
    if (head.endsWith("\r\n\r\n")) {
      counter.take(bytes);
      return true;
    }
    const text = Buffer.from(bytes).toString("latin1");
    const end = (head + text).indexOf("\r\n\r\n");
    if (end < 0) {
      head += text;
      return true;
    }
    const headBytes = end + 4 - head.length;
    head = (head + text).slice(0, end + 4);
    if (!head.startsWith("HTTP/1.1 101")) throw new Error(`no upgrade: ${head}`);
    counter.take(bytes.subarray(headBytes));
    resolve();
    return true;
  };
  const socket: Socket = connect({ port: start.port, host: "127.0.0.1", onread: { buffer, callback } });
  await once(socket, "connect");
  const subprotocol =
    start.subprotocol === undefined ? "" : `Sec-WebSocket-Protocol: ${start.subprotocol}\r\n`;
  socket.write(
    `GET ${start.path} HTTP/1.1\r\nHost: 127.0.0.1:${start.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ZGVwdGhjYXN0LWJlbmNobQ==\r\n${subprotocol}\r\n`,
  );
  await upgraded;
  for (const { opcode, payload } of start.requests) socket.write(clientFrame(opcode, payload));
  if (start.stalled === true) socket.pause();
  return counter;
}
