/**
 * Waits until `check` returns something that is neither false nor undefined and throws nothing, and
 * returns it. Looks again after a few milliseconds; how soon changes no outcome.
 *
 * @throws Error after `deadlineMs`, with what the last look said.
 */
export async function eventually<Result>(
  check: () => Result | Promise<Result>,
  { deadlineMs = 10_000, what = "" }: { deadlineMs?: number; what?: string } = {},
): Promise<Exclude<Result, false | undefined>> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    let problem: unknown;
    try {
      const result = await check();
      if (result !== false && result !== undefined) return result as Exclude<Result, false | undefined>;
    } catch (thrown) {
      problem = thrown;
    }
    if (performance.now() > deadline) {
      const named = what === "" ? String(check) : what;
      throw new Error(`not within ${deadlineMs} ms: ${named}`, { cause: problem });
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 3);
    });
  }
}
