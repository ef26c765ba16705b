import { DepthcastError, ErrorCode } from "../../errors.ts";

/**
 * Which web pages may read from here. A browser sends the page's origin along with a WebSocket upgrade and
 * with requests to another origin; without this check any page that somebody visits could use their
 * browser to read a server on their own machine or network.
 *
 * Allowed are: no origin at all (not a browser), pages that this server delivered itself (the origin's
 * host and port are those of the request), pages from the machine itself (localhost, 127.x.x.x, [::1]),
 * and what the setting `originsAllowed` lists; `*` there allows every page. This protects readers, it is no
 * access control: programs send what origin they like. Credentials are for Admission to ask for.
 */
export class OriginPolicy {
  readonly #allowed: ReadonlySet<string>;
  readonly #allowAll: boolean;

  /**
   * @param originsAllowed origins such as `https://app.example.com`, without a path; or `*`
   * @throws DepthcastError `invalid_argument` naming the entry that is no origin.
   */
  constructor(originsAllowed: readonly string[]) {
    this.#allowAll = originsAllowed.includes("*");
    this.#allowed = new Set(originsAllowed.filter((origin) => origin !== "*").map(normalOrigin));
  }

  /** @param host the request's `host` header */
  allows(origin: string | undefined, host: string | undefined): boolean {
    if (origin === undefined || this.#allowAll) return true;
    const url = parseOrigin(origin);
    if (url === undefined) return false;
    return this.#allowed.has(url.origin) || isLoopback(url.hostname) || url.host === host?.toLowerCase();
  }

  /** @throws DepthcastError `permission_denied` */
  check(origin: string | undefined, host: string | undefined): void {
    if (this.allows(origin, host)) return;
    throw new DepthcastError(
      ErrorCode.permissionDenied,
      "pages of this origin may not connect: add it to the setting originsAllowed",
      { field: "origin", reason: "ORIGIN_NOT_ALLOWED" },
    );
  }
}

function normalOrigin(origin: string): string {
  const url = parseOrigin(origin);
  if (url === undefined) {
    throw new DepthcastError(
      ErrorCode.invalidArgument,
      `setting originsAllowed: ${JSON.stringify(origin)} is not an origin like https://app.example.com, nor *`,
      { field: "originsAllowed" },
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
