import { DepthcastError, ErrorCode } from "../../errors.ts";

/** Questions to another thread that wait for their answers. */
export class Calls {
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #last = 0;
  #ended: DepthcastError | undefined;

  /** Asks by `post`, which is given the call's number; resolves with the answer. */
  ask<Answer>(post: (call: number) => void): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#last += 1;
    const call = this.#last;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(call, waiting);
    post(call);
    return waiting.promise as Promise<Answer>;
  }

  answer(call: number, answer: unknown): void {
    this.#waiting.get(call)?.resolve(answer);
    this.#waiting.delete(call);
  }

  /** The other thread is gone: whatever waits, and whatever is asked from now on, fails. */
  end(who: string): void {
    this.#ended = new DepthcastError(ErrorCode.unavailable, `${who} is gone: try again`);
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended);
    this.#waiting.clear();
  }
}
