/** Whether work should be sent here, and what speaks against it. */
export interface Readiness {
  readonly ready: boolean;
  readonly reasons: readonly string[];
}

/** Why a part is not ready, in words; undefined = it is. */
export type ReadinessCheck = () => string | undefined;

/** Readiness put together from checks that the parts register under their names. */
export class Health {
  readonly #checks = new Map<string, ReadinessCheck>();

  /** A second check under one name replaces the first. */
  check(name: string, check: ReadinessCheck): void {
    this.#checks.set(name, check);
  }

  readiness(): Readiness {
    const reasons: string[] = [];
    for (const [name, check] of this.#checks) {
      const reason = runCheck(check);
      if (reason !== undefined) reasons.push(`${name}: ${reason}`);
    }
    return { ready: reasons.length === 0, reasons };
  }
}

/** A check that fails is a part that is not ready, never a failed request. */
function runCheck(check: ReadinessCheck): string | undefined {
  try {
    return check();
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
