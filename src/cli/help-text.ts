import type { Option } from "./arguments.ts";

/** What `--help` of a command prints. */
export interface CommandHelp {
  /** Lines that show how it is called. */
  readonly usage: readonly string[];
  readonly about: string;
  readonly groups: readonly { readonly title: string; readonly options: readonly Option[] }[];
  readonly examples: readonly string[];
}

const INDENT = "  ";
const COLUMN = 32;
const WIDTH = 100;

export function helpText({ usage, about, groups, examples }: CommandHelp): string {
  const lines = [`Usage: ${usage.join("\n       ")}`, "", ...wrap(about, WIDTH)];
  for (const { title, options } of groups) {
    lines.push("", `${title}:`, ...options.flatMap(optionLines));
  }
  if (examples.length > 0) lines.push("", "Examples:", ...examples.map((example) => INDENT + example));
  return `${lines.join("\n")}\n`;
}

function optionLines(option: Option): string[] {
  const value = option.value ?? "";
  const left = `${INDENT}--${option.name}${value.startsWith("[") ? `[=${value.slice(1)}` : value && ` ${value}`}`;
  const notes = [
    ...(option.repeated === true ? ["may be repeated"] : []),
    ...(option.default === undefined ? [] : [`default ${option.default}`]),
  ];
  const about = notes.length === 0 ? option.about : `${option.about} (${notes.join("; ")})`;
  const [first = "", ...rest] = wrap(about, WIDTH - COLUMN);
  const indented = rest.map((line) => " ".repeat(COLUMN) + line);
  if (left.length + 2 > COLUMN) return [left, " ".repeat(COLUMN) + first, ...indented];
  return [left.padEnd(COLUMN) + first, ...indented];
}

/** Lines of at most `width`, broken between words; line breaks in `text` stay. */
function wrap(text: string, width: number): string[] {
  return text.split("\n").flatMap((paragraph) => {
    // An example: stays as it was written.
    if (paragraph.startsWith(INDENT)) return [paragraph];
    const lines: string[] = [];
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else {
        line = line === "" ? word : `${line} ${word}`;
      }
    }
    return [...lines, line];
  });
}
