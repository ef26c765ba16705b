import { DepthcastError, ErrorCode } from "../errors.ts";
import { noServerAt } from "./no-server.ts";

const PROBE_TIMEOUT_MS = 2000;

/** A WebSocket does not tell why it did not open. A plain request to the same place does. */
export async function explainRefusal(url: string): Promise<DepthcastError> {
  const { host } = new URL(url);
  try {
    const response = await fetch(url.replace(/^ws/, "http"), {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
    });
    await response.body?.cancel();
    return new DepthcastError(
      ErrorCode.unavailable,
      `${host} answers, but opened no WebSocket at ${url} (HTTP status ${response.status}); a depthcast server has it at /v1/ws`,
    );
  } catch (thrown) {
    const cause = thrown instanceof Error ? (thrown.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (cause?.code === "ECONNREFUSED") return new DepthcastError(ErrorCode.unavailable, noServerAt(host));
    const why = cause?.message ?? (thrown instanceof Error ? thrown.message : String(thrown));
    return new DepthcastError(ErrorCode.unavailable, `cannot reach a depthcast server at ${url}: ${why}`);
  }
}
