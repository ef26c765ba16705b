import type { Clock, Timer } from "../clock.ts";
import { DepthcastError, ErrorCode, invariant } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { DepthSource } from "./depth-source.ts";
import type { View } from "./view.ts";

/** What a view holds at least for one level of its depth: price, quantity, stamp and count, on two sides. */
const LEVEL_BYTES = 2 * (8 + 8 + 8 + 4);

interface OpenView {
  readonly view: View;
  /** Settles when the board holds the depth, or refuses. */
  readonly ready: Promise<void>;
  /** Subscriptions that wait for it. */
  openers: number;
  /** As counted in the total. */
  bytes: number;
}

/**
 * The views of this thread, within a budget of bytes. A view is opened for its first consumer and lingers
 * for a while after its last one, for those who come back; over the budget lingering views go first.
 */
export class ViewTable {
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #depths: DepthSource;
  readonly #views = new Map<number, OpenView>();
  readonly #byInstrument = new Map<number, Set<View>>();
  /** Views without consumers, longest idle first. */
  readonly #idle = new Set<View>();
  #bytes = 0;
  #timer: Timer | undefined;
  #stopped = false;
  readonly #onClosed: (view: View) => void;

  constructor(clock: Clock, limits: Limits, depths: DepthSource, onClosed: (view: View) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#depths = depths;
    this.#onClosed = onClosed;
  }

  get size(): number {
    return this.#views.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  ofInstrument(instrument: number): Iterable<View> {
    return this.#byInstrument.get(instrument) ?? NO_VIEWS;
  }

  *all(): IterableIterator<View> {
    for (const { view } of this.#views.values()) yield view;
  }

  /**
   * Resolves with the view once the board holds its depth. Each call is followed by one `release`.
   *
   * @throws DepthcastError `resource_exhausted` over the budget of views or of the board.
   */
  async open(viewId: number, create: () => View): Promise<View> {
    const entry = this.#views.get(viewId) ?? this.#create(viewId, create());
    entry.openers += 1;
    this.#idle.delete(entry.view);
    entry.view.idleSinceMs = undefined;
    try {
      await entry.ready;
    } catch (refusal) {
      entry.openers -= 1;
      throw refusal;
    }
    return entry.view;
  }

  /** A subscription that had opened the view has gone. */
  release(view: View): void {
    const entry = this.#entry(view);
    entry.openers -= 1;
    if (entry.openers > 0) return;
    view.idleSinceMs = this.#clock.nowMs();
    this.#idle.add(view);
    this.#watchIdle();
  }

  /** Counts anew what a view holds, after it may have grown; over the budget lingering views go. */
  recount(view: View): void {
    const entry = this.#entry(view);
    const bytes = bytesOf(view);
    if (bytes === entry.bytes) return;
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    this.#hasRoomFor(0);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #create(viewId: number, view: View): OpenView {
    this.#makeRoom(view);
    const ready = this.#depths.claim(view.instrumentIndex, view.depth);
    const entry = { view, ready, openers: 0, bytes: bytesOf(view) };
    this.#views.set(viewId, entry);
    this.#bytes += entry.bytes;
    let siblings = this.#byInstrument.get(view.instrumentIndex);
    if (siblings === undefined) {
      siblings = new Set();
      this.#byInstrument.set(view.instrumentIndex, siblings);
    }
    siblings.add(view);
    // Nothing was claimed where it is refused, so nothing is released.
    ready.catch(() => this.#remove(view));
    return entry;
  }

  #makeRoom(view: View): void {
    if (this.#hasRoomFor(bytesOf(view))) return;
    const limit = this.#limits.viewBytesMax;
    throw new DepthcastError(
      ErrorCode.resourceExhausted,
      `no memory left for another view: all views may hold ${limit} bytes (viewBytesMax); ask for less depth or raise it`,
      { reason: "VIEW_BYTES_MAX", metadata: { limit: String(limit) } },
    );
  }

  /** Closes lingering views, as many as it takes. */
  #hasRoomFor(bytes: number): boolean {
    const limit = this.#limits.viewBytesMax;
    for (const idle of this.#idle) {
      if (this.#bytes + bytes <= limit) return true;
      this.#close(idle);
    }
    return this.#bytes + bytes <= limit;
  }

  #watchIdle(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    const [oldest] = this.#idle;
    if (oldest?.idleSinceMs === undefined) return;
    const dueMs = oldest.idleSinceMs + this.#limits.viewLingerMs;
    this.#timer = this.#clock.setTimer(Math.max(0, dueMs - this.#clock.nowMs()), () => {
      this.#timer = undefined;
      this.#closeExpired();
      this.#watchIdle();
    });
  }

  #closeExpired(): void {
    const expiredMs = this.#clock.nowMs() - this.#limits.viewLingerMs;
    for (const view of this.#idle) {
      if (view.idleSinceMs === undefined || view.idleSinceMs > expiredMs) return;
      this.#close(view);
    }
  }

  #close(view: View): void {
    this.#remove(view);
    this.#depths.release(view.instrumentIndex, view.depth);
  }

  #remove(view: View): void {
    const entry = this.#entry(view);
    this.#views.delete(view.viewId);
    this.#bytes -= entry.bytes;
    this.#idle.delete(view);
    const siblings = this.#byInstrument.get(view.instrumentIndex);
    siblings?.delete(view);
    if (siblings?.size === 0) this.#byInstrument.delete(view.instrumentIndex);
    this.#onClosed(view);
  }

  #entry(view: View): OpenView {
    const entry = this.#views.get(view.viewId);
    invariant(entry?.view === view, "a view that is used is in the table");
    return entry;
  }
}

/** What a view holds, with the levels that it will hold as soon as the book has them. */
function bytesOf(view: View): number {
  return Math.max(view.bytes, view.depth * LEVEL_BYTES);
}

const NO_VIEWS: readonly View[] = [];
