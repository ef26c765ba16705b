/**
 * The publication protocol of src/board/slot-buffer.ts as a model: one writer and some readers, each atomic
 * step a step of its own, each filling and each copy two (a slot is two halves). The steps have the names
 * that they have there. The writer publishes 1, 2, … up to a last; the readers read without end.
 */
import type { Model, TakeStep } from "./explorer.ts";

/** What can be left out or put in the wrong place, to see that the model finds out. */
export type SlotMistake =
  | "R2 left out"
  | "R3 left out"
  | "R3 before R2"
  | "R5 before R4"
  | "W1 takes the latest"
  | "W1 loads no pin"
  | "W1 loads all pins but the last"
  | "W1 loads the pins anew for each slot"
  | "W3 before W2"
  | "one slot fewer"
  | "the pin of a living reader cleared";

export const SlotFault = {
  race: "a reader copies a slot that is being written",
  mixture: "a copy is no whole publication",
  backwards: "a reader has gone back in sequence",
  noFreeSlot: "the writer has found no free slot",
} as const;
export type SlotFault = (typeof SlotFault)[keyof typeof SlotFault];

export interface SlotModelOptions {
  readonly readers: number;
  readonly publications: number;
  /** How many readers may die, at any step, and be replaced. */
  readonly deaths?: number;
  readonly mistake?: SlotMistake;
  /** Looks for these only. */
  readonly faults?: readonly SlotFault[];
}

const At = {
  latest: 0,
  writer: 1,
  /** That is being written. */
  slot: 2,
  /** Pins that W1 has loaded, and a bit for each slot that they named. */
  pinsLoaded: 3,
  pinned: 4,
  published: 5,
  deaths: 6,
  fault: 7,
  slots: 8,
} as const;
const Writer = { choose: 0, fill: 1, fillRest: 2, publish: 3, done: 4 } as const;
const OfReader = { next: 0, slot: 1, half: 2, newest: 3, pin: 4, bytes: 5 } as const;
const Reader = { load: 0, pin: 1, check: 2, copy: 3, copyRest: 4, unpin: 5, dead: 6 } as const;
const NOTED: readonly SlotFault[] = [SlotFault.mixture, SlotFault.backwards, SlotFault.noFreeSlot];

export class SlotModel implements Model {
  readonly stateBytes: number;
  readonly #readers: number;
  readonly #slots: number;
  readonly #publications: number;
  readonly #deaths: number;
  readonly #mistake: SlotMistake | undefined;
  readonly #faults: readonly SlotFault[];
  readonly #names: readonly string[];

  constructor(options: SlotModelOptions) {
    this.#readers = options.readers;
    this.#publications = options.publications;
    this.#deaths = options.deaths ?? 0;
    this.#mistake = options.mistake;
    this.#faults = options.faults ?? Object.values(SlotFault);
    this.#slots = options.readers + (options.mistake === "one slot fewer" ? 1 : 2);
    this.stateBytes = At.slots + 2 * this.#slots + OfReader.bytes * options.readers;
    this.#names = Array.from({ length: options.readers }, (_, reader) => `reader ${reader}  `);
  }

  begin(): void {
    // Nothing is published, nobody has begun: all zeros.
  }

  steps(state: Uint8Array, take: TakeStep): void {
    this.#stepWriter(state, take);
    for (let reader = 0; reader < this.#readers; reader += 1) this.#stepReader(state, reader, take);
  }

  fault(state: Uint8Array): string | undefined {
    const noted = state[At.fault]!;
    if (noted > 0 && this.#faults.includes(NOTED[noted - 1]!)) return NOTED[noted - 1];
    return this.#faults.includes(SlotFault.race) && this.#isRace(state) ? SlotFault.race : undefined;
  }

  describe(state: Uint8Array): string {
    const slots = Array.from({ length: this.#slots }, (_, slot) => {
      const at = halfOf(slot + 1);
      return `${state[at]}${state[at + 1]}`;
    });
    const pins = Array.from({ length: this.#readers }, (_, reader) => state[this.#at(reader) + OfReader.pin]);
    return `latest ${state[At.latest]}  pins ${pins.join(" ")}  slots ${slots.join(" ")}`;
  }

  /** Two plain accesses to a slot, one of them a write, that no step stands between. */
  #isRace(state: Uint8Array): boolean {
    const writer = state[At.writer]!;
    if (writer !== Writer.fill && writer !== Writer.fillRest) return false;
    for (let reader = 0; reader < this.#readers; reader += 1) {
      const at = this.#at(reader);
      const next = state[at + OfReader.next]!;
      const copies = next === Reader.copy || next === Reader.copyRest;
      if (copies && state[at + OfReader.slot] === state[At.slot]) return true;
    }
    return false;
  }

  #stepWriter(state: Uint8Array, take: TakeStep): void {
    const slot = state[At.slot]!;
    switch (state[At.writer]) {
      case Writer.choose:
        this.#choose(state, take);
        if (state[At.pinsLoaded] === 0) this.#replaceDead(state, take);
        break;
      case Writer.fill: {
        const next = take("writer    W2 fill the slot, first half");
        next[halfOf(slot)] = number(state);
        next[At.writer] = Writer.fillRest;
        break;
      }
      case Writer.fillRest: {
        const next = take("writer    W2 fill the slot, second half");
        next[halfOf(slot) + 1] = number(state);
        if (this.#mistake === "W3 before W2") this.#nextPublication(next);
        else next[At.writer] = Writer.publish;
        break;
      }
      case Writer.publish: {
        const next = take("writer    W3 store latest");
        next[At.latest] = slot;
        if (this.#mistake === "W3 before W2") next[At.writer] = Writer.fill;
        else this.#nextPublication(next);
        break;
      }
    }
  }

  /** Loads one pin, and after the last of them chooses the lowest slot that is left. */
  #choose(state: Uint8Array, take: TakeStep): void {
    if (this.#mistake === "W1 loads the pins anew for each slot") {
      this.#chooseSlotBySlot(state, take);
      return;
    }
    const reader = state[At.pinsLoaded]!;
    const next = take("writer    W1 load a pin");
    next[At.pinsLoaded] = reader + 1;
    const pin = state[this.#at(reader) + OfReader.pin]!;
    if (this.#mistake !== "W1 loads no pin") next[At.pinned] = state[At.pinned]! | (1 << pin);
    const pins = this.#readers - (this.#mistake === "W1 loads all pins but the last" ? 1 : 0);
    if (reader + 1 < pins) return;
    let slot = 1;
    while (this.#isLatest(state, slot) || (next[At.pinned]! & (1 << slot)) !== 0) slot += 1;
    this.#chosen(next, slot);
  }

  /** A slot that is met pinned is passed over for the next, for which all pins are loaded anew. */
  #chooseSlotBySlot(state: Uint8Array, take: TakeStep): void {
    const reader = state[At.pinsLoaded]!;
    let slot = Math.max(1, state[At.slot]!);
    if (this.#isLatest(state, slot)) slot += 1;
    const next = take("writer    W1 load a pin");
    next[At.slot] = slot;
    if (slot > this.#slots) {
      this.#chosen(next, slot);
    } else if (state[this.#at(reader) + OfReader.pin] === slot) {
      next[At.slot] = slot + 1;
      next[At.pinsLoaded] = 0;
    } else if (reader + 1 < this.#readers) {
      next[At.pinsLoaded] = reader + 1;
    } else {
      this.#chosen(next, slot);
    }
  }

  #chosen(next: Uint8Array, slot: number): void {
    next[At.slot] = slot;
    next[At.pinsLoaded] = 0;
    next[At.pinned] = 0;
    next[At.writer] = this.#mistake === "W3 before W2" ? Writer.publish : Writer.fill;
    if (slot <= this.#slots) return;
    note(next, SlotFault.noFreeSlot);
    next[At.writer] = Writer.done;
  }

  #isLatest(state: Uint8Array, slot: number): boolean {
    return slot === state[At.latest] && this.#mistake !== "W1 takes the latest";
  }

  #nextPublication(next: Uint8Array): void {
    next[At.published] = number(next);
    next[At.writer] = next[At.published] === this.#publications ? Writer.done : Writer.choose;
    next[At.slot] = 0;
  }

  /** Between publications the writer forgets a reader whose thread is gone; another takes its number. */
  #replaceDead(state: Uint8Array, take: TakeStep): void {
    for (let reader = 0; reader < this.#readers; reader += 1) {
      const at = this.#at(reader);
      const isDead = state[at + OfReader.next] === Reader.dead;
      if (!isDead && this.#mistake !== "the pin of a living reader cleared") continue;
      const next = take(`writer    clears the pin of reader ${reader}`);
      next[at + OfReader.pin] = 0;
      if (!isDead) continue;
      next[at + OfReader.next] = Reader.load;
      next[at + OfReader.newest] = 0;
    }
  }

  #stepReader(state: Uint8Array, reader: number, take: TakeStep): void {
    const at = this.#at(reader);
    const slot = state[at + OfReader.slot]!;
    const name = this.#names[reader]!;
    const goTo = (step: string, nextStep: number): Uint8Array => {
      const next = take(name + step);
      next[at + OfReader.next] = nextStep;
      return next;
    };
    switch (state[at + OfReader.next]) {
      case Reader.load: {
        if (state[At.latest] === 0) break;
        const next = goTo("R1 load latest", this.#after(Reader.load));
        next[at + OfReader.slot] = state[At.latest]!;
        break;
      }
      case Reader.pin:
        goTo("R2 store pin", this.#after(Reader.pin))[at + OfReader.pin] = slot;
        break;
      case Reader.check:
        if (state[At.latest] === slot) {
          goTo("R3 load latest: the same", this.#after(Reader.check));
        } else {
          forget(goTo("R3 load latest: another", Reader.load), at);
          forget(goTo("R3 load latest: another, for the last time", Reader.unpin), at);
        }
        break;
      case Reader.copy:
        goTo("R4 copy, first half", Reader.copyRest)[at + OfReader.half] = state[halfOf(slot)]!;
        break;
      case Reader.copyRest: {
        const next = goTo("R4 copy, second half", this.#after(Reader.copyRest));
        this.#judge(next, at, state[halfOf(slot) + 1]!);
        forget(next, at);
        break;
      }
      case Reader.unpin: {
        const next = goTo("R5 clear pin", this.#after(Reader.unpin));
        next[at + OfReader.pin] = 0;
        break;
      }
    }
    if (state[At.deaths]! < this.#deaths && state[at + OfReader.next] !== Reader.dead) {
      const next = goTo("dies", Reader.dead);
      next[At.deaths] = state[At.deaths]! + 1;
      forget(next, at);
    }
  }

  /** What a reader does after this step. */
  #after(step: number): number {
    switch (this.#mistake) {
      case "R2 left out":
        return { [Reader.load]: Reader.check, [Reader.copyRest]: Reader.load }[step] ?? step + 1;
      case "R3 left out":
        return { [Reader.pin]: Reader.copy, [Reader.unpin]: Reader.load }[step] ?? step + 1;
      case "R3 before R2":
        return (
          { [Reader.load]: Reader.check, [Reader.check]: Reader.pin, [Reader.pin]: Reader.copy }[step] ??
          (step + 1) % Reader.dead
        );
      case "R5 before R4":
        return (
          { [Reader.check]: Reader.unpin, [Reader.unpin]: Reader.copy, [Reader.copyRest]: Reader.load }[
            step
          ] ?? step + 1
        );
      default:
        return (step + 1) % Reader.dead;
    }
  }

  #judge(next: Uint8Array, at: number, secondHalf: number): void {
    const copied = next[at + OfReader.half]!;
    if (copied !== secondHalf) note(next, SlotFault.mixture);
    else if (copied < next[at + OfReader.newest]!) note(next, SlotFault.backwards);
    next[at + OfReader.newest] = copied;
  }

  #at(reader: number): number {
    return At.slots + 2 * this.#slots + OfReader.bytes * reader;
  }
}

/** The publication that is under way. */
function number(state: Uint8Array): number {
  return state[At.published]! + 1;
}

function halfOf(slot: number): number {
  return At.slots + 2 * (slot - 1);
}

/** What a reader no longer needs is not part of the state. */
function forget(next: Uint8Array, at: number): void {
  next[at + OfReader.slot] = 0;
  next[at + OfReader.half] = 0;
}

function note(next: Uint8Array, fault: SlotFault): void {
  next[At.fault] = NOTED.indexOf(fault) + 1;
}
