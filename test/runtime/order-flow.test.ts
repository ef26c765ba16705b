import { expect, it } from "vitest";
import type { DepthcastError } from "../../src/errors.ts";
import { MemoryLog } from "../../src/log/memory-log.ts";
import { addOrder, FlowRig, testBatch, testInstrument } from "../support/flow-rig.ts";
import { startTestServer } from "../support/start-server.ts";
import { systemClock } from "../../src/clock.ts";

const damagedRecord = () => new ArrayBuffer(7);

it("a log that cannot be applied ends everything that waits, and is told once", async () => {
  const rig = await FlowRig.start();
  const { gate } = rig.flow;
  await gate.define(testInstrument("A"));
  const ended: DepthcastError[] = [];
  const stream = gate.openStream((reason) => ended.push(reason));
  await stream.room(100);
  await rig.log.append(damagedRecord());
  const batch = stream.submit(testBatch("A", [addOrder(1, 100, 5)]));
  const definition = gate.define(testInstrument("B"));
  await expect(batch).rejects.toMatchObject({ details: { reason: "ENGINE_FAILED" } });
  await expect(definition).rejects.toMatchObject({ code: "unavailable" });
  expect(ended).toMatchObject([{ code: "unavailable" }]);
  expect(gate.bytesInFlight).toBe(0);
  const refused = () => gate.openStream(() => {}).submit(testBatch("A", [addOrder(1, 100, 5)]));
  expect(refused).toThrow("engine has failed");
  await rig.clock.settle();
  expect(rig.failures).toMatchObject([
    { code: "internal", message: expect.stringContaining("damaged log record") },
  ]);
  expect(rig.engine.stateHashes().length).toBe(1);
  await rig.flow.stop();
});

it("a server whose engine fails says so, tells its clients to go, and stops", async () => {
  const log = new MemoryLog({ clock: systemClock });
  const said: object[] = [];
  const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => void said.push(fields) };
  const server = await startTestServer({ log, logger, instruments: [testInstrument("A")] });
  await log.append(damagedRecord());
  await expect(server.running.failed).rejects.toThrow("the engine has failed and the server stops");
  expect(said).toMatchObject([{ err: { details: { reason: "ENGINE_FAILED" } } }]);
  await expect(fetch(`${server.httpUrl}/healthz`)).rejects.toThrow();
});
