import type { BroadcastSession } from "./session.ts";

/**
 * Sessions served in one go. More would keep the thread from everything else, and are slower too: what one
 * write leaves in the caches is gone before its completion is dealt with.
 */
const SESSIONS_PER_TURN = 64;

/**
 * Sessions that something is due to, in the order in which it fell due. As many as one turn of the event loop
 * may serve are served at once; the others in the turns that follow, each brought to the state of its views
 * at that time. So it never holds a session twice, nor anything of what is to be sent.
 */
export class FlushQueue {
  readonly #defer: (task: () => void) => void;
  readonly #serve: (sessions: readonly BroadcastSession[]) => void;
  /** The first `#served` have had their turn; never more of them than wait. */
  #sessions: BroadcastSession[] = [];
  #served = 0;
  #isDeferred = false;

  /** `serve` has each of these send what is due; `defer` runs a task in a later turn of the event loop. */
  constructor(serve: (sessions: readonly BroadcastSession[]) => void, defer: (task: () => void) => void) {
    this.#defer = defer;
    this.#serve = serve;
  }

  /** A session that is not in the queue. */
  add(session: BroadcastSession): void {
    this.#sessions.push(session);
  }

  /** Serves the first ones, unless sessions that came before them still wait for their turn. */
  run(): void {
    if (!this.#isDeferred) this.#serveTurn();
  }

  #serveTurn(): void {
    const turn = this.#sessions.slice(this.#served, this.#served + SESSIONS_PER_TURN);
    if (turn.length === 0) return;
    this.#served += turn.length;
    // Not at every turn: of thousands of sessions each would be moved dozens of times.
    if (this.#served * 2 >= this.#sessions.length) {
      this.#sessions = this.#sessions.slice(this.#served);
      this.#served = 0;
    }
    if (this.#sessions.length > this.#served) {
      this.#isDeferred = true;
      this.#defer(() => {
        this.#isDeferred = false;
        this.#serveTurn();
      });
    }
    this.#serve(turn);
  }
}
