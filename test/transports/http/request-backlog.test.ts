import fc from "fast-check";
import { expect, test } from "vitest";
import { RequestBacklog } from "../../../src/transports/http/request-backlog.ts";

test("gives back what was pushed, in order, whatever the mixture", () => {
  const step = fc.oneof(fc.uint8Array({ maxLength: 3000 }), fc.constant("shift" as const));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const backlog = new RequestBacklog();
      const model: Uint8Array[] = [];
      for (const item of steps) {
        if (item === "shift") {
          const expected = model.shift();
          const request = backlog.shift();
          expect(request && Uint8Array.from(request)).toEqual(expected);
          backlog.trim();
        } else {
          backlog.push(item);
          model.push(item);
        }
        expect(backlog.isEmpty).toBe(model.length === 0);
        expect(backlog.byteLength).toBe(model.reduce((sum, request) => sum + request.length + 4, 0));
      }
    }),
  );
});

test("thousands of tiny requests cost little more than their bytes", () => {
  const backlog = new RequestBacklog();
  const request = Buffer.from("1");
  for (let i = 0; i < 10_000; i += 1) backlog.push(request);
  expect(backlog.byteLength).toBe(50_000);
  for (let i = 0; i < 10_000; i += 1) expect(backlog.shift()?.length).toBe(1);
  expect(backlog.shift()).toBeUndefined();
});
