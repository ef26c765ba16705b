import { once } from "node:events";
import { createServer } from "node:net";
import { Random } from "./random.ts";

/** Below what Linux gives to outgoing connections (32768 on). */
const LOWEST = 20_000;
const HIGHEST = 32_000;

const random = new Random(process.pid ^ Date.now());

/**
 * A port for a server that comes and goes under one address. It is free, and of those that no outgoing connection
 * gets by itself: a client that tries again and again would else meet itself, or another test, on it.
 */
export async function quietPort(): Promise<number> {
  for (;;) {
    const port = random.between(LOWEST, HIGHEST);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}
