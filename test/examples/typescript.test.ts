import { expect, test } from "vitest";
import { runExample } from "../support/examples.ts";
import { addOrder, testBatch, testInstrument } from "../support/flow-rig.ts";
import { startTestServer } from "../support/start-server.ts";

test("the consumer prints the book as it changes, until ctrl-C", async () => {
  const server = await startTestServer({ instruments: [testInstrument("BTC-USD")] });
  const consumer = runExample("consumer.ts", [`grpc://${server.grpcAddress}`]);
  await consumer.printed(/^BTC-USD live bid undefined ask undefined spread undefined at sequence 0, /m);
  const stream = server.running.ingest.openStream(() => {});
  await stream.submit(testBatch("BTC-USD", [addOrder(1, 12_340, 7), addOrder(2, 12_350, 7)]));
  stream.close();
  await consumer.printed(
    /^BTC-USD live bid 123.40 ask 123.50 spread 0.10 at sequence 2, \d+ states skipped$/m,
  );
  consumer.child.kill("SIGINT");
  expect(await consumer.ended()).toMatchObject({ code: 0, stderr: "" });
});

test("the producer makes a book, is told what was refused, and can run again", async () => {
  const server = await startTestServer();
  for (const run of [1, 2]) {
    const producer = runExample("producer.ts", [`grpc://${server.grpcAddress}`]);
    expect(await producer.ended()).toEqual({
      code: 0,
      stdout: "4 events accepted, 1 refused\n",
      stderr: "order by-key was refused: best bid would reach best ask\n",
    });
    const book = await fetch(`${server.httpUrl}/v1/book/ACME`);
    expect(await book.json()).toMatchObject({
      sequence: String(4 * run),
      bids: [["100.25", "250", 1]],
      asks: [["100.30", "100", 1]],
    });
  }
});
