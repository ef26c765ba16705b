import { DepthcastError, ErrorCode } from "../errors.ts";
import type { OpenConnection } from "./server-link.ts";

/** How to connect, by the scheme of an address. */
export type Openers = Readonly<Record<string, OpenConnection>>;

/** Servers of a client, and how to connect to each. */
export interface Servers {
  /** Tried in turn. */
  readonly addresses: readonly string[];
  readonly open: OpenConnection;
}

/** @throws DepthcastError `invalid_argument` where an address cannot be used. */
export function serversAt(openers: Openers, addresses: string | readonly string[]): Servers {
  const list = typeof addresses === "string" ? [addresses] : addresses;
  if (list.length === 0) throw new DepthcastError(ErrorCode.invalidArgument, "connect needs an address");
  for (const address of list) openerOf(openers, address);
  return { addresses: list, open: (address) => openerOf(openers, address)(address) };
}

function openerOf(openers: Openers, address: string): OpenConnection {
  const scheme = /^([a-z]+):\/\//.exec(address)?.[1] ?? "";
  const opener = Object.hasOwn(openers, scheme) ? openers[scheme] : undefined;
  if (opener !== undefined && URL.canParse(address)) return opener;
  const schemes = Object.keys(openers).map((name) => `${name}://…`);
  throw new DepthcastError(
    ErrorCode.invalidArgument,
    `"${address}" is no address: it must be a URL of the form ${schemes.join(" or ")}`,
    { field: "addresses" },
  );
}
