import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";

/** A child process that answers commands, one at a time, in order. Killed when the test ends. */
export class AskedChild<Command extends object, Answer> {
  readonly #child: ChildProcess;
  #last: Promise<unknown> = Promise.resolve();

  constructor(script: URL, environment: Readonly<Record<string, string>> = {}) {
    this.#child = fork(script, {
      execArgv: ["--disable-warning=ExperimentalWarning"],
      stdio: "inherit",
      env: { ...process.env, ...environment },
    });
    onTestFinished(async () => {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
      const exited = once(this.#child, "exit");
      this.#child.kill("SIGKILL");
      await exited;
    });
  }

  /** @throws Error with what went wrong in the child, or that it has ended. */
  ask(command: Command): Promise<Answer> {
    const answer = this.#last.then(() => this.#ask(command));
    this.#last = answer.catch(() => {});
    return answer;
  }

  async #ask(command: Command): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const onMessage = (message: { answer: Answer } | { failure: string }): void => {
      if ("failure" in message) reject(new Error(message.failure));
      else resolve(message.answer);
    };
    const onExit = (code: number | null): void => reject(new Error(`a child process ended (${code})`));
    this.#child.on("message", onMessage);
    this.#child.on("exit", onExit);
    this.#child.send(command);
    try {
      return await promise;
    } finally {
      this.#child.off("message", onMessage);
      this.#child.off("exit", onExit);
    }
  }
}
