import { systemClock } from "../clock.ts";
import { DepthcastError } from "../errors.ts";
import type { OrderLog } from "../log/order-log.ts";
import { realLogPath } from "../log/sqlite/log-path.ts";
import { snapshotFolderPath } from "../log/snapshot/snapshot-folder.ts";
import { createLogger, silentLogger } from "../observability/logger.ts";
import { loadConfig, type ServerConfig } from "../runtime/config.ts";
import type { LogChoice } from "../runtime/log-choice.ts";
import { openLog } from "../runtime/open-log.ts";
import { formatListenAddress, isLoopback, type ListenAddress } from "../runtime/listen-address.ts";
import { type RunningServer, startServer } from "../runtime/server.ts";
import { GENERAL_SETTINGS, LIMIT_SETTINGS, type Setting } from "../runtime/settings.ts";
import { type Arguments, integerFlag, type Option, textFlag } from "./arguments.ts";
import type { Command } from "./command.ts";
import { runDemoFeed } from "./demo/demo-feed.ts";
import { DemoMarket } from "./demo/demo-market.ts";
import { aborted, stopSignal } from "./stop-signal.ts";
import { usageError } from "./usage-error.ts";

const DEMO_RATE = 2000;
const DEMO_SEED = 1;
/**
 * A demo begins anew each time and leaves nothing behind. Its books change little: with the bytes in flight of a server
 * at work, the slow switch of the live page would show nothing within half a minute.
 */
const DEMO_DEFAULTS = { log: "memory", inFlightBytesMax: 32 * 1024 };

const generalOptions: readonly Option[] = [
  ...GENERAL_SETTINGS.map(settingOption),
  { name: "config", value: "FILE", about: "a JSON file with settings; or DEPTHCAST_CONFIG" },
];

const demoOptions: readonly Option[] = [
  {
    name: "demo",
    about:
      "feeds a simulated market in BTC-USD, ETH-USD and SOL-USD through the gRPC ingest; unless told otherwise with " +
      `--log memory and --in-flight-bytes-max ${DEMO_DEFAULTS.inFlightBytesMax}`,
  },
  {
    name: "demo-rate",
    value: "N",
    about: "events a second, all symbols together",
    default: String(DEMO_RATE),
  },
  { name: "demo-seed", value: "N", about: "the same seed gives the same market", default: String(DEMO_SEED) },
];

export const serveCommand: Command = {
  help: {
    usage: ["depthcast serve [--demo] [flags]"],
    about:
      "Starts the engine and serves until ctrl-C.\n" +
      "Every setting is a flag, an environment variable and a key of the --config file: --depth-max, " +
      "DEPTHCAST_DEPTH_MAX and depthMax. A flag counts before the environment, and that before the file.",
    groups: [
      { title: "Flags", options: generalOptions },
      { title: "Simulated market", options: demoOptions },
      { title: "Limits", options: LIMIT_SETTINGS.map(settingOption) },
    ],
    examples: [
      "depthcast serve --demo",
      "depthcast serve --instrument BTC-USD:2:8 --instrument ETH-USD:2:6:flag",
      "depthcast serve --grpc 0.0.0.0:50051 --config depthcast.json",
    ],
  },
  run: serve,
};

function settingOption(setting: Setting): Option {
  const { flag, kind, placeholder, about } = setting;
  return {
    name: flag,
    about,
    repeated: kind === "list",
    ...(kind !== "switch" && { value: placeholder, default: String(setting.default) || "none" }),
  };
}

async function serve(args: Arguments): Promise<number> {
  if (args.positionals.length > 0) throw usageError(`serve takes no argument "${args.positionals[0]}"`);
  const config = readConfig(args);
  const demo = readDemo(args);
  const signal = stopSignal();
  const choice = config.log;
  const log = await openLog(choice, config.limits);
  // Those of the demo as well: what the greeting names can be watched at once.
  const instruments = [...config.instruments, ...(demo?.instruments ?? [])];
  const server = await startServer({
    log,
    ...(choice.kind === "sqlite" && { snapshots: snapshotFolderPath(realLogPath(choice.path)) }),
    grpc: config.grpc,
    http: config.http,
    instruments,
    gateways: config.gateways,
    engines: config.engines,
    limits: config.limits,
    debugIntegrity: config.debugIntegrity,
    origins: config.origins,
    logger: createServerLogger(config),
  });
  const addresses = {
    grpc: { host: config.grpc.host, port: server.grpcPort },
    http: { host: config.http.host, port: server.httpPort },
  };
  const symbols = instruments.map(({ symbol }) => symbol);
  process.stdout.write(greeting(addresses, symbols, logText(choice, log, demo !== undefined)));
  warnWhereOpen(addresses);
  const feed = demo === undefined ? undefined : feedDemo(demo, addresses.grpc, signal);
  try {
    await Promise.race([aborted(signal), server.failed, ...(feed === undefined ? [] : [feed])]);
  } finally {
    await stop(server, signal);
  }
  return 0;
}

function readConfig({ flags }: Arguments): ServerConfig {
  const file = textFlag(flags, "config") ?? process.env["DEPTHCAST_CONFIG"];
  try {
    const defaults = flags["demo"] === true ? DEMO_DEFAULTS : {};
    return loadConfig({ flags, environment: process.env, file, defaults });
  } catch (thrown) {
    throw usageError(DepthcastError.from(thrown).message);
  }
}

function readDemo({ flags }: Arguments): DemoMarket | undefined {
  const seed = integerFlag(flags, "demo-seed", { min: 0, max: 0xffff_ffff });
  const rate = integerFlag(flags, "demo-rate", { min: 1, max: 200_000 });
  if (flags["demo"] !== true) {
    if (seed !== undefined || rate !== undefined) throw usageError("--demo-seed and --demo-rate need --demo");
    return undefined;
  }
  return new DemoMarket(seed ?? DEMO_SEED, rate ?? DEMO_RATE);
}

function logText(choice: LogChoice, log: OrderLog, isDemo: boolean): string {
  if (choice.kind === "memory") {
    return `memory: everything is forgotten at the end${isDemo ? "; --log sqlite:FILE keeps it" : ""}`;
  }
  return `${choice.path}: ${log.endIndex - log.startIndex} entries, epoch ${log.epoch}`;
}

function createServerLogger({ logLevel }: ServerConfig) {
  return logLevel === "silent"
    ? silentLogger
    : createLogger({ level: logLevel, pretty: process.stderr.isTTY });
}

async function feedDemo(market: DemoMarket, grpc: ListenAddress, signal: AbortSignal): Promise<void> {
  await runDemoFeed({ target: formatListenAddress(reachable(grpc)), market, clock: systemClock, signal });
  await aborted(signal);
}

interface Addresses {
  readonly grpc: ListenAddress;
  readonly http: ListenAddress;
}

function greeting({ grpc, http }: Addresses, symbols: readonly string[], log: string): string {
  const grpcText = formatListenAddress(reachable(grpc));
  const httpText = formatListenAddress(reachable(http));
  const url = `ws://${httpText}/v1/ws`;
  const symbol = symbols[0];
  const lines = [
    "depthcast is ready; ctrl-C stops it",
    `  gRPC       ${formatListenAddress(grpc)}`,
    `  WebSocket  ws://${formatListenAddress(http)}/v1/ws`,
    `  HTTP       http://${formatListenAddress(http)}/`,
    `  log        ${log}`,
    `  symbols    ${symbols.length === 0 ? "none yet" : symbols.join(", ")}`,
    "Try next:",
    symbol === undefined
      ? `  npx depthcast ingest FILE --symbol BTC-USD --price-scale 2 --quantity-scale 8${grpc.port === 50_051 ? "" : ` --server ${grpcText}`}`
      : `  npx depthcast watch ${symbol}${http.port === 8080 ? "" : ` --url ${url}`}`,
    `  curl 'http://${httpText}/v1/${symbol === undefined ? "instruments" : `book/${encodeURIComponent(symbol)}?depth=5`}'`,
  ];
  return `${lines.join("\n")}\n`;
}

function warnWhereOpen(addresses: Addresses): void {
  const open = Object.values(addresses).filter((address: ListenAddress) => !isLoopback(address));
  if (open.length === 0) return;
  const where = open.map(formatListenAddress).join(" and ");
  process.stderr.write(
    `warning: ${where} can be reached from other machines, and there is no authentication: ` +
      "anybody who reaches it can read every book and send events. Keep it in a trusted network.\n",
  );
}

/** An address that a client on this machine can use. */
function reachable({ host, port }: ListenAddress): ListenAddress {
  return { host: host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host, port };
}

async function stop(server: RunningServer, signal: AbortSignal): Promise<void> {
  if (signal.aborted) process.stderr.write("stopping; ctrl-C again stops at once\n");
  await server.stop();
}
