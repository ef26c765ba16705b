import type { DatabaseSync } from "node:sqlite";
import { type Digest, digestOf, digestText, firstDigest, sameDigest } from "./chain.ts";
import { damagedLog } from "./log-damage.ts";

/** What a log says of itself, beside its entries. */
export interface LogMeta {
  /** Random, made with the log: which log this is, whatever its file is called. */
  readonly logId: string;
  readonly epoch: bigint;
  /** The first entry that is kept. */
  readonly startIndex: number;
  /** The digest before it: what the chain hangs on. */
  readonly startDigest: Digest;
}

interface PlainMeta {
  readonly logId: string;
  readonly epoch: string;
  readonly startIndex: number;
  readonly startDigest: string;
}

export function newMeta(epoch: bigint): LogMeta {
  const logId = crypto.randomUUID();
  return { logId, epoch, startIndex: 0, startDigest: firstDigest(logId) };
}

/** Undefined where there is none yet. @throws DepthcastError `internal` where it is damaged. */
export function readMeta(database: DatabaseSync, path: string): LogMeta | undefined {
  const row = database.prepare("SELECT content, digest FROM meta").get();
  if (row === undefined) return undefined;
  const { content, digest } = row;
  const isWhole =
    typeof content === "string" &&
    digest instanceof Uint8Array &&
    sameDigest(digestOf(new TextEncoder().encode(content)), digest);
  if (!isWhole) throw damagedLog(path, "its description of itself does not match its digest");
  const plain = JSON.parse(content) as PlainMeta;
  return {
    logId: plain.logId,
    epoch: BigInt(plain.epoch),
    startIndex: plain.startIndex,
    startDigest: new Uint8Array(Buffer.from(plain.startDigest, "hex")),
  };
}

/** Within the caller's transaction. */
export function writeMeta(database: DatabaseSync, meta: LogMeta): void {
  const plain: PlainMeta = {
    logId: meta.logId,
    epoch: String(meta.epoch),
    startIndex: meta.startIndex,
    startDigest: digestText(meta.startDigest),
  };
  const content = JSON.stringify(plain);
  database
    .prepare("INSERT OR REPLACE INTO meta (key, content, digest) VALUES (1, ?, ?)")
    .run(content, digestOf(new TextEncoder().encode(content)));
}
