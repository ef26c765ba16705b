import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Lines } from "./lines.ts";

const programsFolder = fileURLToPath(new URL("../results/native/", import.meta.url));

/** A C++ program of this folder, compiled for this machine, that answers commands line by line. */
export class NativeProgram {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Lines;

  private constructor(program: string, args: readonly string[]) {
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = new Lines(this.#child.stdout);
  }

  /** Compiles it where that is needed; undefined where there is no g++. `source` is relative to bench/. */
  static start(source: string, args: readonly string[] = []): NativeProgram | undefined {
    const program = compile(source);
    return program === undefined ? undefined : new NativeProgram(program, args);
  }

  write(bytes: Uint8Array): void {
    this.#child.stdin.write(bytes);
  }

  answer(): Promise<string> {
    return this.#lines.next();
  }

  stop(): void {
    this.#child.stdin.end();
    this.#child.kill();
  }
}

/** The path of the program; undefined where there is no g++. */
export function compile(source: string): string | undefined {
  if (spawnSync("g++", ["--version"]).status !== 0) return undefined;
  const file = fileURLToPath(new URL(`../${source}`, import.meta.url));
  const program = `${programsFolder}${basename(source, ".cpp")}`;
  if (existsSync(program) && statSync(program).mtimeMs > statSync(file).mtimeMs) return program;
  mkdirSync(programsFolder, { recursive: true });
  const options = ["-O3", "-march=native", "-std=c++20", "-o", program, file];
  const { status } = spawnSync("g++", options, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) throw new Error(`g++ could not compile ${source}`);
  return program;
}
