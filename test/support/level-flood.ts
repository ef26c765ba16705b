import type { FlowEvent } from "./flow-event.ts";

/**
 * A batch that changes `levels` levels of each side, around a mid of 1,000,000: the quickest way to much
 * data for consumers. Each `round` gives other quantities.
 */
export function levelFlood(round: number, levels: number): FlowEvent[] {
  const events: FlowEvent[] = [];
  for (let step = 1; step <= levels; step += 1) {
    const quantity = BigInt(1_000_000 + ((round * 7919 + step * 104_729) % 1_000_000));
    events.push({ action: "set_level", side: "bid", price: BigInt(1_000_000 - step), quantity });
    events.push({ action: "set_level", side: "ask", price: BigInt(1_000_000 + step), quantity });
  }
  return events;
}
