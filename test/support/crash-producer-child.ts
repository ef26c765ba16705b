import { Producer } from "../../src/client/producer/producer.ts";
import { answerCommands } from "./answer-commands.ts";
import { CrashFlow, producerEvent, producerId } from "./crash-flow.ts";
import type { CrashProducerCommand, CrashProducerOptions, CrashProducerProgress } from "./crash-producer.ts";

/** The child of `CrashProducer`. */

let producer: Producer;
let sending: Promise<void>;
const finishing = new AbortController();
let made = 0;
let eventsMade = 0;
let losses = 0;
let failure: unknown;

answerCommands(async (command: CrashProducerCommand): Promise<CrashProducerProgress> => {
  if (command.op === "start") await start(command.options);
  if (command.op === "finish") {
    finishing.abort();
    await sending;
    await producer.flush();
  }
  if (failure !== undefined) throw failure;
  return progress();
});

async function start({ target, seed, producer: number }: CrashProducerOptions): Promise<void> {
  let connected = true;
  producer = await Producer.open({
    target,
    producerId: producerId(number),
    // Batches end where the flow says, so that the model knows each by its number.
    batchEventsMax: 1000,
    lingerMs: 3_600_000,
    keptBytesMax: 128 * 1024,
    backoff: { firstDelayMs: 10, delayMaxMs: 200 },
    onStatus: ({ phase }) => {
      if (connected && phase === "reconnecting") losses += 1;
      connected = phase === "connected";
    },
  });
  sending = send(new CrashFlow(seed, number));
  sending.catch((thrown: unknown) => {
    failure = thrown;
  });
}

async function send(flow: CrashFlow): Promise<void> {
  while (!finishing.signal.aborted) {
    const { symbol, events } = flow.next();
    for (const event of events) {
      const room = producer.write(symbol, producerEvent(event));
      if (room !== undefined) await room;
      eventsMade += 1;
    }
    producer.send();
    made += 1;
  }
}

function progress(): CrashProducerProgress {
  const { acceptedEvents, rejectedEvents, uncountedEvents } = producer.totals;
  return {
    made,
    acknowledged: producer.acknowledgedBatch,
    eventsMade,
    totals: { acceptedEvents, rejectedEvents, uncountedEvents },
    losses,
  };
}
