/**
 * Visits every state that a model can come to, in every order in which its threads can take their steps.
 * States are compared byte by byte, so none is taken for another; breadth first, so a trace is a shortest one.
 */

export interface Model {
  /** Bytes of a state. */
  readonly stateBytes: number;
  /** Fills in the state in which all begins; it comes zeroed. */
  begin(state: Uint8Array): void;
  /** Takes every step that some thread can take in `state`. */
  steps(state: Uint8Array, take: TakeStep): void;
  /** What must never be, if it is so in `state`. `ended`: no thread can take a step. */
  fault(state: Uint8Array, ended: boolean): string | undefined;
  describe(state: Uint8Array): string;
}

/**
 * Begins a step and returns a copy of the state, to be changed into the one after the step. It counts when
 * the next step is begun, or when there is none.
 */
export type TakeStep = (step: string) => Uint8Array;

export interface Exploration {
  readonly states: number;
  readonly steps: number;
  /** States in which no thread can take a step. */
  readonly ends: number;
  readonly fault: string | undefined;
  /** Where there is a fault: the steps that lead to it, one a line, each with the state after it. */
  readonly trace: string;
}

const STATES_MAX = 40_000_000;

/** @throws Error where a model has more states than an exploration has room for. */
export function explore(model: Model): Exploration {
  const states = new StateTable(model.stateBytes);
  const walk = new Walk(model);
  const begin = new Uint8Array(states.stateBytes);
  model.begin(begin.subarray(0, model.stateBytes));
  states.add(begin, -1);
  let steps = 0;
  let ends = 0;
  for (let state = 0; state < states.length; state += 1) {
    const successors = walk.from(states.get(state));
    for (let n = 0; n < successors; n += 1) states.add(walk.successor(n), state);
    steps += successors;
    if (successors === 0) ends += 1;
    const fault = model.fault(states.get(state), successors === 0);
    if (fault === undefined) continue;
    return { states: states.length, steps, ends, fault, trace: traceTo(model, states, state) };
  }
  return { states: states.length, steps, ends, fault: undefined, trace: "" };
}

/**
 * Whether some run of the model never ends: a thread that goes round and round, for ever busy or for ever
 * hindered. Looks for a circle of steps.
 */
export function runsForever(model: Model): boolean {
  const states = new StateTable(model.stateBytes);
  const walk = new Walk(model);
  const begin = new Uint8Array(states.stateBytes);
  model.begin(begin.subarray(0, model.stateBytes));
  states.add(begin, -1);
  const isOnPath: boolean[] = [];
  const path: { readonly state: number; readonly successors: readonly number[]; next: number }[] = [];
  const enter = (state: number): void => {
    isOnPath[state] = true;
    const count = walk.from(states.get(state));
    const successors = Array.from({ length: count }, (_, n) => states.add(walk.successor(n), state));
    path.push({ state, successors, next: 0 });
  };
  enter(0);
  for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
    const successor = last.successors[last.next];
    last.next += 1;
    if (successor === undefined) {
      isOnPath[last.state] = false;
      path.pop();
    } else if (isOnPath[successor] === true) return true;
    else if (isOnPath[successor] === undefined) enter(successor);
  }
  return false;
}

/** Works out the steps from one state after another. */
class Walk {
  readonly #model: Model;
  readonly #steps: string[] = [];
  readonly #successors: Uint8Array[] = [];
  #count = 0;
  #from: Uint8Array = new Uint8Array(0);

  constructor(model: Model) {
    this.#model = model;
  }

  /** Returns how many steps there are. */
  from(state: Uint8Array): number {
    this.#count = 0;
    this.#from = state;
    this.#model.steps(state, this.#take);
    return this.#count;
  }

  successor(n: number): Uint8Array {
    return this.#successors[n]!;
  }

  step(n: number): string {
    return this.#steps[n]!;
  }

  readonly #take = (step: string): Uint8Array => {
    const successor = (this.#successors[this.#count] ??= new Uint8Array(this.#from.length));
    successor.set(this.#from);
    this.#steps[this.#count] = step;
    this.#count += 1;
    return successor;
  };
}

function traceTo(model: Model, states: StateTable, last: number): string {
  const walk = new Walk(model);
  const lines: string[] = [];
  for (let state = last; state > 0; state = states.cameFrom(state)) {
    const count = walk.from(states.get(states.cameFrom(state)));
    for (let n = 0; n < count; n += 1) {
      if (states.find(walk.successor(n)) !== state) continue;
      lines.push(`${walk.step(n).padEnd(44)}${model.describe(states.get(state))}`);
      break;
    }
  }
  return lines.toReversed().join("\n");
}

/** All states found, by number, and each only once: open addressing over whole states. */
class StateTable {
  /** Whole words. */
  readonly stateBytes: number;
  readonly #stateWords: number;
  #words: Int32Array<ArrayBuffer>;
  #bytes: Uint8Array<ArrayBuffer>;
  #cameFrom: Int32Array;
  /** Number of a state plus one; 0 = free. */
  #slots = new Int32Array(1 << 16);
  readonly #sought: Int32Array;
  readonly #soughtBytes: Uint8Array;
  #length = 0;

  constructor(stateBytes: number) {
    this.#stateWords = (stateBytes + 3) >>> 2;
    this.stateBytes = 4 * this.#stateWords;
    this.#words = new Int32Array(this.#stateWords << 15);
    this.#bytes = new Uint8Array(this.#words.buffer);
    this.#cameFrom = new Int32Array(1 << 15);
    this.#sought = new Int32Array(this.#stateWords);
    this.#soughtBytes = new Uint8Array(this.#sought.buffer);
  }

  get length(): number {
    return this.#length;
  }

  get(state: number): Uint8Array {
    return this.#bytes.subarray(state * this.stateBytes, (state + 1) * this.stateBytes);
  }

  cameFrom(state: number): number {
    return this.#cameFrom[state]!;
  }

  /** Returns the state's number, a new one where it was not seen before. */
  add(state: Uint8Array, cameFrom: number): number {
    if (2 * (this.#length + 1) > this.#slots.length) this.#grow();
    const slot = this.#seek(state);
    const present = this.#slots[slot]! - 1;
    if (present >= 0) return present;
    const added = this.#length;
    this.#length += 1;
    this.#slots[slot] = this.#length;
    this.#words.set(this.#sought, added * this.#stateWords);
    this.#cameFrom[added] = cameFrom;
    return added;
  }

  /** −1 = not there. */
  find(state: Uint8Array): number {
    return this.#slots[this.#seek(state)]! - 1;
  }

  #seek(state: Uint8Array): number {
    this.#soughtBytes.set(state);
    const mask = this.#slots.length - 1;
    let slot = this.#hash(this.#sought, 0) & mask;
    for (let found = this.#slots[slot]!; found !== 0 && !this.#isSought(found - 1); ) {
      slot = (slot + 1) & mask;
      found = this.#slots[slot]!;
    }
    return slot;
  }

  #isSought(state: number): boolean {
    const start = state * this.#stateWords;
    for (let word = 0; word < this.#stateWords; word += 1) {
      if (this.#words[start + word] !== this.#sought[word]) return false;
    }
    return true;
  }

  #hash(words: Int32Array, start: number): number {
    let hash = 0x9e3779b9 | 0;
    for (let word = start; word < start + this.#stateWords; word += 1) {
      hash = Math.imul(hash ^ words[word]!, 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash, 0xc2b2ae35);
    return hash ^ (hash >>> 16);
  }

  #grow(): void {
    if (this.#length >= STATES_MAX) throw new Error(`the model has more than ${STATES_MAX} states`);
    const words = new Int32Array(2 * this.#words.length);
    words.set(this.#words);
    this.#words = words;
    this.#bytes = new Uint8Array(words.buffer);
    const cameFrom = new Int32Array(2 * this.#cameFrom.length);
    cameFrom.set(this.#cameFrom);
    this.#cameFrom = cameFrom;
    const slots = new Int32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let state = 0; state < this.#length; state += 1) {
      let slot = this.#hash(words, state * this.#stateWords) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = state + 1;
    }
    this.#slots = slots;
  }
}
