/** Lets callers wait until something holds. Whoever changes what they look at says so. */
export class Condition {
  #waiting: (() => void)[] = [];

  /** Resolves when `holds` answers true; looked at now and after each change. Rejects with what it throws. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
  }

  changed(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
