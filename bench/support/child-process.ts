import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** Child processes whose commands are asked for by name and answered with a value. */

type Commands<T> = { readonly [Name in keyof T]: (argument: never) => Promise<unknown> };

interface Question {
  readonly command: string;
  readonly argument: unknown;
}

type Answer = { readonly value: unknown } | { readonly failure: string };

const START = "start";

export class Child<T extends Commands<T>> {
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Starts `script` and resolves when what it made of `start` is ready. */
  static async start<T extends Commands<T>>(
    script: URL,
    start: unknown,
    nodeOptions: readonly string[] = [],
  ): Promise<Child<T>> {
    const child = fork(script, {
      execArgv: ["--expose-gc", ...nodeOptions],
      serialization: "advanced",
    });
    const started = new Child<T>(child);
    try {
      await started.#ask(START, start);
    } catch (failure) {
      await started.stop();
      throw failure;
    }
    return started;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async ask<Name extends keyof T & string>(
    command: Name,
    ...[argument]: Parameters<T[Name]>
  ): Promise<Awaited<ReturnType<T[Name]>>> {
    return (await this.#ask(command, argument)) as Awaited<ReturnType<T[Name]>>;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exited;
  }

  async #ask(command: string, argument: unknown): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const onExit = (code: number | null): void => reject(new Error(`a child process ended (${code})`));
    this.#process.once("message", resolve);
    this.#process.once("exit", onExit);
    this.#process.send({ command, argument } satisfies Question);
    try {
      const answer = await promise;
      if ("failure" in answer) throw new Error(answer.failure);
      return answer.value;
    } finally {
      this.#process.off("message", resolve);
      this.#process.off("exit", onExit);
    }
  }
}

/** In the child: `make` gets what `Child.start` was given and returns what answers the commands. */
export function answerCommands<T extends Commands<T>>(make: (start: never) => Promise<T>): void {
  let commands: T | undefined;
  const obey = async ({ command, argument }: Question): Promise<unknown> => {
    if (command === START) {
      commands = await make(argument as never);
      return undefined;
    }
    const run = commands?.[command as keyof T] as ((argument: unknown) => Promise<unknown>) | undefined;
    if (run === undefined) throw new Error(`no command ${command}`);
    return run(argument);
  };
  process.on("message", (question: Question) => {
    obey(question).then(
      (value) => process.send?.({ value }),
      (failure: Error) => process.send?.({ failure: String(failure.stack) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
}
