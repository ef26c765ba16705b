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

it("a start applies what the log holds before anything else, and writes nothing that is there already", async () => {
  const rig = await FlowRig.start();
  await rig.flow.gate.define(testInstrument("A"));
  await rig.flow.gate
    .openStream(() => {})
    .submit(testBatch("A", [addOrder(1, 100, 5)], { id: "p", number: 1 }));
  const log = new MemoryLog({ clock: rig.clock, retain: true });
  for await (const { record } of rig.log.read(0)) await log.append(record.slice(0));
  const counted: number[] = [];
  const again = await FlowRig.start({ log, onBatchesApplied: (batches) => counted.push(batches) });
  expect(log.endIndex).toBe(3);
  expect(again.engine.stateHashes()).toEqual(rig.engine.stateHashes());
  expect(again.flow.stateHash()).toEqual(rig.flow.stateHash());
  expect(await again.flow.gate.producerPosition("p")).toBe(1);
  expect(counted).toEqual([]);
  await again.flow.gate.openStream(() => {}).submit(testBatch("A", [addOrder(1, 100, 5)]));
  expect(counted).toEqual([1]);
});

it("other capacities are written into the log, and hold for every book from then on", async () => {
  const rig = await FlowRig.start();
  await rig.flow.gate.define(testInstrument("A"));
  const stream = rig.flow.gate.openStream(() => {});
  await stream.submit(testBatch("A", [addOrder(1, 100, 5), addOrder(1, 101, 5)]));
  const log = new MemoryLog({ clock: rig.clock, retain: true });
  for await (const { record } of rig.log.read(0)) await log.append(record.slice(0));
  const fewer = await FlowRig.start({ log, limits: { liveOrdersMax: 2 } });
  const outcome = await fewer.flow.gate
    .openStream(() => {})
    .submit(testBatch("A", [addOrder(1, 100, 5), addOrder(1, 100, 5)]));
  expect(outcome).toMatchObject({ acceptedEvents: 0, rejectedEvents: 2 });
  expect(log.endIndex).toBe(5);
  const replayed = await FlowRig.start({ log, limits: { liveOrdersMax: 2 } });
  expect(replayed.engine.stateHashes()).toEqual(fewer.engine.stateHashes());
  expect(replayed.flow.stateHash()).toEqual(fewer.flow.stateHash());
});

it("a log that cannot be applied makes the start fail, with the reason", async () => {
  const log = new MemoryLog({ clock: systemClock, retain: true });
  await log.append(damagedRecord());
  await expect(startTestServer({ log })).rejects.toThrow("damaged log record: shorter than its header");
});
