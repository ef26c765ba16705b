import type { Exploration } from "./explorer.ts";

/**
 * Prints how much of a sound model was gone through, and, with the environment variable `MODEL_TRACES`, step by
 * step how one with a mistake comes to its fault.
 */
export function report(what: string, { states, steps, fault, trace }: Exploration): void {
  const size = `${states.toLocaleString("en")} states, ${steps.toLocaleString("en")} steps`;
  if (fault === undefined) process.stdout.write(`model: ${what}: ${size}\n`);
  else if (process.env["MODEL_TRACES"] !== undefined)
    process.stdout.write(`model: ${what}: ${fault} (${size})\n${trace}\n\n`);
}
