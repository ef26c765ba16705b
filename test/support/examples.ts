import { fileURLToPath } from "node:url";
import { Program } from "./program.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const FROM_SOURCE = fileURLToPath(new URL("./depthcast-from-source.ts", import.meta.url));

/** Where an example is. */
export function examplePath(name: string): string {
  return `${EXAMPLES}${name}`;
}

/** Runs one in TypeScript, as it is, with the sources here as the package `depthcast`. */
export function runExample(name: string, args: readonly string[]): Program {
  const options = ["--disable-warning=ExperimentalWarning", "--import", FROM_SOURCE];
  return new Program(process.execPath, [...options, examplePath(name), ...args]);
}
