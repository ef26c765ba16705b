const CAPACITY_MIN = 16;

/**
 * The states that a view has lately been in: for each its sequence and how many changes had been seen by
 * then. A ring: over `max` the oldest is forgotten. Sequences rise.
 */
export class KnownStates {
  readonly #max: number;
  #sequence: Float64Array;
  #changes: Float64Array;
  #start = 0;
  #length = 0;

  constructor(max: number) {
    this.#max = Math.max(1, max);
    const capacity = Math.min(CAPACITY_MIN, this.#max);
    this.#sequence = new Float64Array(capacity);
    this.#changes = new Float64Array(capacity);
  }

  get bytes(): number {
    return this.#sequence.byteLength + this.#changes.byteLength;
  }

  remember(sequence: number, changes: number): void {
    if (this.#length === this.#sequence.length) {
      if (this.#length < this.#max) {
        this.#grow();
      } else {
        this.#start = this.#slotOf(1);
        this.#length -= 1;
      }
    }
    const slot = this.#slotOf(this.#length);
    this.#sequence[slot] = sequence;
    this.#changes[slot] = changes;
    this.#length += 1;
  }

  /** Whether the state at exactly this sequence is remembered. */
  has(sequence: number): boolean {
    const age = this.#ageFrom(sequence);
    return age < this.#length && sequence === this.#sequence[this.#slotOf(age)];
  }

  /** Changes seen up to the first remembered state that is not before `sequence`; 0 = there is none. */
  changesAt(sequence: number): number {
    const age = this.#ageFrom(sequence);
    return age < this.#length ? this.#changes[this.#slotOf(age)]! : 0;
  }

  /** The place of the first remembered state that is not before `sequence`, oldest first. */
  #ageFrom(sequence: number): number {
    let low = 0;
    let high = this.#length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#sequence[this.#slotOf(middle)]! < sequence) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #slotOf(age: number): number {
    const slot = this.#start + age;
    return slot < this.#sequence.length ? slot : slot - this.#sequence.length;
  }

  /** Only before the ring has come round, so the oldest is at the start. */
  #grow(): void {
    const capacity = Math.min(this.#max, this.#sequence.length * 2);
    const sequence = new Float64Array(capacity);
    const changes = new Float64Array(capacity);
    sequence.set(this.#sequence);
    changes.set(this.#changes);
    this.#sequence = sequence;
    this.#changes = changes;
  }
}
