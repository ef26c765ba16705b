import type { FromFeed, ToFeed } from "./feed-messages.ts";

/** The page's end of the feed worker: asks for what is new when a frame is about to be drawn. */
export class Feed {
  readonly #worker = new Worker(new URL("feed.worker.ts", import.meta.url), { type: "module", name: "feed" });
  #asked = false;

  constructor(receive: (message: FromFeed) => void) {
    this.#worker.addEventListener("message", ({ data }: MessageEvent<FromFeed>) => {
      if (data.kind === "frame") this.#asked = false;
      receive(data);
    });
    const ask = (): void => {
      // A worker that does not answer, as it is blocked, is not asked again.
      if (!this.#asked) this.send({ kind: "frame" });
      this.#asked = true;
      requestAnimationFrame(ask);
    };
    requestAnimationFrame(ask);
  }

  send(message: ToFeed): void {
    this.#worker.postMessage(message);
  }
}
