import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** WebSocket clients at the level of bytes, for what a proper client library would never send. */

const UPGRADE =
  "GET /v1/ws HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\nupgrade: websocket\r\n" +
  "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/** A TCP connection. Errors are ignored: most of these end badly by intention. */
export async function rawConnect(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}

/** An upgraded connection. It is paused: nothing is read but the upgrade's answer. */
export async function rawWebSocket(port: number, extraHeaders = ""): Promise<Socket> {
  const socket = await rawConnect(port);
  socket.write(`${UPGRADE}${extraHeaders}\r\n`);
  const [answer] = (await once(socket, "data")) as [Buffer];
  if (!answer.toString("latin1").startsWith("HTTP/1.1 101 "))
    throw new Error(`refused: ${answer.toString()}`);
  socket.pause();
  return socket;
}

/** The start of an upgrade whose headers never end. */
export const UNFINISHED_UPGRADE = UPGRADE;

interface RawFrame {
  readonly opcode: number;
  readonly payload?: Buffer | string;
  readonly final?: boolean;
  readonly masked?: boolean;
  readonly reservedBits?: number;
}

/** A frame of the client; the masking key is 0, so the payload stands as it is. */
export function rawFrame({
  opcode,
  payload = "",
  final = true,
  masked = true,
  reservedBits = 0,
}: RawFrame): Buffer {
  const body = Buffer.from(payload);
  const first = (final ? 0x80 : 0) | reservedBits | opcode;
  const mask = masked ? 0x80 : 0;
  const length =
    body.length < 126 ? [mask | body.length] : [mask | 126, body.length >>> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([first, ...length]), Buffer.alloc(masked ? 4 : 0), body]);
}

/** The code of the close frame in what a server sent, looking from the end. */
export function closeCodeIn(received: Buffer): number | undefined {
  for (let at = received.length - 4; at >= 0; at -= 1) {
    const length = received[at + 1] ?? 0;
    if (received[at] === 0x88 && length >= 2 && length < 126 && at + 2 + length === received.length) {
      return received.readUInt16BE(at + 2);
    }
  }
  return undefined;
}
