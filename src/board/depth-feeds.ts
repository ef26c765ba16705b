import type { Depth } from "../book/depth.ts";
import { invariant } from "../errors.ts";
import type { DepthFeed } from "./depth-feed.ts";

type FeedListener = Parameters<DepthFeed["listen"]>[0];

/** One thread's ends of the boards of several engines, as one: instruments are divided by their number. */
export class DepthFeeds {
  readonly #feeds: readonly DepthFeed[];

  /** In the order of the engines. */
  constructor(feeds: readonly DepthFeed[]) {
    this.#feeds = feeds;
  }

  listen(listener: FeedListener): void {
    for (const feed of this.#feeds) feed.listen(listener);
  }

  read(instrument: number, levels: number, into: Depth): boolean {
    return this.#of(instrument).read(instrument, levels, into);
  }

  sequence(instrument: number): number {
    return this.#of(instrument).sequence(instrument);
  }

  claim(instrument: number, levels: number): Promise<void> {
    return this.#of(instrument).claim(instrument, levels);
  }

  release(instrument: number, levels: number): void {
    this.#of(instrument).release(instrument, levels);
  }

  stop(): void {
    for (const feed of this.#feeds) feed.stop();
  }

  #of(instrument: number): DepthFeed {
    const feed = this.#feeds[instrument % this.#feeds.length];
    invariant(feed !== undefined, "there is a board for every instrument");
    return feed;
  }
}
