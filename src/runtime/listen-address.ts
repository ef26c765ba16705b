/** Where a server listens. Port 0 takes a free one. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, `[v6]:port`, `:port` (every address) or a port alone (loopback); undefined = none of them. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  const parts = /^(?:(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]*):)?([0-9]{1,5})$/.exec(text);
  if (parts === null) return undefined;
  const port = Number(parts[2]);
  if (port > 65_535) return undefined;
  const host = parts[1];
  if (host === undefined) return { host: "127.0.0.1", port };
  return { host: host === "" ? "0.0.0.0" : host.replace(/^\[|\]$/g, ""), port };
}

export function formatListenAddress({ host, port }: ListenAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach it. */
export function isLoopback({ host }: ListenAddress): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.[0-9]{1,3}){3}$/.test(host);
}
