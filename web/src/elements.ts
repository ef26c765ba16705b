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
