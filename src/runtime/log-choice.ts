/** Which order log a server has. */
export type LogChoice =
  /** Forgets everything at the end. */
  | { readonly kind: "memory" }
  /** In the database file and what is beside it. */
  | { readonly kind: "sqlite"; readonly path: string };

const SQLITE = "sqlite:";

/** `memory` or `sqlite:PATH`; undefined = neither. */
export function parseLogChoice(text: string): LogChoice | undefined {
  if (text === "memory") return { kind: "memory" };
  if (!text.startsWith(SQLITE) || text.length === SQLITE.length) return undefined;
  return { kind: "sqlite", path: text.slice(SQLITE.length) };
}
