import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { DepthcastError, invariant } from "../../errors.ts";
import type { RecordGroup } from "../../log/record-group.ts";
import { GroupWriter } from "../../log/sqlite/group-writer.ts";
import { LogKeeper } from "../../log/sqlite/log-keeper.ts";
import type { FromLog, LogSetup, ToLog } from "./log-messages.ts";
import { toPlain } from "./messages.ts";

/** The thread of the order log: it waits for the disk, so that nobody else has to. */

/** Bytes that are read back at once: what the core applies in one turn. */
const READ_BYTES = 512 * 1024;
/** Entries forgotten in one transaction, between two commits: a few milliseconds. */
const TRUNCATE_ROWS = 500;
/** How often it is looked, after a fault, whether its cause is gone. */
const PROBE_INTERVAL_MS = 1000;

invariant(parentPort !== null, "the log's thread is started as a worker");
const core: MessagePort = parentPort;
const setup = workerData as LogSetup;
const nowMs = () => performance.now();
let toldFault: string | undefined;

function tell(message: FromLog): void {
  core.postMessage(message);
}

function open(): LogKeeper | undefined {
  try {
    const log = new LogKeeper({ ...setup, nowMs });
    const { epoch, startIndex, endIndex, bytes } = log;
    tell({ kind: "opened", opened: { value: { epoch, startIndex, endIndex, bytes } } });
    return log;
  } catch (thrown) {
    if (!(thrown instanceof DepthcastError)) throw thrown;
    tell({ kind: "opened", opened: { error: toPlain(thrown) } });
    return undefined;
  }
}

function serve(log: LogKeeper): void {
  const writer = new GroupWriter(log, nowMs);
  /** Came while the groups before it were gathered. */
  let held: ToLog | undefined;
  let truncating: { beforeIndex: number; calls: number[] } | undefined;

  const next = (): ToLog | undefined => {
    const message = held ?? (receiveMessageOnPort(core)?.message as ToLog | undefined);
    held = undefined;
    return message;
  };
  const nextGroup = () => {
    const message = next();
    if (message === undefined || message.kind === "append") return message;
    held = message;
    return undefined;
  };

  function tellFault(): void {
    if (log.fault === toldFault) return;
    toldFault = log.fault;
    tell({ kind: "fault", fault: toldFault });
  }

  function answer(call: number, action: () => RecordGroup | string | undefined): void {
    try {
      const value = action();
      const message: FromLog = { kind: "answer", call, answer: { value } };
      core.postMessage(message, typeof value === "object" ? [value.buffer] : []);
    } catch (thrown) {
      if (!(thrown instanceof DepthcastError)) throw thrown;
      tell({ kind: "answer", call, answer: { error: toPlain(thrown) } });
    }
  }

  function truncate(call: number, beforeIndex: number): void {
    if (truncating === undefined) setImmediate(truncateStep);
    truncating ??= { beforeIndex, calls: [] };
    truncating.beforeIndex = Math.max(truncating.beforeIndex, beforeIndex);
    truncating.calls.push(call);
  }

  /** Commits go on between the steps. */
  function truncateStep(): void {
    if (truncating === undefined) return;
    const { beforeIndex, calls } = truncating;
    const finish = (action: () => undefined) => {
      truncating = undefined;
      for (const call of calls) answer(call, action);
    };
    try {
      if (log.truncate(beforeIndex, TRUNCATE_ROWS)) finish(() => undefined);
      else setImmediate(truncateStep);
    } catch (thrown) {
      finish(() => {
        throw thrown;
      });
    }
    log.checkpointIfDue(false);
    tell({ kind: "bytes", bytes: log.bytes });
    tellFault();
  }

  function close(call: number): void {
    clearInterval(probing);
    answer(call, () => {
      log.close();
      return undefined;
    });
    core.close();
  }

  function obey(message: ToLog): void {
    switch (message.kind) {
      case "append": {
        const outcome = writer.write(message, nextGroup);
        if (outcome?.kind === "committed") tell(outcome);
        else if (outcome !== undefined) tell({ kind: "refused", reason: toPlain(outcome.reason) });
        tellFault();
        return;
      }
      case "read":
        answer(message.call, () => log.read(message.fromIndex, message.endIndex, READ_BYTES));
        return;
      case "digest":
        answer(message.call, () => log.digestAt(message.index));
        return;
      case "truncate":
        truncate(message.call, message.beforeIndex);
        return;
      case "close":
        close(message.call);
    }
  }

  const probing = setInterval(() => {
    if (log.fault !== undefined) log.probe();
    tellFault();
  }, PROBE_INTERVAL_MS);

  core.on("message", (first: ToLog) => {
    for (let message: ToLog | undefined = first; message !== undefined; message = next()) {
      obey(message);
      if (message.kind === "close") return;
      log.checkpointIfDue(false);
    }
    log.checkpointIfDue(true);
    tellFault();
  });
}

const log = open();
if (log !== undefined) serve(log);
