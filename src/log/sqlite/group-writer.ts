import { DepthcastError } from "../../errors.ts";
import type { RecordGroup } from "../record-group.ts";
import type { LogKeeper } from "./log-keeper.ts";

/** Bytes that one commit takes at most, but for one group that is larger. */
const COMMIT_BYTES_MAX = 8 * 1024 * 1024;

/** Records that were sent together. */
export interface SentGroup {
  readonly group: RecordGroup;
  /** How many refusals the sender knew of. */
  readonly refusals: number;
}

/** What became of the groups of one commit. Refused is also all that was sent without knowing of it. */
export type CommitOutcome =
  | { readonly kind: "committed"; readonly records: number; readonly bytes: number; readonly seconds: number }
  | { readonly kind: "refused"; readonly reason: DepthcastError };

/** Group commit: what has come while a commit ran is the next transaction. */
export class GroupWriter {
  readonly #log: LogKeeper;
  readonly #nowMs: () => number;
  #refusals = 0;

  constructor(log: LogKeeper, nowMs: () => number) {
    this.#log = log;
    this.#nowMs = nowMs;
  }

  /**
   * @param next the next group that has come, if there is one
   * @returns undefined where all of it was refused before, with what it waited behind
   */
  write(first: SentGroup, next: () => SentGroup | undefined): CommitOutcome | undefined {
    const groups: RecordGroup[] = [];
    let records = 0;
    let bytes = 0;
    for (let sent: SentGroup | undefined = first; sent !== undefined; ) {
      if (sent.refusals === this.#refusals) {
        groups.push(sent.group);
        records += sent.group.lengths.length;
        bytes += sent.group.buffer.byteLength;
      }
      sent = bytes < COMMIT_BYTES_MAX ? next() : undefined;
    }
    return records === 0 ? undefined : this.#commit(groups, records);
  }

  #commit(groups: readonly RecordGroup[], records: number): CommitOutcome {
    const beganMs = this.#nowMs();
    try {
      this.#log.append(groups);
    } catch (thrown) {
      if (!(thrown instanceof DepthcastError)) throw thrown;
      this.#refusals += 1;
      return { kind: "refused", reason: thrown };
    }
    return { kind: "committed", records, bytes: this.#log.bytes, seconds: (this.#nowMs() - beganMs) / 1000 };
  }
}
