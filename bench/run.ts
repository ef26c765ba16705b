import { fork } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { benchmarks } from "./benchmarks.ts";
import type { BenchmarkReport } from "./support/benchmark.ts";
import type { BenchmarkAnswer, BenchmarkOrder } from "./support/benchmark-process.ts";
import { describeMachine, machineText } from "./support/machine.ts";
import { installPeers, peersInstalled } from "./support/peers.ts";
import { reportText } from "./support/report-text.ts";

/** `npm run bench -- [NAME…] [--smoke] [--no-peers]` */

const resultsFolder = fileURLToPath(new URL("./results/", import.meta.url));

process.exitCode = await main();

async function main(): Promise<number> {
  const { values, positionals } = readArguments();
  if (values.help) {
    process.stdout.write(await helpText());
    return 0;
  }
  const unknown = positionals.find((name) => !(name in benchmarks));
  if (unknown !== undefined) return usageError(`unknown benchmark "${unknown}"`);
  const { smoke } = values;
  const withPeers = readyPeers(smoke, values["no-peers"]);
  const machine = describeMachine();
  process.stdout.write(`${machineText(machine)}${smoke ? "; smoke run: the times mean nothing" : ""}\n`);
  let failures = 0;
  for (const name of positionals.length > 0 ? positionals : Object.keys(benchmarks)) {
    const order: BenchmarkOrder = { name, smoke, peersInstalled: withPeers };
    try {
      const report = await runBenchmark(order);
      process.stdout.write(`\n## ${name}\n\n${reportText(report)}\n`);
      writeResult(smoke ? `${name}.smoke` : name, {
        name,
        smoke,
        time: new Date().toISOString(),
        machine,
        ...report,
      });
    } catch (failure) {
      failures += 1;
      process.stderr.write(`benchmark ${name} failed: ${(failure as Error).message}\n`);
    }
  }
  return failures === 0 ? 0 : 1;
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        smoke: { type: "boolean", default: false },
        "no-peers": { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (failure) {
    process.exit(usageError((failure as Error).message));
  }
}

function usageError(message: string): number {
  process.stderr.write(`${message}; npm run bench -- --help tells what there is\n`);
  return 2;
}

async function helpText(): Promise<string> {
  const lines = await Promise.all(
    Object.entries(benchmarks).map(async ([name, load]) => `  ${name.padEnd(14)}${(await load()).about}\n`),
  );
  return `npm run bench -- [NAME…] [--smoke] [--no-peers]

Measures depthcast, and what there is beside it. Results: a table here, JSON in bench/results/.

  --smoke       a few seconds on small data: shows that all works; the times mean nothing
  --no-peers    without the other packages, which are installed into bench/ otherwise

${lines.join("")}`;
}

/** A smoke run takes the peers where they are there, and downloads nothing. */
function readyPeers(smoke: boolean, unwanted: boolean): boolean {
  if (unwanted) return false;
  if (!peersInstalled() && !smoke) {
    process.stdout.write("installing the packages to measure against, into bench/node_modules\n");
    installPeers();
  }
  return peersInstalled();
}

/** Each benchmark has a process of its own, so that none runs in another's heap. */
function runBenchmark(order: BenchmarkOrder): Promise<BenchmarkReport> {
  const script = fileURLToPath(new URL("./support/benchmark-process.ts", import.meta.url));
  const child = fork(script, {
    execArgv: ["--expose-gc", ...process.execArgv],
    serialization: "advanced",
  });
  const { promise, resolve, reject } = Promise.withResolvers<BenchmarkReport>();
  child.on("message", (answer: BenchmarkAnswer) => {
    if (answer.op === "progress") process.stderr.write(`${order.name}: ${answer.line}\n`);
    else if (answer.op === "report") resolve(answer.report);
    else reject(new Error(answer.message));
  });
  child.on("error", reject);
  child.on("exit", (code) => reject(new Error(`its process ended (${code})`)));
  child.send(order);
  return promise;
}

function writeResult(name: string, result: object): void {
  mkdirSync(resultsFolder, { recursive: true });
  writeFileSync(`${resultsFolder}${name}.json`, `${JSON.stringify(result, undefined, 2)}\n`);
}
