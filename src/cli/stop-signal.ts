const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** What a shell reports for a process that ctrl-C ended. */
export const EXIT_INTERRUPTED = 130;
/** One ctrl-C comes twice under npm: from the terminal, and passed on by npm. */
const SAME_PRESS_MS = 300;

/** Aborted at the first ctrl-C, SIGTERM or hang-up; at the second the process ends at once. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let firstAtMs = 0;
  const stop = () => {
    if (!controller.signal.aborted) {
      firstAtMs = performance.now();
      controller.abort();
    } else if (performance.now() - firstAtMs > SAME_PRESS_MS) {
      process.exit(EXIT_INTERRUPTED);
    }
  };
  for (const name of SIGNALS) process.on(name, stop);
  return controller.signal;
}

/** Resolves when `signal` is aborted. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
