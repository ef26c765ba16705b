import { packRecords } from "../../src/log/record-group.ts";
import { LogKeeper } from "../../src/log/sqlite/log-keeper.ts";
import { answerCommands } from "./answer-commands.ts";
import type { KeeperAnswer, KeeperCommand } from "./keeper-commands.ts";
import { numberedRecord } from "./log-taker.ts";

let log: LogKeeper | undefined;

answerCommands((command: KeeperCommand) => Promise.resolve(obey(command)));

function obey(command: KeeperCommand): KeeperAnswer {
  let refusal: string | undefined;
  try {
    act(command);
  } catch (thrown) {
    refusal = (thrown as Error).message;
  }
  return { endIndex: log?.endIndex ?? 0, fault: log?.fault, refusal };
}

function act(command: KeeperCommand): void {
  if (command.op === "open") {
    const nowMs = () => performance.now();
    log = new LogKeeper({ path: command.path, epoch: 1000n, bytesMax: Number.MAX_SAFE_INTEGER, nowMs });
  } else if (command.op === "append") {
    const { from, to } = command;
    log?.append([packRecords(Array.from({ length: to - from }, (_, place) => numberedRecord(from + place)))]);
  } else if (command.op === "probe") {
    log?.probe();
  } else {
    log?.close();
  }
}
