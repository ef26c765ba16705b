import type { BroadcastSession } from "./session.ts";
import type { Position } from "../protocol/subscription.ts";
import type { View } from "./view.ts";

/**
 * A consumer's place in a view.
 *
 * - `joining`: `Subscribed` has not been sent; what follows it depends on `resume`.
 * - `restarting`: the instrument was redefined: a notice, `Subscribed` and a snapshot are due.
 * - `live`: the consumer holds the state at `cursor`.
 */
type Progress =
  | { readonly phase: "joining"; readonly resume: Position | undefined }
  | { readonly phase: "restarting" }
  | { readonly phase: "live" };

/** All that is kept of a consumer's progress in a view. */
export class Subscription {
  readonly view: View;
  readonly session: BroadcastSession;
  readonly id: string;
  /** The sequence of the chain's last message to this consumer. */
  cursor = 0;
  /** `view.changes` at the cursor. */
  changesAtCursor = 0;
  /** Dropped, or its session has ended. */
  isOver = false;
  /** Among what its session has to look at in its next turn. */
  isDue = false;
  /** The one that its session looks at after it. */
  nextDue: Subscription | undefined;
  /** To be told that nothing has changed, if nothing has by its session's turn. */
  heartbeatDue = false;
  #progress: Progress;

  constructor(view: View, session: BroadcastSession, id: string, resume: Position | undefined) {
    this.view = view;
    this.session = session;
    this.id = id;
    this.#progress = { phase: "joining", resume };
  }

  get isLive(): boolean {
    return this.#progress.phase === "live";
  }

  /** Whether anything is due to the consumer. */
  get isBehind(): boolean {
    return !this.isLive || this.view.changes !== this.changesAtCursor;
  }

  get progress(): Progress {
    return this.#progress;
  }

  restart(): void {
    if (this.#progress.phase === "live") this.#progress = { phase: "restarting" };
  }

  /** The consumer holds this state now. */
  reached(sequence: number, changes: number): void {
    this.#progress = LIVE;
    this.cursor = sequence;
    this.changesAtCursor = changes;
  }
}

const LIVE = { phase: "live" } as const;
