import { expect, test } from "vitest";
import { reuseColumns } from "../../src/protocol/event-columns.ts";

test("columns have room for the batch, are the same ones again, and do not stay large", () => {
  for (const count of [0, 1, 129, 10_000, 16_384, 100_000]) {
    const columns = reuseColumns(count);
    expect(columns.price.length).toBeGreaterThanOrEqual(count);
    expect(columns.keyOffset.length).toBe(columns.price.length);
    expect(reuseColumns(count) === columns).toBe(count <= 16_384);
  }
  expect(reuseColumns(1).price.buffer.byteLength).toBeLessThanOrEqual(512 * 1024);
});
