/**
 * The doorbell of src/board/board-control.ts, and the replacement of an instrument's buffer, as a model: one
 * writer, some readers and two instruments whose bits share a word, the first of which gets new buffers. The
 * atomic steps have the names that they have there. Rings and announcements are messages; announcements
 * arrive in their order, rings before or after them. A read of a board (R1 to R5) is one step that gives the
 * newest publication or gives up: that it may be taken for one is what slot-model.ts shows.
 */
import type { Model, TakeStep } from "./explorer.ts";

export type BellMistake =
  | "W4 before W3"
  | "W4 stores what it has loaded"
  | "W5 before W4"
  | "W5 rings whatever the bell says"
  | "W5 stores what it has loaded"
  | "W6 left out"
  | "T1 stores what it has loaded"
  | "T2 before T1"
  | "T3 stores"
  | "T4 before T3"
  | "T4 left out"
  | "T5 stores"
  | "T6 left out"
  | "a read that gives up sets no bit"
  | "a new buffer sets no bit"
  | "a new buffer begins no turn"
  | "a new buffer is left empty"
  | "a new buffer is published with an older sequence";

export const BellFault = {
  asleep: "a reader sleeps, something unseen was published, and no ring is under way",
  twoRings: "two rings are under way to one reader",
  needless: "a bell was rung that was not armed",
  backwards: "a reader has gone back in sequence",
} as const;
export type BellFault = (typeof BellFault)[keyof typeof BellFault];

export interface BellModelOptions {
  readonly readers: number;
  /** Of both instruments together, beside those that follow a replacement. */
  readonly publications: number;
  /** How often the first instrument's buffer is replaced. */
  readonly replacements: number;
  /** How often a reader gives up a read. */
  readonly givenUp: number;
  readonly mistake?: BellMistake;
  /** Looks for these only. */
  readonly faults?: readonly BellFault[];
}

const INSTRUMENTS = 2;
const Bell = { awake: 0, armed: 1, rung: 2 } as const;
const Writer = { between: 0, store: 1, lookAtBit: 2, setBit: 3, lookAtBell: 4, ring: 5, send: 6 } as const;
const Reader = {
  atRest: 0,
  answer: 1,
  lookAtOwnBit: 2,
  setOwnBit: 3,
  lookAtBits: 4,
  takeBits: 5,
  read: 6,
  setBitAgain: 7,
  arm: 8,
  lookAgain: 9,
  disarm: 10,
} as const;
const At = {
  writer: 0,
  /** Whose publication is under way, and which reader's bit or bell comes next. */
  instrument: 1,
  reader: 2,
  /** What was loaded in the step before. */
  loaded: 3,
  /** Published since the last end of a turn. */
  inTurn: 4,
  publications: 5,
  givenUp: 6,
  /** The newest buffer of the first instrument, from 0. */
  newestBuffer: 7,
  /** The replaced buffer is to be published in: until then the turn goes on. */
  replacing: 8,
  fault: 9,
  /** For each instrument what was published last. */
  newest: 10,
  /** What stands in the second instrument's buffer, then in each of the first one's. */
  buffers: 12,
} as const;
const OfReader = {
  next: 0,
  bits: 1,
  bell: 2,
  rings: 3,
  /** The first instrument's buffer that is read. */
  buffer: 4,
  isTurnDue: 5,
  taken: 6,
  loaded: 7,
  seen: 8,
  bytes: 10,
} as const;
const NOTED: readonly BellFault[] = [BellFault.needless, BellFault.backwards];

export class BellModel implements Model {
  readonly stateBytes: number;
  readonly #options: BellModelOptions;
  readonly #mistake: BellMistake | undefined;
  readonly #faults: readonly BellFault[];
  readonly #readers: number;
  readonly #readersAt: number;
  readonly #names: readonly string[];

  constructor(options: BellModelOptions) {
    this.#options = options;
    this.#mistake = options.mistake;
    this.#faults = options.faults ?? Object.values(BellFault);
    this.#readers = options.readers;
    this.#readersAt = At.buffers + 2 + options.replacements;
    this.stateBytes = this.#readersAt + OfReader.bytes * options.readers;
    this.#names = Array.from({ length: options.readers }, (_, reader) => `reader ${reader}  `);
  }

  /** Both instruments are published, nobody has looked yet. */
  begin(state: Uint8Array): void {
    state[At.newest] = 1;
    state[At.newest + 1] = 1;
    state[At.buffers] = 1;
    state[At.buffers + 1] = 1;
    for (let reader = 0; reader < this.#readers; reader += 1) {
      state[this.#at(reader) + OfReader.bits] = 3;
      state[this.#at(reader) + OfReader.next] = this.#startOfArming();
    }
  }

  steps(state: Uint8Array, take: TakeStep): void {
    this.#stepWriter(state, take);
    for (let reader = 0; reader < this.#readers; reader += 1) this.#stepReader(state, reader, take);
  }

  fault(state: Uint8Array, ended: boolean): string | undefined {
    const noted = state[At.fault]!;
    if (noted > 0 && this.#faults.includes(NOTED[noted - 1]!)) return NOTED[noted - 1];
    for (let reader = 0; reader < this.#readers; reader += 1) {
      const at = this.#at(reader);
      if (state[at + OfReader.rings]! > 1 && this.#faults.includes(BellFault.twoRings))
        return BellFault.twoRings;
      if (!this.#faults.includes(BellFault.asleep) || !this.#isAsleep(state, at)) continue;
      // Before the end of the writer's turn the ring may be still to come.
      const isInTurn = state[At.writer] !== Writer.between || state[At.inTurn]! + state[At.replacing]! > 0;
      if ((!isInTurn || ended) && this.#missesSomething(state, at)) return BellFault.asleep;
    }
    return undefined;
  }

  describe(state: Uint8Array): string {
    const readers = Array.from({ length: this.#readers }, (_, reader) => {
      const at = this.#at(reader);
      const bits = (state[at + OfReader.bits]! & 3).toString(2).padStart(2, "0");
      const bell = Object.keys(Bell)[state[at + OfReader.bell]!];
      const seen = [state[at + OfReader.seen], state[at + OfReader.seen + 1]].join(" ");
      return `bits ${bits} ${bell} rings ${state[at + OfReader.rings]} seen ${seen}`;
    });
    return `newest ${state[At.newest]} ${state[At.newest + 1]} | ${readers.join(" | ")}`;
  }

  #isAsleep(state: Uint8Array, at: number): boolean {
    return (
      state[at + OfReader.next] === Reader.atRest &&
      state[at + OfReader.isTurnDue] === 0 &&
      state[at + OfReader.rings] === 0 &&
      state[at + OfReader.buffer] === state[At.newestBuffer]
    );
  }

  #missesSomething(state: Uint8Array, at: number): boolean {
    for (let instrument = 0; instrument < INSTRUMENTS; instrument += 1) {
      if (state[at + OfReader.seen + instrument] !== state[At.newest + instrument]) return true;
    }
    return false;
  }

  #stepWriter(state: Uint8Array, take: TakeStep): void {
    const instrument = state[At.instrument]!;
    switch (state[At.writer]) {
      case Writer.between:
        this.#beginWriting(state, take);
        break;
      case Writer.store: {
        const next = take(`writer    W3 store latest of ${instrument + 1}`);
        next[this.#bufferOf(instrument, state[At.newestBuffer]!)] = state[At.newest + instrument]!;
        if (this.#mistake === "W4 before W3") next[At.writer] = Writer.between;
        else goToFirstReader(next, this.#mistake === "W5 before W4" ? Writer.lookAtBell : Writer.lookAtBit);
        break;
      }
      case Writer.lookAtBit: {
        const next = take("writer    W4 look at the bit");
        const bits = state[this.#at(state[At.reader]!) + OfReader.bits]!;
        next[At.loaded] = bits;
        if ((bits & (1 << instrument)) === 0) next[At.writer] = Writer.setBit;
        else this.#bitIsSet(next);
        break;
      }
      case Writer.setBit: {
        const next = take("writer    W4 set the bit");
        const bits = this.#at(state[At.reader]!) + OfReader.bits;
        const isStored = this.#mistake === "W4 stores what it has loaded";
        next[bits] = (isStored ? state[At.loaded]! : state[bits]!) | (1 << instrument);
        this.#bitIsSet(next);
        break;
      }
      case Writer.lookAtBell: {
        const next = take("writer    W5 look at the bell");
        const bell = state[this.#at(state[At.reader]!) + OfReader.bell];
        const rings = bell === Bell.armed || this.#mistake === "W5 rings whatever the bell says";
        if (rings) next[At.writer] = Writer.ring;
        else this.#bellIsDone(next);
        break;
      }
      case Writer.ring: {
        const next = take("writer    W5 bell to rung");
        const bell = this.#at(state[At.reader]!) + OfReader.bell;
        const isExchanged =
          this.#mistake === undefined || !this.#mistake.startsWith("W5 ") || this.#mistake === "W5 before W4";
        if (state[bell] === Bell.armed || !isExchanged) {
          if (state[bell] !== Bell.armed) note(next, BellFault.needless);
          next[bell] = Bell.rung;
          next[At.writer] = Writer.send;
          if (this.#mistake === "W6 left out") this.#bellIsDone(next);
        } else {
          this.#bellIsDone(next);
        }
        break;
      }
      case Writer.send: {
        const next = take("writer    W6 send the ring");
        const rings = this.#at(state[At.reader]!) + OfReader.rings;
        next[rings] = state[rings]! + 1;
        this.#bellIsDone(next);
        break;
      }
    }
  }

  /** Publishes, replaces a buffer, or ends its turn. */
  #beginWriting(state: Uint8Array, take: TakeStep): void {
    const { publications, replacements } = this.#options;
    if (state[At.replacing] === 1) {
      const next = take("writer    W1, W2 for the new buffer");
      next[At.replacing] = 0;
      if (this.#mistake !== "a new buffer is left empty") this.#publication(next, 0);
      return;
    }
    if (state[At.publications]! < publications) {
      for (let instrument = 0; instrument < INSTRUMENTS; instrument += 1) {
        const next = take(`writer    W1, W2 for ${instrument + 1}`);
        next[At.publications] = state[At.publications]! + 1;
        next[At.newest + instrument] = state[At.newest + instrument]! + 1;
        this.#publication(next, instrument);
      }
    }
    if (state[At.newestBuffer]! < replacements) {
      const next = take("writer    announces a new buffer of 1");
      next[At.newestBuffer] = state[At.newestBuffer]! + 1;
      next[At.replacing] = 1;
      if (this.#mistake === "a new buffer is published with an older sequence")
        next[At.newest] = state[At.newest]! - 1;
    }
    if (state[At.inTurn] === 1 && this.#mistake !== "W5 before W4")
      goToFirstReader(take("writer    ends its turn"), Writer.lookAtBell);
  }

  #publication(next: Uint8Array, instrument: number): void {
    next[At.instrument] = instrument;
    next[At.inTurn] = 1;
    if (this.#mistake === "W4 before W3") goToFirstReader(next, Writer.lookAtBit);
    else next[At.writer] = Writer.store;
  }

  #bitIsSet(next: Uint8Array): void {
    next[At.loaded] = 0;
    const isLast = next[At.reader] === this.#readers - 1;
    next[At.reader] = isLast ? 0 : next[At.reader]! + 1;
    if (!isLast) next[At.writer] = Writer.lookAtBit;
    else if (this.#mistake === "W4 before W3") next[At.writer] = Writer.store;
    else {
      next[At.writer] = Writer.between;
      if (this.#mistake === "W5 before W4") next[At.inTurn] = 0;
    }
  }

  #bellIsDone(next: Uint8Array): void {
    const isLast = next[At.reader] === this.#readers - 1;
    next[At.reader] = isLast ? 0 : next[At.reader]! + 1;
    if (!isLast) next[At.writer] = Writer.lookAtBell;
    else if (this.#mistake === "W5 before W4") next[At.writer] = Writer.lookAtBit;
    else {
      next[At.writer] = Writer.between;
      next[At.inTurn] = 0;
    }
  }

  #stepReader(state: Uint8Array, reader: number, take: TakeStep): void {
    const at = this.#at(reader);
    const name = this.#names[reader]!;
    const goTo = (step: string, nextStep: number): Uint8Array => {
      const next = take(name + step);
      next[at + OfReader.next] = nextStep;
      return next;
    };
    const bits = state[at + OfReader.bits]!;
    switch (state[at + OfReader.next]) {
      case Reader.atRest:
        this.#stepAtRest(state, at, goTo);
        break;
      case Reader.answer: {
        const next = goTo("T6 bell to awake", Reader.atRest);
        next[at + OfReader.isTurnDue] = 1;
        if (this.#mistake !== "T6 left out") next[at + OfReader.bell] = Bell.awake;
        break;
      }
      case Reader.lookAtOwnBit:
        goTo("W4 look at its own bit", (bits & 1) === 0 ? Reader.setOwnBit : Reader.atRest);
        break;
      case Reader.setOwnBit:
        goTo("W4 set its own bit", Reader.atRest)[at + OfReader.bits] = bits | 1;
        break;
      case Reader.lookAtBits: {
        const next = goTo("T1 look at the bits", bits === 0 ? this.#startOfArming() : Reader.takeBits);
        if (this.#mistake === "T1 stores what it has loaded") next[at + OfReader.loaded] = bits;
        break;
      }
      case Reader.takeBits: {
        const next = goTo("T1 take the bits", Reader.read);
        const isStored = this.#mistake === "T1 stores what it has loaded";
        next[at + OfReader.taken] = isStored ? state[at + OfReader.loaded]! : bits;
        next[at + OfReader.loaded] = 0;
        next[at + OfReader.bits] = 0;
        if (this.#mistake === "T2 before T1") next[at + OfReader.next] = this.#startOfArming();
        if (this.#mistake === "T2 before T1") next[at + OfReader.taken] = 0;
        break;
      }
      case Reader.read:
        this.#read(state, at, goTo);
        break;
      case Reader.setBitAgain: {
        const next = goTo("W4 set the bit of what it gave up", Reader.read);
        const taken = state[at + OfReader.taken]!;
        const lowest = taken & -taken;
        next[at + OfReader.taken] = taken ^ lowest;
        if (this.#mistake !== "a read that gives up sets no bit") next[at + OfReader.bits] = bits | lowest;
        this.#haveRead(next, at);
        break;
      }
      default:
        this.#stepToSleep(state, at, goTo);
    }
  }

  /** Takes a message, or the turn that is due. */
  #stepAtRest(state: Uint8Array, at: number, goTo: GoTo): void {
    if (state[at + OfReader.rings]! > 0) {
      const next = goTo("the ring arrives", Reader.answer);
      next[at + OfReader.rings] = state[at + OfReader.rings]! - 1;
    }
    if (state[at + OfReader.buffer]! < state[At.newestBuffer]!) {
      const next = goTo(
        "takes over the new buffer of 1",
        this.#mistake === "a new buffer sets no bit" ? Reader.atRest : Reader.lookAtOwnBit,
      );
      next[at + OfReader.buffer] = state[at + OfReader.buffer]! + 1;
      if (this.#mistake !== "a new buffer begins no turn") next[at + OfReader.isTurnDue] = 1;
    }
    if (state[at + OfReader.isTurnDue] === 0) return;
    const next = goTo("begins a turn", Reader.lookAtBits);
    next[at + OfReader.isTurnDue] = 0;
    if (this.#mistake !== "T2 before T1") return;
    next[at + OfReader.taken] = state[at + OfReader.bits]!;
    if (next[at + OfReader.taken]! > 0) next[at + OfReader.next] = Reader.read;
  }

  /** Reads the lowest of the instruments taken. */
  #read(state: Uint8Array, at: number, goTo: GoTo): void {
    const taken = state[at + OfReader.taken]!;
    const lowest = taken & -taken;
    const instrument = lowest - 1;
    const published = state[this.#bufferOf(instrument, state[at + OfReader.buffer]!)]!;
    const next = goTo(`T2 read ${instrument + 1}`, Reader.read);
    next[at + OfReader.taken] = taken ^ lowest;
    if (published > 0) {
      if (published < state[at + OfReader.seen + instrument]!) note(next, BellFault.backwards);
      next[at + OfReader.seen + instrument] = published;
    }
    this.#haveRead(next, at);
    if (published === 0 || state[At.givenUp] === this.#options.givenUp) return;
    goTo(`T2 read ${instrument + 1}: given up`, Reader.setBitAgain)[At.givenUp] = state[At.givenUp]! + 1;
  }

  #haveRead(next: Uint8Array, at: number): void {
    if (next[at + OfReader.taken] !== 0) return;
    next[at + OfReader.next] = this.#mistake === "T2 before T1" ? Reader.takeBits : this.#startOfArming();
  }

  #stepToSleep(state: Uint8Array, at: number, goTo: GoTo): void {
    const bell = state[at + OfReader.bell]!;
    switch (state[at + OfReader.next]) {
      case Reader.arm: {
        const next = goTo(
          "T3 arm the bell",
          this.#mistake === "T4 left out" || this.#mistake === "T4 before T3"
            ? Reader.atRest
            : Reader.lookAgain,
        );
        if (bell === Bell.awake || this.#mistake === "T3 stores") next[at + OfReader.bell] = Bell.armed;
        break;
      }
      case Reader.lookAgain:
        if (state[at + OfReader.bits] !== 0) goTo("T4 look again: there is something", Reader.disarm);
        else goTo("T4 look again: nothing", this.#mistake === "T4 before T3" ? Reader.arm : Reader.atRest);
        break;
      case Reader.disarm: {
        const next = goTo("T5 disarm the bell", Reader.atRest);
        if (bell === Bell.armed || this.#mistake === "T5 stores") next[at + OfReader.bell] = Bell.awake;
        if (bell !== Bell.rung || this.#mistake === "T5 stores") next[at + OfReader.isTurnDue] = 1;
        break;
      }
    }
  }

  #startOfArming(): number {
    return this.#mistake === "T4 before T3" ? Reader.lookAgain : Reader.arm;
  }

  #bufferOf(instrument: number, buffer: number): number {
    return instrument === 1 ? At.buffers : At.buffers + 1 + buffer;
  }

  #at(reader: number): number {
    return this.#readersAt + OfReader.bytes * reader;
  }
}

type GoTo = (step: string, nextStep: number) => Uint8Array;

function goToFirstReader(next: Uint8Array, step: number): void {
  next[At.reader] = 0;
  next[At.writer] = step;
}

function note(next: Uint8Array, fault: BellFault): void {
  next[At.fault] = NOTED.indexOf(fault) + 1;
}
