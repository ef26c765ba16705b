import { basename } from "node:path";
import { sameDigest } from "../../log/sqlite/chain.ts";
import type { LogReader } from "../../log/sqlite/log-reader.ts";
import { readWatermark, type WatermarkContent } from "../../log/sqlite/watermark.ts";
import { decodeRecord, RecordKind } from "../../log/record.ts";
import { judgeSnapshots } from "./log-snapshots.ts";

/** What there is to say of a log, in lines. @param checks whether every entry is read and held against the chain */
export async function logInfo(log: LogReader, checks: boolean): Promise<string[]> {
  const { logId, epoch, startIndex } = log.meta;
  const { endIndex } = log;
  const watermark = readWatermark(log.path);
  return [
    `order log  ${log.path}`,
    `  id         ${logId}, schema version ${log.schemaVersion}`,
    `  epoch      ${epoch}`,
    `  entries    ${endIndex === startIndex ? "none" : `${startIndex} to ${endIndex - 1}`}`,
    `  bytes      ${log.bytes}`,
    `  watermark  ${watermarkText(log, endIndex, watermark)}`,
    ...(await snapshotLines(log)),
    ...(checks ? contentLines(log, endIndex) : ["  --check reads all of it"]),
  ];
}

async function snapshotLines(log: LogReader): Promise<string[]> {
  const snapshots = await judgeSnapshots(log);
  if (snapshots.length === 0) return ["  snapshots  none"];
  return snapshots.map(({ path, logIndex, unfit }) => {
    const state = unfit === undefined ? `a start goes on from entry ${logIndex}` : `unfit: ${unfit}`;
    return `  snapshot   ${basename(path)}: ${state}`;
  });
}

/** @throws DepthcastError `internal` at the first entry that is damaged. */
function contentLines(log: LogReader, endIndex: number): string[] {
  const symbols = new Set<string>();
  let batches = 0;
  let events = 0;
  for (const { record } of log.read(log.meta.startIndex, endIndex)) {
    const decoded = decodeRecord(record);
    if (decoded.kind === RecordKind.define) symbols.add(decoded.instrument.symbol);
    if (decoded.kind !== RecordKind.batch) continue;
    batches += 1;
    events += decoded.events.length;
  }
  return [
    `  batches    ${batches} with ${events} events`,
    `  defined    ${symbols.size === 0 ? "nothing" : [...symbols].join(", ")}, in these entries`,
    "  checked    every entry fits the chain",
  ];
}

function watermarkText(log: LogReader, endIndex: number, found: WatermarkContent | undefined): string {
  const { logId, epoch, startIndex } = log.meta;
  if (found === undefined) return "missing or damaged: the server refuses to start";
  if (found.logId !== logId) return "of another log: the server refuses to start";
  if (found.endIndex > endIndex) {
    return `${found.endIndex} entries were acknowledged, more than there are: the server refuses to start`;
  }
  if (found.epoch !== epoch) return "of another epoch: the server refuses to start";
  const fits = found.endIndex < startIndex || sameDigest(log.digestAt(found.endIndex), found.digest);
  if (!fits) return "knows other entries: the server refuses to start";
  return `fits: what was acknowledged ends at ${found.endIndex}`;
}
