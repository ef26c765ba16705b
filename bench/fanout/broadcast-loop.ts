import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import { wallSeconds } from "../support/wall-clock.ts";

/** What the peers' server processes have in common. */

export interface PeerServerStart {
  readonly messageBytes: number;
  readonly intervalMs: number;
}

export interface PeerServerCommands {
  port(): Promise<number>;
  cpuSeconds(): Promise<number>;
  /** Broadcasts; returns the messages handed to connections. */
  broadcast(seconds: number): Promise<number>;
}

/** Sends to all every `intervalMs`, or with 0 whenever everything is written out. */
export async function broadcastLoop(
  seconds: number,
  intervalMs: number,
  peer: { readonly sendToAll: () => number; readonly isWrittenOut: () => boolean },
): Promise<number> {
  const end = wallSeconds() + seconds;
  let deliveries = 0;
  while (wallSeconds() < end) {
    const next = wallSeconds() + intervalMs / 1000;
    if (peer.isWrittenOut()) deliveries += peer.sendToAll();
    const restMs = (next - wallSeconds()) * 1000;
    await (restMs > 0 ? sleep(restMs) : nextTurn());
  }
  return deliveries;
}
