import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { WebSocket } from "ws";
import { LeanBooks } from "./lean-books.ts";
import { encodeMessage } from "./proto-files.ts";
import type { SoakConsumer } from "./soak-consumer.ts";
import type { FinalState } from "./soak-consumers.ts";
import type { SubscriptionOptions } from "./update.ts";
import { subscriptionToProto } from "./update-from-proto.ts";

/** Consumers that check every message at little cost: HTTP/2 or WebSocket, and `LeanBooks`. */
abstract class LeanConsumer implements SoakConsumer {
  protected readonly books = new LeanBooks();
  readonly #subscriptions: readonly SubscriptionOptions[];
  #failure: Error | undefined;

  constructor(subscriptions: readonly SubscriptionOptions[]) {
    this.#subscriptions = subscriptions;
  }

  abstract connect(onOpen: () => void): Promise<void>;
  abstract pause(): void;
  abstract resume(): void;

  isReady(): boolean {
    return this.books.ready === this.#subscriptions.length;
  }

  counters(): LeanBooks["counters"] {
    return this.books.counters;
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  behind(states: Readonly<Record<string, FinalState>>): number {
    const there = this.books.states().filter(({ symbol, exactUpTo, checksum }) => {
      const final = states[symbol];
      return final?.sequence === exactUpTo && final.checksum === checksum;
    });
    return this.#subscriptions.length - there.length;
  }

  /** What to ask for on a new connection. */
  protected subscriptions(): object[] {
    const positions = this.books.reconnect();
    return this.#subscriptions.map((wanted) => {
      const resume = positions.get(wanted.symbol);
      return subscriptionToProto(resume === undefined ? wanted : { ...wanted, resume });
    });
  }

  protected receive(take: () => void): void {
    if (this.#failure !== undefined) return;
    try {
      take();
    } catch (thrown) {
      this.#failure = thrown as Error;
    }
  }
}

const GRPC_HEADER_BYTES = 5;

export class LeanGrpcConsumer extends LeanConsumer {
  readonly #address: string;
  readonly #windowBytes: number;
  #stream: ClientHttp2Stream | undefined;

  /** @param windowBytes the HTTP/2 window of the stream: what the server may send before it is read */
  constructor(address: string, subscriptions: readonly SubscriptionOptions[], windowBytes: number) {
    super(subscriptions);
    this.#address = address;
    this.#windowBytes = windowBytes;
  }

  async connect(onOpen: () => void): Promise<void> {
    const session: ClientHttp2Session = connect(`http://${this.#address}`, {
      settings: { initialWindowSize: this.#windowBytes },
    });
    const { promise: over, resolve } = Promise.withResolvers<void>();
    session.on("error", () => {}); // 'close' follows
    session.on("close", resolve);
    const stream = session.request({
      ":method": "POST",
      ":path": "/depthcast.v1.MarketDataService/Subscribe",
      "content-type": "application/grpc+proto",
      te: "trailers",
    });
    this.#stream = stream;
    stream.on("response", onOpen);
    stream.on("error", () => {});
    stream.on("close", () => session.destroy());
    let rest: Buffer = Buffer.alloc(0);
    stream.on("data", (chunk: Buffer) => {
      this.receive(() => {
        rest = this.#takeMessages(rest.length === 0 ? chunk : Buffer.concat([rest, chunk]));
      });
    });
    const request = encodeMessage("depthcast.v1.SubscribeRequest", { subscriptions: this.subscriptions() });
    const header = Buffer.alloc(GRPC_HEADER_BYTES);
    header.writeUInt32BE(request.length, 1);
    stream.end(Buffer.concat([header, request]));
    await over;
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  #takeMessages(bytes: Buffer): Buffer {
    let at = 0;
    while (bytes.length - at >= GRPC_HEADER_BYTES) {
      const start = at + GRPC_HEADER_BYTES;
      const end = start + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      this.books.apply(bytes, start, end);
      at = end;
    }
    return bytes.subarray(at);
  }
}

export class LeanWebSocketConsumer extends LeanConsumer {
  readonly #url: string;
  #socket: WebSocket | undefined;

  constructor(httpUrl: string, subscriptions: readonly SubscriptionOptions[]) {
    super(subscriptions);
    this.#url = `${httpUrl.replace(/^http/, "ws")}/v1/ws`;
  }

  async connect(onOpen: () => void): Promise<void> {
    const socket = new WebSocket(this.#url, ["depthcast.v1.proto"], { perMessageDeflate: false });
    this.#socket = socket;
    const subscriptions = this.subscriptions();
    const { promise: over, resolve } = Promise.withResolvers<void>();
    socket.on("error", () => {}); // 'close' follows
    socket.on("close", () => resolve());
    socket.on("open", () => {
      onOpen();
      for (const subscribe of subscriptions) {
        socket.send(encodeMessage("depthcast.v1.WebSocketRequest", { subscribe }));
      }
    });
    socket.on("message", (frame: Buffer) => this.receive(() => this.#take(frame)));
    await over;
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** `WebSocketResponse.updates`: a tag, a length and a `SubscribeResponse`. */
  #take(frame: Buffer): void {
    if (frame[0] !== 0x0a) throw new Error(`a frame without updates: ${frame.toString("hex", 0, 60)}`);
    let at = 1;
    while ((frame[at] as number) >= 0x80) at += 1;
    this.books.apply(frame, at + 1, frame.length);
  }
}
