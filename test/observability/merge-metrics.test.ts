import { expect, test } from "vitest";
import { mergeMetrics } from "../../src/observability/merge-metrics.ts";

const one = `# HELP hits_total Hits.
# TYPE hits_total counter
hits_total{dialect="json"} 3
hits_total{dialect="proto"} 4

# HELP delay_seconds Delay.
# TYPE delay_seconds gauge
delay_seconds{thread="a"} 0.5
`;
const two = `# HELP hits_total Hits.
# TYPE hits_total counter
hits_total{dialect="json"} 10

# HELP delay_seconds Delay.
# TYPE delay_seconds gauge
delay_seconds{thread="b"} 0.25

# HELP alone How many.
# TYPE alone gauge
alone 1
`;

test("samples of one name and labels are added up, others stand side by side, each family once", () => {
  expect(mergeMetrics([one, two])).toBe(`# HELP hits_total Hits.
# TYPE hits_total counter
hits_total{dialect="json"} 13
hits_total{dialect="proto"} 4

# HELP delay_seconds Delay.
# TYPE delay_seconds gauge
delay_seconds{thread="a"} 0.5
delay_seconds{thread="b"} 0.25

# HELP alone How many.
# TYPE alone gauge
alone 1
`);
});

test("of ratios the largest counts", () => {
  const ratio = (value: number) =>
    `# HELP stretch_ratio Factor.\n# TYPE stretch_ratio gauge\nstretch_ratio ${value}\n`;
  expect(mergeMetrics([ratio(1), ratio(4), ratio(2)])).toContain("stretch_ratio 4\n");
});

test("of one thread the text stays as it is", () => {
  expect(mergeMetrics([one])).toBe(one);
});
