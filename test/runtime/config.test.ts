import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import { CrossPolicy } from "../../src/book/instrument.ts";
import { createLimits, LIMIT_NAMES } from "../../src/limits.ts";
import { type ConfigSources, loadConfig } from "../../src/runtime/config.ts";
import { SETTINGS } from "../../src/runtime/settings.ts";
import { temporaryFile } from "../support/command-line.ts";

function load(sources: Partial<ConfigSources>) {
  return loadConfig({ flags: {}, environment: {}, file: undefined, ...sources });
}

function configFile(content: unknown): string {
  return temporaryFile("config.json", typeof content === "string" ? content : JSON.stringify(content));
}

test("without anything, all is at its default", () => {
  expect(load({})).toEqual({
    grpc: { host: "127.0.0.1", port: 50051 },
    http: { host: "127.0.0.1", port: 8080 },
    instruments: [],
    gateways: Math.max(1, availableParallelism() - 2),
    engines: 1,
    log: { kind: "sqlite", path: "./data/depthcast.db" },
    logLevel: "info",
    debugIntegrity: false,
    origins: [],
    limits: createLimits(),
  });
});

test("every limit is a setting, by flag, environment and file, in this order", () => {
  const names = SETTINGS.map(({ name }) => name);
  for (const limit of LIMIT_NAMES) expect(names).toContain(limit);
  const file = configFile({ depthMax: 31 });
  const environment = { DEPTHCAST_DEPTH_MAX: "32" };
  expect(load({ file }).limits.depthMax).toBe(31);
  expect(load({ file, environment }).limits.depthMax).toBe(32);
  expect(load({ file, environment, flags: { "depth-max": "33" } }).limits.depthMax).toBe(33);
});

test("a command's own defaults count where nobody says otherwise", () => {
  const defaults = { log: "memory", depthMax: 31 };
  const { log, limits } = load({ defaults, flags: { log: "sqlite:x.db" } });
  expect([log, limits.depthMax]).toEqual([{ kind: "sqlite", path: "x.db" }, 31]);
  expect(load({ defaults, environment: { DEPTHCAST_DEPTH_MAX: "32" } })).toMatchObject({
    log: { kind: "memory" },
    limits: { depthMax: 32 },
  });
});

test("instruments and addresses in all their forms", () => {
  const { instruments, grpc, http, origins, debugIntegrity } = load({
    file: configFile({
      instruments: [
        "A:2:8",
        { symbol: "B", priceScale: 0, quantityScale: 3, crossPolicy: "flag", tickSize: 5 },
      ],
      http: "[::1]:1",
    }),
    environment: {
      DEPTHCAST_GRPC: "0.0.0.0:0",
      DEPTHCAST_ORIGINS: "https://a, https://b",
      DEPTHCAST_DEBUG_INTEGRITY: "1",
    },
  });
  const rest = { lotSize: 0, description: "" };
  expect(instruments).toEqual([
    { symbol: "A", priceScale: 2, quantityScale: 8, crossPolicy: CrossPolicy.reject, tickSize: 0, ...rest },
    { symbol: "B", priceScale: 0, quantityScale: 3, crossPolicy: CrossPolicy.flag, tickSize: 5, ...rest },
  ]);
  expect({ grpc, http, origins, debugIntegrity }).toEqual({
    grpc: { host: "0.0.0.0", port: 0 },
    http: { host: "::1", port: 1 },
    origins: ["https://a", "https://b"],
    debugIntegrity: true,
  });
});

describe("a wrong value is refused with its name, where it came from, and what is allowed", () => {
  test.each<[string, Partial<ConfigSources>]>([
    ["--depth-max = 0: must be a whole number from 1 to 100000", { flags: { "depth-max": "0" } }],
    ['--depth-max = "many": must be a whole number', { flags: { "depth-max": "many" } }],
    ['DEPTHCAST_DEPTH_MAX = "": must be a whole number', { environment: { DEPTHCAST_DEPTH_MAX: "" } }],
    [
      'DEPTHCAST_DEBUG_INTEGRITY = "yes": must be true or false',
      { environment: { DEPTHCAST_DEBUG_INTEGRITY: "yes" } },
    ],
    [
      '--log-level = "loud": must be one of debug, info, warn, error, silent',
      { flags: { "log-level": "loud" } },
    ],
    ['--log = "paper": must be sqlite:FILE', { flags: { log: "paper" } }],
    ['--log = "sqlite:": must be sqlite:FILE', { flags: { log: "sqlite:" } }],
    ['--grpc = "127.0.0.1:65536": must be HOST:PORT', { flags: { grpc: "127.0.0.1:65536" } }],
    ['--instrument = "A:2": must be SYMBOL:PRICE_SCALE', { flags: { instrument: ["A:2"] } }],
    ['--instrument = "A:16:1": the scales must be', { flags: { instrument: ["A:16:1"] } }],
    ['--instrument = "-:1:1": the symbol must match', { flags: { instrument: ["-:1:1"] } }],
    ['--instrument = "A:1:1:maybe": the crossing policy', { flags: { instrument: ["A:1:1:maybe"] } }],
    ["the symbol A is there twice", { flags: { instrument: ["A:1:1", "A:2:2"] } }],
    [
      "setting depthDefault = 20: must not be over depthMax (10) (from the default of depthDefault)",
      { flags: { "depth-max": "10" } },
    ],
    [
      "setting intervalDefaultMs = 7: must be one of 0, 10, 20, 50, 100, 250, 500, 1000, 5000 (from --interval-default-ms)",
      { flags: { "interval-default-ms": "7" } },
    ],
  ])("%s", (message, sources) => {
    expect(() => load(sources)).toThrow(message);
  });

  test.each([
    ['{"depthMaxx":1}', 'unknown setting "depthMaxx" in '],
    ['{"depthMax":"20"}', "depthMax in "],
    ["[]", "must hold one JSON object"],
    ["{", "cannot read the configuration file"],
  ])("the file %s", (content, message) => {
    expect(() => load({ file: configFile(content) })).toThrow(message);
  });

  test("a file that is not there", () => {
    expect(() => load({ file: "/nowhere/depthcast.json" })).toThrow("/nowhere/depthcast.json");
  });
});
