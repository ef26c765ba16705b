import { expect, onTestFinished, test, vi } from "vitest";
import { aborted, stopSignal } from "../../src/cli/stop-signal.ts";
import { eventually } from "../support/eventually.ts";

test("the first ctrl-C aborts, its echo from npm does nothing, a later one ends the process", async () => {
  const before = process.listeners("SIGINT");
  const exit = vi.spyOn(process, "exit").mockReturnValue(undefined as never);
  onTestFinished(() => {
    exit.mockRestore();
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) {
      for (const listener of process.listeners(name)) {
        if (!before.includes(listener as NodeJS.SignalsListener))
          process.removeListener(name, listener as () => void);
      }
    }
  });
  const signal = stopSignal();
  const told = aborted(signal);
  process.emit("SIGINT");
  await told;
  process.emit("SIGINT");
  expect(exit).not.toHaveBeenCalled();
  await eventually(() => {
    process.emit("SIGINT");
    return exit.mock.calls.length > 0;
  });
  expect(exit).toHaveBeenCalledWith(130);
});
