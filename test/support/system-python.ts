import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { protoDirectory } from "./proto-files.ts";

/** A Python that has gRPC and protobuf. The one of a version manager often has not, where the system's has. */
const candidates = ["python3", "/usr/bin/python3"];

function runs(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: "ignore" }).status === 0;
}

/** The command; undefined where there is none, or nothing that makes stubs for it. */
export const systemPython = ["protoc", "grpc_python_plugin"].every((maker) => runs("which", [maker]))
  ? candidates.find((command) => runs(command, ["-c", "import grpc, google.protobuf"]))
  : undefined;

/** Says that tests are skipped, or fails where `DEPTHCAST_PYTHON_REQUIRED=1` says that they must not be. */
export function requirePython(): void {
  if (systemPython !== undefined) return;
  const missing =
    "no Python with gRPC: install python3-grpcio, python3-protobuf, protobuf-compiler and protobuf-compiler-grpc";
  if (process.env["DEPTHCAST_PYTHON_REQUIRED"] === "1") throw new Error(missing);
  process.stdout.write(`SKIPPED the tests of the Python example: ${missing}\n`);
}

/** Makes the stubs of market data in `folder`, as the example's own text says. Answers what PYTHONPATH has to be. */
export function makePythonStubs(folder: string): string {
  const stubs = join(folder, "stubs");
  mkdirSync(stubs);
  const plugin = spawnSync("which", ["grpc_python_plugin"], { encoding: "utf8" }).stdout.trim();
  const files = ["depthcast/v1/types.proto", "depthcast/v1/market_data.proto"];
  const made = spawnSync(
    "protoc",
    [
      `-I${protoDirectory}`,
      `--python_out=${stubs}`,
      `--grpc_python_out=${stubs}`,
      `--plugin=protoc-gen-grpc_python=${plugin}`,
      ...files,
    ],
    { encoding: "utf8" },
  );
  if (made.status !== 0) throw new Error(`protoc made no stubs: ${made.stderr}`);
  return stubs;
}
