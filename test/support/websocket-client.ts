import { WebSocket } from "ws";
import { BookSet } from "./book-set.ts";
import { eventually } from "./eventually.ts";
import { decodeMessage, encodeMessage } from "./proto-files.ts";
import type { ReferenceBook } from "./reference-book.ts";
import type { ReceivedInstrument, SubscriptionOptions, Update } from "./update.ts";
import { isUpdateType, updateFromJson } from "./update-from-json.ts";
import { type RawUpdate, subscriptionToProto, updateFromProto } from "./update-from-proto.ts";

/**
 * A WebSocket client as a stranger would write it, in both dialects, on the `ws` package. Answers the
 * server's pings as every browser does.
 */

export type WebSocketDialect = "json" | "proto";

export interface WebSocketFailure {
  readonly id: string;
  readonly code: string;
  readonly message: string;
}

interface ProtoResponse {
  readonly message?: string;
  readonly updates?: { readonly updates: RawUpdate[] };
  readonly unsubscribed?: { readonly viewId: number };
  readonly error?: WebSocketFailure;
  readonly pong?: object;
}

export class WebSocketClient {
  readonly #socket: WebSocket;
  readonly dialect: WebSocketDialect;
  readonly books: BookSet;
  readonly errors: WebSocketFailure[] = [];
  readonly unsubscribed: number[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  isOver = false;
  pongs = 0;
  frames = 0;
  readonly #instruments = new Map<number, ReceivedInstrument>();

  private constructor(
    socket: WebSocket,
    dialect: WebSocketDialect,
    onUpdate: ((update: Update, book: ReferenceBook) => void) | undefined,
  ) {
    this.#socket = socket;
    this.dialect = dialect;
    this.books = new BookSet(onUpdate);
    this.closed = new Promise((resolve) => {
      socket.on("close", (code, reason) => {
        this.isOver = true;
        resolve({ code, reason: reason.toString() });
      });
    });
    socket.on("error", () => {}); // 'close' follows and tells the code
    socket.on("message", (data: Buffer, isBinary) => {
      this.frames += 1;
      try {
        if (isBinary !== (dialect === "proto")) throw new Error(`a frame of the other kind in ${dialect}`);
        if (isBinary) this.#receiveProto(data);
        else this.#receiveJson(data.toString("utf8"));
      } catch (thrown) {
        this.books.fail(thrown);
      }
    });
  }

  /**
   * @param url The server's HTTP address, such as `http://127.0.0.1:8080`.
   * @param asked Subprotocols to ask for, where that is what is tested.
   * @throws Error where the upgrade is refused.
   */
  static async connect(
    url: string,
    dialect: WebSocketDialect,
    onUpdate?: (update: Update, book: ReferenceBook) => void,
    asked: readonly string[] = [`depthcast.v1.${dialect}`],
  ): Promise<WebSocketClient> {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/v1/ws`, [...asked]);
    const client = new WebSocketClient(socket, dialect, onUpdate);
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return client;
  }

  get subprotocol(): string {
    return this.#socket.protocol;
  }

  get extensions(): string {
    return this.#socket.extensions;
  }

  subscribe(options: SubscriptionOptions): void {
    if (this.dialect === "proto") {
      this.#request({ subscribe: subscriptionToProto(options) });
      return;
    }
    const { resume, ...rest } = options;
    const position = resume && { resume: { epoch: String(resume.epoch), sequence: String(resume.sequence) } };
    this.#socket.send(JSON.stringify({ op: "subscribe", ...rest, ...position }));
  }

  unsubscribe(viewId: number): void {
    if (this.dialect === "proto") this.#request({ unsubscribe: { viewId } });
    else this.#socket.send(JSON.stringify({ op: "unsubscribe", viewId }));
  }

  ping(): void {
    if (this.dialect === "proto") this.#request({ ping: {} });
    else this.#socket.send('{"op":"ping"}');
  }

  /** Resolves when all that the server wrote before has been applied: a pong comes after it. */
  async barrier(): Promise<void> {
    const wanted = this.pongs + 1;
    this.ping();
    await eventually(() => this.pongs >= wanted || this.isOver, { what: "the pong" });
    this.books.check();
  }

  /** Sends one frame as it is: text for a string, binary for bytes. */
  sendRaw(frame: string | Uint8Array, options: { binary?: boolean } = {}): void {
    this.#socket.send(frame, options);
  }

  /** Stops reading the socket: nothing is taken from the kernel, and pings stay unanswered. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  async close(): Promise<void> {
    this.#socket.close();
    await this.closed;
  }

  /** Resets the connection, as a machine that vanishes does. */
  terminate(): void {
    this.#socket.terminate();
  }

  #request(value: object): void {
    this.#socket.send(encodeMessage("depthcast.v1.WebSocketRequest", value));
  }

  #receiveProto(data: Buffer): void {
    const response = decodeMessage("depthcast.v1.WebSocketResponse", data) as ProtoResponse;
    if (response.updates) {
      for (const update of response.updates.updates) this.books.apply(updateFromProto(update));
    } else if (response.unsubscribed) this.#dropped(response.unsubscribed.viewId);
    else if (response.error) this.errors.push(response.error);
    else if (response.pong) this.pongs += 1;
    else throw new Error("a WebSocketResponse without a message");
  }

  #receiveJson(frame: string): void {
    const value = JSON.parse(frame) as Record<string, unknown>;
    const { type } = value;
    if (isUpdateType(type)) {
      const update = updateFromJson(value, this.#instruments.get(Number(value["viewId"])));
      if (update.kind === "subscribed") this.#instruments.set(update.viewId, update.instrument);
      this.books.apply(update);
    } else if (type === "unsubscribed") this.#dropped(Number(value["viewId"]));
    else if (type === "error") {
      this.errors.push({
        id: textOf(value["id"] ?? ""),
        code: textOf(value["code"]),
        message: textOf(value["message"]),
      });
    } else if (type === "pong") this.pongs += 1;
    else throw new Error(`a frame of type ${String(type)}`);
  }

  #dropped(viewId: number): void {
    this.unsubscribed.push(viewId);
    this.books.drop(viewId);
    this.#instruments.delete(viewId);
  }
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new Error(`not a string: ${JSON.stringify(value)}`);
  return value;
}
