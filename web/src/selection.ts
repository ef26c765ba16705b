import { INTERVALS_MS } from "../../src/limits.ts";

/** What the page shows, kept in the address so that it can be shared and comes back after a reload. */
export interface Selection {
  readonly symbols: readonly string[];
  readonly depth: number;
  readonly intervalMs: number;
}

export const DEPTHS = [5, 10, 20, 50] as const;
/** Books beside each other. */
const SYMBOLS_MAX = 3;
const DEFAULT: Selection = { symbols: [], depth: 20, intervalMs: 50 };

export function readSelection(hash: string): Selection {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const symbols = (parameters.get("symbols") ?? "").split(",").filter((symbol) => symbol !== "");
  return {
    symbols: [...new Set(symbols)].slice(0, SYMBOLS_MAX),
    depth: oneOf(DEPTHS, parameters.get("depth")) ?? DEFAULT.depth,
    intervalMs: oneOf(INTERVALS_MS, parameters.get("interval")) ?? DEFAULT.intervalMs,
  };
}

export function writeSelection({ symbols, depth, intervalMs }: Selection): string {
  const parameters = new URLSearchParams({
    symbols: symbols.join(","),
    depth: String(depth),
    interval: String(intervalMs),
  });
  return `#${parameters.toString().replaceAll("%2C", ",").replaceAll("%2F", "/")}`;
}

/** With `symbol` shown or not; the one that is there for longest makes room. */
export function toggled({ symbols, ...rest }: Selection, symbol: string): Selection {
  if (symbols.includes(symbol)) return { ...rest, symbols: symbols.filter((shown) => shown !== symbol) };
  return { ...rest, symbols: [...symbols, symbol].slice(-SYMBOLS_MAX) };
}

function oneOf<Value extends number>(values: readonly Value[], text: string | null): Value | undefined {
  return values.find((value) => String(value) === text);
}
