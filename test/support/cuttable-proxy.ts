import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

interface Connection {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * A TCP proxy between a client and a server that may come and go behind it: cuts connections, loses what the server
 * answers, and leads to another server. Closed when the test ends.
 */
export class CuttableProxy {
  readonly #listener: Server;
  readonly #connections = new Set<Connection>();
  #target: string;
  #losesAnswers = false;

  private constructor(listener: Server, target: string) {
    this.#listener = listener;
    this.#target = target;
    listener.on("connection", (client: Socket) => this.#join(client));
  }

  /** @param target `host:port` */
  static async start(target: string): Promise<CuttableProxy> {
    const listener = createServer();
    const proxy = new CuttableProxy(listener, target);
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    onTestFinished(() => {
      listener.close();
      proxy.cut();
    });
    return proxy;
  }

  /** `host:port` for clients. */
  get address(): string {
    return `127.0.0.1:${(this.#listener.address() as AddressInfo).port}`;
  }

  /** Connections from now on go there. */
  leadTo(target: string): void {
    this.#target = target;
  }

  /** From now on what the server answers on the connections of now is lost. */
  loseAnswers(): void {
    this.#losesAnswers = true;
  }

  /** Ends all connections; new ones are as they should be. */
  cut(): void {
    this.#losesAnswers = false;
    for (const { client, server } of this.#connections) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    this.#connections.clear();
  }

  #join(client: Socket): void {
    const [host, port] = this.#target.split(":");
    const server = connect(Number(port), host);
    const connection = { client, server };
    this.#connections.add(connection);
    const end = () => {
      this.#connections.delete(connection);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", end);
      socket.on("close", end);
    }
    client.pipe(server);
    server.on("data", (bytes: Buffer) => {
      if (!this.#losesAnswers) client.write(bytes);
    });
  }
}
