import { describe, expect, it } from "vitest";
import { series } from "../testing/documents";
import { chartOfAlert, metricOf, momentsOf, timeAround } from "./alert-chart";

const t = [0, 60];
const of = (rule: string, threshold: number | null, details: object | null = null) => ({ rule, threshold, details: details as { metric?: string } | null });
const lines = (rule: string, threshold: number | null, changes: object, details: object | null = null) =>
  chartOfAlert(series({ t, ...changes }), of(rule, threshold, details))?.lines.map(({ label, values }) => [label, ...values]);

describe("the chart of an alert", () => {
  it("draws latency with its limit and what is usual", () => {
    const latency = { p50: [1, 2], p95: [10, 90], p99: [20, 99], min: [0, 0], max: [30, 100] };
    expect(lines("latency_doubled", 40, { latency }, { baseline_p95_ms: 20 })).toEqual([
      ["Latency, p95", 10, 90],
      ["usual at this hour", 20, 20],
      ["limit", 40, 40],
    ]);
  });

  it("draws shares in percent, with their interval", () => {
    const drawn = chartOfAlert(series({ t, accuracy: [0.9, null], accuracy_lower: [0.8, null], accuracy_upper: [0.95, null] }), of("accuracy_low", 0.94));
    expect(drawn?.lines.map((line) => line.values)).toEqual([
      [90, null],
      [94, 94],
    ]);
    expect(drawn?.band?.low).toEqual([80, null]);
  });

  it("draws the health that a rule asks for, also what is made of two measures", () => {
    const health = { t, memory_used_mb: [50, 96], memory_total_mb: [100, 100], clock_offset_ms: [-12_000, null], cpu_temperature_c: [80, 95] };
    expect(lines("memory_full", 95, { health }, { metric: "health.memory_used_percent" })).toEqual([
      ["Memory used", 50, 96],
      ["limit", 95, 95],
    ]);
    expect(lines("clock_off", 10_000, { health }, { metric: "health.clock_error_ms" })).toEqual([
      ["Clock off by", 12, null],
      ["limit", 10, 10],
    ]);
    expect(lines("too_hot", 90, { health }, { metric: "health.cpu_temperature_c" })?.[0]).toEqual(["CPU temperature", 80, 95]);
  });

  it("has no line for a limit that is a time", () => {
    expect(lines("disk_full_soon", 48, { health: { t, disk_free_mb: [100, 50] } }, { metric: "health.disk_free_mb" })).toEqual([["Disk free", 100, 50]]);
  });

  it("is none where nothing was measured, or a judge knows by itself", () => {
    expect(lines("too_hot", 90, {}, { metric: "health.cpu_temperature_c" })).toBeUndefined();
    expect(lines("gone_dark", null, {})).toBeUndefined();
    expect(metricOf(of("gone_dark", null))).toBe("");
  });

  it("marks when it was suspected, fired and was over", () => {
    const life = { opened_at: "2026-01-01T10:00:00Z", fired_at: "2026-01-01T10:05:00Z", resolved_at: "2026-01-01T12:00:00Z" };
    expect(momentsOf(life).map(({ number, label }) => `${number} ${label}`)).toEqual(["1 Suspected", "2 Fired", "3 Resolved"]);
    expect(momentsOf({ ...life, opened_at: life.fired_at, resolved_at: null }).map(({ label }) => label)).toEqual(["Fired"]);
    expect(timeAround(life, Date.parse("2026-01-02T00:00:00Z"))).toEqual({ from: "2026-01-01T09:00:00.000Z", to: "2026-01-01T13:00:00.000Z" });
    expect(timeAround({ ...life, resolved_at: null }, Date.parse("2026-01-01T10:10:00Z")).to).toBe("2026-01-01T10:10:00.000Z");
    expect(timeAround({ ...life, resolved_at: "2026-03-01T00:00:00Z" }, Date.parse("2026-03-02T00:00:00Z")).from).toBe("2026-02-22T01:00:00.000Z");
  });
});
