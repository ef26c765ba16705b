import type { TestServer } from "./start-server.ts";

/** Looks in a row that must agree: on threads, a consumer is not writable for a moment after each write. */
const LOOKS = 3;
const ROUNDS_MAX = 400;

/**
 * Sends, round after round, until `waiting` consumers are held back: not writable at several looks in a row with rounds
 * between them, in which nobody was sent anything. Others must be idle meanwhile.
 */
export async function sendUntilHeldBack(
  server: Pick<TestServer, "metrics">,
  sendRound: () => Promise<unknown>,
  waiting = 1,
): Promise<void> {
  let sentBytes = -1;
  let agreeing = 0;
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    await sendRound();
    const metrics = await server.metrics();
    const bytes = metrics.sum("depthcast_sent_bytes_total");
    const isStill = bytes === sentBytes && metrics.sum("depthcast_consumers_unwritable") >= waiting;
    agreeing = isStill ? agreeing + 1 : 0;
    if (agreeing === LOOKS) return;
    sentBytes = bytes;
  }
  throw new Error("the consumers took everything");
}
