import { expect, test } from "vitest";
import { Health } from "../../src/observability/health.ts";

test("ready while no check speaks against it; reasons carry their part's name", () => {
  const health = new Health();
  expect(health.readiness()).toEqual({ ready: true, reasons: [] });
  let replaying: string | undefined = "replaying";
  health.check("log", () => replaying);
  health.check("board", () => undefined);
  expect(health.readiness()).toEqual({ ready: false, reasons: ["log: replaying"] });
  replaying = undefined;
  expect(health.readiness().ready).toBe(true);
});

test("a check that fails is a part that is not ready", () => {
  const health = new Health();
  health.check("log", () => {
    throw new Error("no disk");
  });
  expect(health.readiness()).toEqual({ ready: false, reasons: ["log: no disk"] });
});
