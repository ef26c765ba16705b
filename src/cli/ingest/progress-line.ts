const INTERVAL_MS = 200;

/** One line on the terminal that is written over and over; nothing where standard error is no terminal. */
export class ProgressLine {
  readonly #timer: NodeJS.Timeout | undefined;

  constructor(text: () => string) {
    if (!process.stderr.isTTY) return;
    this.#timer = setInterval(() => process.stderr.write(`\r\u001b[2K${text()}`), INTERVAL_MS);
    this.#timer.unref();
  }

  end(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    process.stderr.write("\r\u001b[2K");
  }
}
