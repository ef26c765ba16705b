import { DepthcastError, ErrorCode } from "../../errors.ts";

/**
 * Which web pages may read from here. A browser sends the page's origin along with a WebSocket upgrade and
 * with requests to another origin; without this check any page that somebody visits could use their
 * browser to read a server on their own machine or network.
 *
 * Allowed are: no origin at all (not a browser), pages from the machine itself (localhost, 127.x.x.x, [::1]),
 * pages that this server delivered itself (the origin's host and port are those of the request), and what
 * the setting `origins` lists; `*` there allows every page. A server that listens on loopback alone
 * delivers pages under loopback names only: another name there is somebody's who made it point to
 * this machine (DNS rebinding), or a proxy's, which is to be listed.
 *
 * This protects readers, it is no access control: programs send what origin they like. Credentials are for
 * Admission to ask for.
 */
export class OriginPolicy {
  readonly #allowed: ReadonlySet<string>;
  readonly #allowAll: boolean;
  #onLoopback = false;

  /**
   * @param origins such as `https://app.example.com`, without a path; or `*`
   * @throws DepthcastError `invalid_argument` naming the entry that is no origin.
   */
  constructor(origins: readonly string[]) {
    this.#allowAll = origins.includes("*");
    this.#allowed = new Set(origins.filter((origin) => origin !== "*").map(normalOrigin));
  }

  /** Told before the first request. */
  listensOn(host: string): void {
    this.#onLoopback = isLoopback(host) || host === "::1";
  }

  /** @param host the request's `host` header */
  allows(origin: string | undefined, host: string | undefined): boolean {
    if (origin === undefined || this.#allowAll) return true;
    const url = parseOrigin(origin);
    if (url === undefined) return false;
    if (this.#allowed.has(url.origin) || isLoopback(url.hostname)) return true;
    return !this.#onLoopback && url.host === host?.toLowerCase();
  }

  /** @throws DepthcastError `permission_denied` */
  check(origin: string | undefined, host: string | undefined): void {
    if (this.allows(origin, host)) return;
    throw new DepthcastError(
      ErrorCode.permissionDenied,
      "pages of this origin may not connect: allow it by the setting origins (--origin)",
      { field: "origin", reason: "ORIGIN_NOT_ALLOWED" },
    );
  }
}

function normalOrigin(origin: string): string {
  const url = parseOrigin(origin);
  if (url === undefined) {
    throw new DepthcastError(
      ErrorCode.invalidArgument,
      `setting origins: ${JSON.stringify(origin)} is not an origin like https://app.example.com, nor *`,
      { field: "origins" },
    );
  }
  return url.origin;
}

function parseOrigin(origin: string): URL | undefined {
  if (!/^https?:\/\/[^/?#@]+$/i.test(origin)) return undefined;
  return URL.parse(origin) ?? undefined;
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname.endsWith(".localhost") ||
    hostname === "[::1]" ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  );
}
