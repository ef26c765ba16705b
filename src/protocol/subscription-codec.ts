import type { Limits } from "../limits.ts";
import type { Subscription as WireSubscription } from "./gen/depthcast/v1/market_data_pb.ts";
import { checkSubscription, type SubscriptionRequest } from "./subscription.ts";
import { numberFromWire } from "./wide-numbers.ts";

/**
 * A subscription as gRPC and the binary WebSocket send it.
 *
 * @param path Where it stands in the request, such as `subscriptions[3]`.
 * @throws DepthcastError as `checkSubscription`.
 */
export function decodeSubscription(
  wire: WireSubscription,
  limits: Limits,
  path: string,
): SubscriptionRequest {
  const { symbol, depth, intervalMs, resume, id } = wire;
  const position = resume && { epoch: resume.epoch, sequence: numberFromWire(resume.sequence) };
  return checkSubscription({ symbol, depth, intervalMs, resume: position, id }, limits, (name) =>
    name === "intervalMs" ? `${path}.interval_ms` : `${path}.${name}`,
  );
}
