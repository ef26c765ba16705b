import type { DepthcastError } from "../errors.ts";
import type { OrderLog } from "../log/order-log.ts";
import type { Logger } from "../observability/logger.ts";
import type { Metrics } from "../observability/metrics.ts";

export interface LogWatch {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Why nothing can be appended has changed. */
  readonly faultChanged: (fault: string | undefined) => void;
  /** The log can go on no more. */
  readonly failed: (failure: DepthcastError) => void;
}

/** Counts what an order log does, and tells of its faults. */
export function watchLog(log: OrderLog, { logger, metrics, faultChanged, failed }: LogWatch): void {
  metrics.watch({ logBytes: () => log.bytes, logEntries: () => log.endIndex - log.startIndex });
  log.observe({
    committed: (records, seconds) => metrics.log.committed(records, seconds),
    faultChanged(fault) {
      if (fault === undefined) logger.info({}, "the order log takes events again");
      else logger.error({ fault }, "the order log has a fault: events may be refused until it is gone");
      faultChanged(fault);
    },
    failed,
  });
  if (log.fault !== undefined) faultChanged(log.fault);
}
