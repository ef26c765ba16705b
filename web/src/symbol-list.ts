import { element } from "./elements.ts";

interface ListedInstrument {
  readonly symbol: string;
  readonly description: string;
}

const REFRESH_MS = 5000;

/** The server's symbols as buttons, pressed where their book is shown. New ones appear by themselves. */
export class SymbolList {
  readonly root: HTMLElement;
  readonly #list = element("ul", { class: "symbols" });
  readonly #empty = element(
    "p",
    // Shown once the server has said so: said at once, it would move the controls beside it for nothing.
    { class: "soft", hidden: "" },
    "No symbols yet. Define one with the DefineInstrument call.",
  );
  readonly #buttons = new Map<string, HTMLButtonElement>();
  readonly #toggle: (symbol: string) => void;
  readonly #found: (symbols: readonly string[]) => void;
  #shown: readonly string[] = [];

  constructor(toggle: (symbol: string) => void, found: (symbols: readonly string[]) => void) {
    this.#toggle = toggle;
    this.#found = found;
    this.root = element("nav", { "aria-label": "Symbols" }, this.#list, this.#empty);
    void this.#refresh();
  }

  show(symbols: readonly string[]): void {
    this.#shown = symbols;
    for (const [symbol, button] of this.#buttons) {
      button.setAttribute("aria-pressed", String(symbols.includes(symbol)));
    }
  }

  async #refresh(): Promise<void> {
    try {
      const response = await fetch("/v1/instruments");
      const { instruments } = (await response.json()) as { instruments: readonly ListedInstrument[] };
      for (const instrument of instruments) this.#add(instrument);
      this.#empty.hidden = this.#buttons.size > 0;
      this.#found(instruments.map(({ symbol }) => symbol));
    } catch {
      // The connection's own line says what is wrong.
    }
    setTimeout(() => void this.#refresh(), REFRESH_MS);
  }

  #add({ symbol, description }: ListedInstrument): void {
    if (this.#buttons.has(symbol)) return;
    const button = element("button", { type: "button", title: description }, symbol);
    button.addEventListener("click", () => this.#toggle(symbol));
    this.#buttons.set(symbol, button);
    this.#list.append(element("li", {}, button));
    this.show(this.#shown);
  }
}
