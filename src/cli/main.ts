import { enableCompileCache } from "node:module";
import { DepthcastError } from "../errors.ts";
import { runCommandLine } from "./command-line.ts";
import { isUsageError } from "./usage-error.ts";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

/** Runs the command line and resolves with the exit code; what goes wrong is one line on standard error. */
async function main(args: readonly string[]): Promise<number> {
  try {
    return await runCommandLine(args);
  } catch (thrown) {
    if (!(thrown instanceof DepthcastError)) throw thrown;
    process.stderr.write(`depthcast: ${thrown.message}\n`);
    return isUsageError(thrown) ? EXIT_USAGE : EXIT_FAILURE;
  }
}

/** `depthcast watch BTC-USD | head` closes our output: that is an end like any other. */
function endQuietlyWithoutReader(stream: NodeJS.WriteStream): void {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
}

// The commands' modules are loaded after this: compiled once, they start in a third of the time.
enableCompileCache();
endQuietlyWithoutReader(process.stdout);
endQuietlyWithoutReader(process.stderr);
process.exitCode = await main(process.argv.slice(2));
// A broken connection's timers or a paused standard input must not keep a finished command alive.
process.stdout.write("", () => process.exit());
