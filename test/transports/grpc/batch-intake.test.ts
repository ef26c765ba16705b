import { Readable } from "node:stream";
import { create, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { IngestRequestSchema } from "../../../src/protocol/gen/depthcast/v1/ingest_pb.ts";
import { type AnswerSink, BatchIntake } from "../../../src/transports/grpc/batch-intake.ts";
import { DecodedRequests } from "../../../src/transports/grpc/decoded-requests.ts";
import { FlowRig, testInstrument } from "../../support/flow-rig.ts";

it("a producer that takes no answers holds no room and no position", async () => {
  const rig = await FlowRig.start();
  const { gate } = rig.flow;
  await gate.define(testInstrument("A"));
  const requests = Readable.from(messages(300), { highWaterMark: 0 });
  let answered = 0;
  const answers: AnswerSink = { answer: () => (answered += 1), onReleased: () => {} };
  const intake = new BatchIntake({
    ingest: gate,
    limits: rig.limits,
    clock: rig.clock,
    requests: new DecodedRequests(requests),
    answers,
    metrics: { acknowledged() {} },
  });
  const run = intake.run();
  await rig.clock.settle(200);
  expect(answered).toBe(256);
  expect(gate.bytesInFlight).toBe(0);
  expect(await gate.producerPosition("p")).toBe(256);
  answers.onReleased(answered);
  await rig.clock.settle(200);
  expect(await gate.producerPosition("p")).toBe(300);
  await run;
});

function messages(count: number): Buffer[] {
  return Array.from({ length: count }, (_, place) => {
    const request = create(IngestRequestSchema, {
      symbol: "A",
      producerId: "p",
      batchNumber: BigInt(place + 1),
      events: [{ action: 1, orderId: BigInt(place + 1), side: 1, price: 100n, quantity: 1n }],
    });
    return Buffer.from(toBinary(IngestRequestSchema, request));
  });
}
