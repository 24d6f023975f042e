import { describe, expect, it } from "vitest";
import { series } from "../testing/documents";
import { chartsOf } from "./charts-of-series";

const HOUR = 3600;
const NOW = 1_000_000;
const charts = (changes: Parameters<typeof series>[0]) => chartsOf(series(changes), HOUR, NOW);

describe("the charts of a device", () => {
  it("give shares in percent, and leave gaps where nothing was measured", () => {
    const drawn = charts({ accuracy: [0.5, null, 1], error_rate: [0, 0.25, null] });
    expect(drawn.accuracy[0]!.values).toEqual([50, null, 100]);
    expect(drawn.errors[0]!.values).toEqual([0, 25, null]);
  });
  it("tell of accuracy its interval, its labels and how late they came, and what is estimated without any", () => {
    const drawn = charts({ accuracy: [0.9, null], accuracy_lower: [0.8, null], accuracy_upper: [0.95, null], labelled: [30, 0], labelled_later: [10, 0], label_delay_s: [7200, null], estimated_accuracy: [0.92, 0.5] });
    expect(drawn.accuracyBounds).toMatchObject({ low: [80, null], high: [95, null] });
    expect(drawn.accuracy.map(({ label, values }) => [label, values])).toEqual([["of labels", [90, null]], ["estimated", [92, 50]]]);
    expect(drawn.labels).toContain("30 labels, 20 at inference and 10 later, after 2 h");
    expect(charts({ labelled: [5], labelled_later: [0], label_delay_s: [null] }).labels).toContain("5 labels, at inference.");
    expect(charts({ labelled: [0], estimated_accuracy: [0.9] }).labels).toContain("there are no labels");
    expect(charts({ labelled: [0] }).labels).toBeNull();
  });
  it("show what programs report of their own by name, and confidence in percent, where there is any", () => {
    const drawn = charts({ confidence: [0.5, null], numbers: { queue: [1, null], tokens: [null, null], depth: [2, 3] } });
    expect(drawn.confidence![0]!.values).toEqual([50, null]);
    expect(drawn.numbers.map(({ name }) => name)).toEqual(["depth", "queue"]);
    expect(drawn.numbers[1]!.lines[0]!.values).toEqual([1, null]);
    expect(charts({ confidence: [null] }).confidence).toBeNull();
  });
  it("show entropy, and what an inference costs of the board's energy, where both are known", () => {
    const health = { t: [60, 120, 180], power_w: [5, 10, null] } as unknown as ReturnType<typeof series>["health"];
    const drawn = charts({ t: [60, 120, 180], throughput_hz: [10, 0, 5], entropy: [0.25, null, 1], health });
    expect(drawn.entropy![0]!.values).toEqual([0.25, null, 1]);
    expect(drawn.energy![0]!.values).toEqual([0.5, null, null]);
    expect(charts({ t: [60], throughput_hz: [1] }).energy).toBeNull();
  });
  it("show what the owner's command reads, by name", () => {
    const health = { t: [1], "custom.pump_bar": [2.5], "custom.none": [null] } as unknown as ReturnType<typeof series>["health"];
    expect(charts({ health }).readings.map(({ name }) => name)).toEqual(["pump_bar"]);
  });
  it("draw the three latencies in one", () => {
    const drawn = charts({ latency: { p50: [1], p95: [2], p99: [3], min: [0.5], max: [9] } });
    expect(drawn.spread).toMatchObject({ low: [0.5], high: [9] });
    expect(drawn.latency.map(({ label, values }) => [label, values])).toEqual([["p50", [1]], ["p95", [2]], ["p99", [3]]]);
  });
  it("show of the board's health what was measured at all, in a fixed order", () => {
    const health = { t: [1, 2], power_w: [4.25, null], cpu_percent: [0, 0], gpu_percent: [null, null], colour: [1, 2] };
    const drawn = charts({ health: health as unknown as ReturnType<typeof series>["health"] });
    expect(drawn.health.map(({ title }) => title)).toEqual(["CPU", "Power"]);
    expect(drawn.health[1]!.format(4.25)).toBe("4.3 W");
    expect(drawn.health[1]!.lines[0]!.values).toEqual([4.25, null]);
  });
  it("say megabytes in the unit that reads best", () => {
    const drawn = charts({ health: { t: [1], memory_used_mb: [2048] } as unknown as ReturnType<typeof series>["health"] });
    expect(drawn.health[0]!.format(2048)).toBe("2.0 GB");
  });
});

describe("their time axis", () => {
  it("holds windows and health, to the end of the last step", () => {
    expect(charts({ t: [100, 160], health: { t: [40, 100] }, step_s: 60 }).range).toEqual([40, 220]);
    expect(charts({ t: [100, 160], health: { t: [] }, step_s: 60 }).range).toEqual([100, 220]);
    expect(charts({ t: [], health: { t: [40, 300] }, step_s: 10 }).range).toEqual([40, 310]);
  });
  it("is the time that was asked for when nothing was measured", () => expect(charts({}).range).toEqual([NOW - HOUR, NOW]));
});

describe("their marks", () => {
  const marker = (t: number, kind: string) => ({ t, kind, label: `${kind} at ${t}` });
  it("are numbered as the list below the charts is", () => {
    const drawn = charts({ markers: [marker(10, "update.committed"), marker(20, "drift.begun")] });
    expect(drawn.marks).toEqual([
      { t: 10, number: 1, tone: "accent", label: "update.committed at 10" },
      { t: 20, number: 2, tone: "warn", label: "drift.begun at 20" },
    ]);
  });
  it("are red for what went wrong, amber for what may", () => {
    const kinds = ["alert.firing", "update.failed", "alert.resolved", "drift.begun", "device.presence"];
    expect(charts({ markers: kinds.map((kind) => marker(1, kind)) }).marks.map(({ tone }) => tone)).toEqual(["bad", "bad", "warn", "warn", "accent"]);
  });
  it("are the newest twelve", () => {
    const drawn = charts({ markers: Array.from({ length: 20 }, (_, at) => marker(at, "update.committed")) });
    expect(drawn.marks.map(({ t }) => t)).toEqual([8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(drawn.marks.at(-1)!.number).toBe(12);
  });
});
