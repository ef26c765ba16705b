import type { BenchmarkReport, Goal, ReportTable } from "./benchmark.ts";

/** A report as Markdown, to read in a terminal and to paste into README.md. */
export function reportText({ tables, goals, notes }: BenchmarkReport): string {
  const parts = tables.map(tableText);
  if (goals.length > 0) parts.push(tableText(goalsTable(goals)));
  if (notes.length > 0) parts.push(notes.map((note) => `- ${note}`).join("\n"));
  return parts.join("\n\n");
}

function goalsTable(goals: readonly Goal[]): ReportTable {
  const rows = goals.map(({ text, measured, unit, met }) => [
    text,
    `${numberText(measured)} ${unit}`.trim(),
    met ? "met" : "NOT met",
  ]);
  return { title: "Goals", columns: ["goal", "measured", ""], rows };
}

function tableText({ title, columns, rows }: ReportTable): string {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === "number" ? numberText(cell) : cell)));
  const widths = columns.map((column, index) =>
    Math.max(3, column.length, ...texts.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[], numeric: boolean): string =>
    `| ${cells.map((cell, at) => pad(cell, widths[at]!, numeric && at > 0)).join(" | ")} |`;
  const rule = `| ${widths.map((width, at) => (at === 0 ? "-" : "-:").padStart(width, "-")).join(" | ")} |`;
  return [`### ${title}`, "", line(columns, true), rule, ...texts.map((row) => line(row, true))].join("\n");
}

function pad(text: string, width: number, toTheRight: boolean): string {
  return toTheRight ? text.padStart(width) : text.padEnd(width);
}

/** Three significant digits, thousands apart. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return "–";
  const rounded = value === 0 ? 0 : Number(value.toPrecision(3));
  return rounded.toLocaleString("en-US", { maximumFractionDigits: 6 });
}
