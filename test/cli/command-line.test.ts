import { describe, expect, test } from "vitest";
import { runCommandLine } from "../../src/cli/command-line.ts";
import { isUsageError } from "../../src/cli/usage-error.ts";
import { DepthcastError } from "../../src/errors.ts";

describe("what is typed wrong is refused in one line", () => {
  test.each([
    [["srve"], 'unknown command "srve"; did you mean serve?'],
    [["frobnicate"], 'unknown command "frobnicate"; the commands are serve, ingest, watch, log'],
    [["--demo"], "a command comes first: serve, ingest, watch, log"],
    [["serve", "--dempth-max", "3"], "unknown flag --dempth-max; did you mean --depth-max?"],
    [["serve", "--depth-max"], "--depth-max needs a value: --depth-max N"],
    [["serve", "--depth-max", "--demo"], "--depth-max needs a value: --depth-max N"],
    [["serve", "--depth-max", "0"], "--depth-max = 0: must be a whole number from 1 to 100000"],
    [["serve", "--demo=yes"], "--demo takes no value"],
    [["serve", "--demo-seed", "1"], "--demo-seed and --demo-rate need --demo"],
    [["serve", "BTC-USD"], 'serve takes no argument "BTC-USD"'],
    [["serve", "--grpc", "here"], '--grpc = "here": must be HOST:PORT, such as 127.0.0.1:50051'],
    [
      ["serve", "--instrument", "X:2"],
      '--instrument = "X:2": must be SYMBOL:PRICE_SCALE:QUANTITY_SCALE[:reject|flag], such as BTC-USD:2:8',
    ],
    [["ingest"], "ingest needs a FILE, or - for standard input"],
    [["ingest", "f", "--symbol", "X"], "ingest needs --price-scale; see `depthcast ingest --help`"],
    [
      ["ingest", "f", "--symbol", "X", "--price-scale", "16", "--quantity-scale", "0"],
      "--price-scale 16: must be a whole number from 0 to 15",
    ],
    [
      ["ingest", "f", "--symbol", "X", "--price-scale", "1", "--quantity-scale", "0", "--clear", "--append"],
      "--clear and --append exclude each other",
    ],
    [["ingest", "a", "b"], 'ingest takes one FILE, and here are "a" and "b"'],
    [
      ["ingest", "--verify", "5", "a"],
      'ingest takes one FILE, and here are "5" and "a"; a number for --verify is given as --verify=N',
    ],
    [["watch"], "watch needs at least one SYMBOL"],
    [
      ["watch", "A", "--interval", "7"],
      "--interval 7: must be one of 0, 10, 20, 50, 100, 250, 500, 1000, 5000",
    ],
    [
      ["watch", "A", "--url", "http://x"],
      "--url http://x: must be a WebSocket URL, such as ws://127.0.0.1:8080/v1/ws",
    ],
    [["watch", "A", "--server", "x"], "--server x: must be HOST:PORT, such as 127.0.0.1:50051"],
  ])("%j", async (args, message) => {
    const failure = await runCommandLine(args).catch((thrown: unknown) => DepthcastError.from(thrown));
    if (!(failure instanceof DepthcastError)) throw new Error(`exit code ${failure}`);
    expect(failure.message).toBe(message);
    expect(isUsageError(failure)).toBe(true);
  });
});
