import { type Clock, systemClock } from "../clock.ts";
import type { Limits } from "../limits.ts";
import { MemoryLog } from "../log/memory-log.ts";
import type { OrderLog } from "../log/order-log.ts";
import type { LogChoice } from "./log-choice.ts";
import { openSqliteLog } from "./threads/log-worker.ts";

/** Opens the order log that was chosen. @throws DepthcastError as `openSqliteLog`. */
export function openLog(choice: LogChoice, limits: Limits, clock: Clock = systemClock): Promise<OrderLog> {
  return choice.kind === "memory"
    ? Promise.resolve(new MemoryLog({ clock }))
    : openSqliteLog({ path: choice.path, bytesMax: limits.logMaxBytes, clock });
}
