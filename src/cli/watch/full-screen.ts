import type { ReadStream, WriteStream } from "node:tty";

// Another screen, no cursor, and lines that are cut off instead of wrapped.
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
// Between these two a terminal that knows them shows nothing half drawn.
const BEGIN_FRAME = "\u001b[?2026h\u001b[H";
const END_FRAME = "\u001b[J\u001b[?2026l";
const END_OF_LINE = "\u001b[K";

const CTRL_C = "\u0003";
const CTRL_D = "\u0004";
const CTRL_Z = "\u001a";

/** A terminal that is taken over, and given back as it was however the process ends. */
export class FullScreen {
  readonly #output: WriteStream;
  readonly #input: ReadStream | undefined;
  readonly #quit: () => void;
  readonly #leave = () => this.#restore();
  #isTaken = false;
  readonly #press = (keys: Buffer) => this.#pressed(keys.toString());

  /** @param quit called when somebody presses q, ctrl-C or ctrl-D */
  constructor(output: WriteStream, input: ReadStream | undefined, quit: () => void) {
    this.#output = output;
    this.#input = input;
    this.#quit = quit;
    this.#take();
    process.once("exit", this.#leave);
    input?.on("data", this.#press);
  }

  get rows(): number {
    return this.#output.rows;
  }
  get columns(): number {
    return this.#output.columns;
  }

  /** Shows these lines and nothing else. A terminal that has not shown the last frame yet gets no further one. */
  draw(lines: readonly string[]): void {
    if (!this.#isTaken || this.#output.writableLength > 0) return;
    this.#output.write(`${BEGIN_FRAME}${lines.map((line) => line + END_OF_LINE).join("\r\n")}${END_FRAME}`);
  }

  close(): void {
    process.removeListener("exit", this.#leave);
    this.#input?.off("data", this.#press);
    this.#restore();
  }

  #take(): void {
    this.#isTaken = true;
    this.#input?.setRawMode(true);
    this.#input?.resume();
    this.#output.write(ENTER);
  }

  #restore(): void {
    this.#isTaken = false;
    this.#input?.setRawMode(false);
    this.#input?.pause();
    this.#output.write(LEAVE);
  }

  #pressed(keys: string): void {
    if (/^q$/i.test(keys) || keys.includes(CTRL_C) || keys.includes(CTRL_D)) this.#quit();
    else if (keys === CTRL_Z) this.#suspend();
  }

  /** Raw keys stop nobody by themselves. */
  #suspend(): void {
    this.#restore();
    process.once("SIGCONT", () => this.#take());
    process.kill(process.pid, "SIGTSTP");
  }
}
