import { INTERVALS_MS } from "../../src/limits.ts";
import { BookCard } from "./book-card.ts";
import { element, setText } from "./elements.ts";
import { Feed } from "./feed.ts";
import type { FromFeed } from "./feed-messages.ts";
import { DEPTHS, readSelection, type Selection, toggled, writeSelection } from "./selection.ts";
import { SymbolList } from "./symbol-list.ts";

/** Puts the page together: what is chosen, who shows it, and where it comes from. */

const url = `${location.origin.replace(/^http/, "ws")}/v1/ws`;
const connection = byId("connection");
const books = byId("books");
const slow = byId("slow") as HTMLButtonElement;
const slowNote = byId("slow-note");
const depth = chooser("depth", DEPTHS, String);
const interval = chooser("interval", INTERVALS_MS, (ms) => (ms === 0 ? "each change" : `${ms} ms`));

let selection: Selection = readSelection(location.hash);
let cards = new Map<string, BookCard>();
let blockedUntilUnixMs: number | undefined;

const feed = new Feed(receive);
const symbols = new SymbolList((symbol) => choose(toggled(selection, symbol)), showFirst);
byId("symbols").append(symbols.root);

depth.addEventListener("change", () => choose({ ...selection, depth: Number(depth.value) }));
interval.addEventListener("change", () => choose({ ...selection, intervalMs: Number(interval.value) }));
slow.addEventListener("click", () => setSlow(slow.getAttribute("aria-pressed") !== "true"));
addEventListener("hashchange", () => {
  const next = readSelection(location.hash);
  if (writeSelection(next) !== writeSelection(selection)) choose(next);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const card of cards.values()) card.recolour();
});
setInterval(showSlowNote, 250);
apply();

function receive(message: FromFeed): void {
  if (message.kind === "blocked") {
    blockedUntilUnixMs = message.untilUnixMs;
    showSlowNote();
  } else if (message.kind === "refused") {
    cards.get(message.symbol)?.refuse(message.message);
  } else {
    setText(connection, message.link.text);
    connection.classList.toggle("alarm", !message.link.isUp);
    for (const book of message.books) cards.get(book.symbol)?.draw(book);
    // The worker may send a frame after it has said that it stops.
    showSlowNote();
  }
}

/** A visitor who has chosen nothing sees the first book at once. */
function showFirst(found: readonly string[]): void {
  const [first] = found;
  if (selection.symbols.length === 0 && location.hash === "" && first !== undefined) {
    choose({ ...selection, symbols: [first] });
  }
}

function choose(next: Selection): void {
  selection = next;
  history.replaceState(null, "", writeSelection(next));
  apply();
}

function apply(): void {
  for (const card of cards.values()) card.close();
  cards = new Map(selection.symbols.map((symbol) => [symbol, new BookCard(symbol, selection.depth)]));
  books.replaceChildren(...[...cards.values()].map(({ root }) => root));
  books.style.setProperty("--books", String(Math.max(1, cards.size)));
  depth.value = String(selection.depth);
  interval.value = String(selection.intervalMs);
  symbols.show(selection.symbols);
  feed.send({ kind: "watch", url, ...selection });
}

function setSlow(on: boolean): void {
  slow.setAttribute("aria-pressed", String(on));
  feed.send({ kind: "slow", on });
  showSlowNote();
}

function showSlowNote(): void {
  const isOn = slow.getAttribute("aria-pressed") === "true";
  const leftMs = (blockedUntilUnixMs ?? 0) - (performance.timeOrigin + performance.now());
  const holds = `Not reading for ${Math.ceil(leftMs / 1000)} s: the server merges what this page misses.`;
  setText(slowNote, leftMs > 0 ? holds : isOn ? "Reading: the books are exact again." : "");
  if (leftMs > 0) for (const card of cards.values()) card.hold();
}

function chooser<Value extends number>(
  id: string,
  values: readonly Value[],
  label: (value: Value) => string,
): HTMLSelectElement {
  const select = byId(id) as HTMLSelectElement;
  select.append(...values.map((value) => element("option", { value: String(value) }, label(value))));
  return select;
}

function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`invariant: the page has #${id}`);
  return found;
}
