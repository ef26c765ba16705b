const INTERVAL_MS = 200;
const BAR_CELLS = 24;

/** One line on the terminal that is written over and over; nothing where standard error is no terminal. */
export class ProgressLine {
  readonly #timer: NodeJS.Timeout | undefined;

  /** @param done how much of the input was read, 0 to 1; undefined = nobody knows, and there is no bar */
  constructor(text: () => string, done: () => number | undefined) {
    if (!process.stderr.isTTY) return;
    this.#timer = setInterval(() => {
      const line = `${barText(done())}${text()}`;
      const { columns } = process.stderr;
      // A line that wraps could not be written over. Some terminals have no width.
      process.stderr.write(`\r\u001b[2K${columns > 0 ? line.slice(0, columns - 1) : line}`);
    }, INTERVAL_MS);
    this.#timer.unref();
  }

  end(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    process.stderr.write("\r\u001b[2K");
  }
}

/** `[████████                ]  33 % read  `, or nothing. */
export function barText(done: number | undefined): string {
  if (done === undefined) return "";
  const cells = Math.floor(Math.min(1, done) * BAR_CELLS);
  const percent = String(Math.floor(Math.min(1, done) * 100)).padStart(3);
  return `[${"█".repeat(cells).padEnd(BAR_CELLS)}] ${percent} % read  `;
}
