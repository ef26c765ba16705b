import { createServer, type AddressInfo, type Server } from "node:net";
import { DepthcastError, ErrorCode } from "../../errors.ts";
import type { ListenAddress } from "../listen-address.ts";

export interface HeldPorts {
  /** With the ports that were chosen where any was wanted. */
  readonly addresses: { readonly grpc: ListenAddress; readonly http: ListenAddress };
  /** Lets go of the ports, once the gateways have them. Idempotent. */
  release(): Promise<void>;
}

/** Whether several threads can listen on one port here. */
export async function portsCanBeShared(): Promise<boolean> {
  try {
    await close(await listen({ host: "127.0.0.1", port: 0 }, true));
    return true;
  } catch {
    return false;
  }
}

/**
 * Finds out whether the ports are free, which gateways that share them could not, and keeps others off them until
 * the gateways listen.
 *
 * @throws DepthcastError `unavailable` where a port is in use.
 */
export async function holdPorts(
  wanted: { readonly grpc: ListenAddress; readonly http: ListenAddress },
  shared: boolean,
): Promise<HeldPorts> {
  const held: Server[] = [];
  let released: Promise<void> | undefined;
  const release = () => (released ??= Promise.all(held.map(close)).then(() => undefined));
  const hold = async (address: ListenAddress, what: string): Promise<ListenAddress> => {
    try {
      // Another program that shares its port as well would go unnoticed: so once without sharing.
      if (address.port !== 0) await close(await listen(address, false));
      const server = await listen(address, shared);
      held.push(server);
      return { host: address.host, port: (server.address() as AddressInfo).port };
    } catch (thrown) {
      await release();
      throw cannotListen(what, address, thrown);
    }
  };
  const grpc = await hold(wanted.grpc, "gRPC");
  const http = await hold(wanted.http, "HTTP");
  return { addresses: { grpc, http }, release };
}

function listen({ host, port }: ListenAddress, reusePort: boolean): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, reusePort }, () => resolve(server));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}

function cannotListen(what: string, { host, port }: ListenAddress, thrown: unknown): DepthcastError {
  const { code, message } = thrown as NodeJS.ErrnoException;
  const why =
    code === "EADDRINUSE"
      ? `the port is in use: stop what listens there, or choose another port for ${what}`
      : message;
  return new DepthcastError(
    ErrorCode.unavailable,
    `cannot listen for ${what} on ${host}:${port}: ${why}`,
    { reason: "CANNOT_LISTEN" },
    { cause: thrown },
  );
}
