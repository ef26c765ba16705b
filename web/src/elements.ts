/** Makes an element: attributes by name, then children. */
export function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Sets text where it is another: the browser lays out for each assignment. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Writes a number into an element that holds nothing else. The text node stays where the length does, which spares the
 * browser to make another; one that grows or shrinks is another, as a text that begins elsewhere counts as shifted.
 */
export function writeNumber(node: HTMLElement, text: string): void {
  const shown = node.firstChild;
  if (shown instanceof Text && shown.length === text.length) shown.data = text;
  else node.textContent = text;
}
