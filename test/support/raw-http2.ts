import { connect, type Socket } from "node:net";

/**
 * HTTP/2 frames written by hand, for what no client library would send. Only what the hostile tests need.
 */

const FrameType = {
  data: 0,
  headers: 1,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  continuation: 9,
} as const;

const END_STREAM = 0x1;
const END_HEADERS = 0x4;

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** A header field as a literal without indexing, as HPACK allows for any. */
function headerField(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0]), hpackText(name), hpackText(value)]);
}

function hpackText(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  const length: number[] = [];
  if (bytes.length < 127) length.push(bytes.length);
  else {
    length.push(127);
    let rest = bytes.length - 127;
    while (rest >= 128) {
      length.push((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    length.push(rest);
  }
  return Buffer.concat([Buffer.from(length), bytes]);
}

function requestHeaders(path: string): Buffer {
  const fields = { ":method": "POST", ":scheme": "http", ":path": path, ":authority": "x" };
  const all = { ...fields, "content-type": "application/grpc", te: "trailers" };
  return Buffer.concat(Object.entries(all).map(([name, value]) => headerField(name, value)));
}

export const frames = {
  preface: Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frame(4, 0, 0, Buffer.alloc(0))]),
  headers: (stream: number, path: string) =>
    frame(FrameType.headers, END_HEADERS, stream, requestHeaders(path)),
  /** Headers that another frame has to end. */
  openHeaders: (stream: number, path: string) => frame(FrameType.headers, 0, stream, requestHeaders(path)),
  continuation: (stream: number, name: string, value: string) =>
    frame(FrameType.continuation, 0, stream, headerField(name, value)),
  lastContinuation: (stream: number, name: string, value: string) =>
    frame(FrameType.continuation, END_HEADERS, stream, headerField(name, value)),
  data: (stream: number, payload: Uint8Array) => frame(FrameType.data, 0, stream, payload),
  end: (stream: number) => frame(FrameType.data, END_STREAM, stream, Buffer.alloc(0)),
  reset: (stream: number) => frame(FrameType.rstStream, 0, stream, Buffer.from([0, 0, 0, 8])),
  ping: () => frame(FrameType.ping, 0, 0, Buffer.alloc(8)),
  settings: () => frame(FrameType.settings, 0, 0, Buffer.from([0, 4, 0, 1, 0, 0])),
};

/** A plain connection that knows when the server has closed it. */
export class RawConnection {
  readonly socket: Socket;
  #closed = false;
  bytesReceived = 0;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("close", () => (this.#closed = true));
    socket.on("end", () => (this.#closed = true));
  }

  static async open(address: string): Promise<RawConnection> {
    const [host, port] = address.split(":") as [string, string];
    const socket = connect(Number(port), host);
    const connection = new RawConnection(socket);
    await new Promise<void>((resolve) => {
      socket.once("connect", resolve);
      socket.once("close", resolve);
    });
    return connection;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Takes what the server sends, and drops it. */
  read(): this {
    this.socket.on("data", (data) => {
      this.bytesReceived += data.length;
    });
    return this;
  }

  /** Resolves when the kernel has taken the bytes, or the connection is closed. */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#closed) return;
    if (this.socket.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        this.socket.off("drain", done).off("close", done);
        resolve();
      };
      this.socket.on("drain", done).on("close", done);
    });
  }

  destroy(): void {
    this.socket.destroy();
  }
}
