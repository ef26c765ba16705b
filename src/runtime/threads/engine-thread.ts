import { parentPort, type Transferable, workerData } from "node:worker_threads";
import { DepthBoardWriter } from "../../board/depth-board-writer.ts";
import { Engine } from "../../engine/engine.ts";
import { invariant } from "../../errors.ts";
import { createMetrics } from "../../observability/metrics.ts";
import { buffersOf } from "./book-buffers.ts";
import {
  type EngineSetup,
  type EngineTask,
  type EngineToGateway,
  fallible,
  type FromEngine,
  type GatewayToEngine,
  type ToEngine,
} from "./messages.ts";

/** The thread of an engine: books, and the board that it publishes to. */

invariant(parentPort !== null, "an engine thread is started as a worker");
const core = parentPort;
const { engine: engineNumber, limits, hashSeed, readers } = workerData as EngineSetup;
const ports = new Map<number, MessagePort>();
const metrics = createMetrics({ thread: `engine-${engineNumber}`, process: false });

const board = new DepthBoardWriter({
  readers,
  instrumentsMax: limits.instrumentsMax,
  bytesMax: limits.boardBytesMax,
  ring: (reader) => tell(reader, { kind: "ring" }),
  announce: (instrument, buffer) => {
    for (const reader of ports.keys()) tell(reader, { kind: "buffer", instrument, buffer });
  },
});

const engine = new Engine({
  publisher: board,
  hashSeed,
  onTurn: (turn) => reply({ kind: "turn", turn }),
});
metrics.watch({ boardBytes: () => board.bytes });

function reply(message: FromEngine, transfer: Transferable[] = []): void {
  core.postMessage(message, transfer);
}

function tell(reader: number, message: EngineToGateway): void {
  ports.get(reader)?.postMessage(message);
}

function applyTurn(tasks: readonly EngineTask[]): void {
  for (const task of tasks) {
    if ("record" in task) engine.apply(task.logIndex, task.record);
    else if ("rules" in task) engine.setRules(task.logIndex, task.rules);
    else engine.define(task.logIndex, task.instrument, task.definition);
  }
  engine.endTurn();
}

function addReader(reader: number, port: MessagePort): void {
  ports.set(reader, port);
  port.addEventListener("message", ({ data }) => fromGateway(reader, data as GatewayToEngine));
  port.start();
  board.forEachBuffer((instrument, buffer) => tell(reader, { kind: "buffer", instrument, buffer }));
}

function fromGateway(reader: number, message: GatewayToEngine): void {
  const { instrument, levels } = message;
  if (message.kind === "release") {
    engine.releaseDepth(instrument, reader, levels);
    return;
  }
  tell(reader, { kind: "answer", call: message.call, answer: engine.claimDepth(instrument, reader, levels) });
}

function dropReader(reader: number): void {
  ports.get(reader)?.close();
  ports.delete(reader);
  engine.dropReader(reader);
}

async function handle(message: ToEngine): Promise<void> {
  switch (message.kind) {
    case "turn":
      applyTurn(message.tasks);
      return;
    case "reader":
      addReader(message.reader, message.port);
      return;
    case "reader_gone":
      dropReader(message.reader);
      reply({ kind: "answer", call: message.call, answer: undefined });
      return;
    case "export": {
      // There may be no memory for the copy, and ingest goes on all the same.
      const answer = await fallible(() => engine.exportBook(message.instrument));
      const buffers = "value" in answer ? buffersOf(answer.value) : [];
      reply({ kind: "answer", call: message.call, answer }, buffers);
      return;
    }
    case "restore": {
      const answer = await fallible(() => engine.restoreBook(message.book));
      reply({ kind: "answer", call: message.call, answer });
      return;
    }
    case "integrity":
      reply({ kind: "answer", call: message.call, answer: engine.checkIntegrity() });
      return;
    case "hashes":
      reply({ kind: "answer", call: message.call, answer: engine.stateHashes() });
      return;
    case "metrics":
      reply({ kind: "answer", call: message.call, answer: await metrics.text() });
  }
}

core.on("message", (message: ToEngine) => void handle(message));
reply({ kind: "ready", control: board.control });
