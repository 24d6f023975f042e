// What the chart of an alert draws: the figure that its rule looked at, its limit, and what was usual. Pure.

import type { AlertWithHistory } from "../api/alerts";
import type { Series } from "../api/telemetry";
import type { Band, Line, Mark } from "../ui/chart";
import { bytes, number } from "../ui/format";
import { plain } from "./charts-of-series";

type Values = (number | null)[];

export interface AlertChart {
  title: string;
  t: number[];
  lines: Line[];
  band?: Band;
  format: (value: number) => string;
  most?: number;
}

const percents = (values: Values) => values.map((value) => (value === null ? null : 100 * value));

const HEALTH_TITLES: Record<string, [string, (value: number) => string]> = {
  disk_free_mb: ["Disk free", (value) => bytes(value * 1_000_000)],
  disk_wear_percent: ["Disk wear", plain(0, " %")],
  cpu_temperature_c: ["CPU temperature", plain(0, " °C")],
  throttled: ["Held back because of heat", plain(1, "")],
  outbox_records: ["Records that wait on the device", plain(0, "")],
};

/** Two columns of health, step by step. */
function both(health: Series["health"], one: string, other: string, of: (a: number, b: number) => number): Values {
  return health.t.map((_, place) => {
    const a = health[one]?.[place] ?? null;
    const b = health[other]?.[place] ?? null;
    return a === null || b === null || b === 0 ? null : of(a, b);
  });
}

function healthChart(series: Series, name: string): AlertChart | null {
  const { health } = series;
  const share = (a: number, b: number) => (100 * a) / b;
  const made: Record<string, () => [string, Values, (value: number) => string]> = {
    memory_used_percent: () => ["Memory used", both(health, "memory_used_mb", "memory_total_mb", share), plain(0, " %")],
    disk_free_percent: () => ["Disk free", both(health, "disk_free_mb", "disk_total_mb", share), plain(0, " %")],
    clock_error_ms: () => ["Clock off by", (health["clock_offset_ms"] ?? []).map((offset) => (offset === null ? null : Math.abs(offset) / 1000)), plain(1, " s")],
  };
  const [title, format] = HEALTH_TITLES[name] ?? [name.replaceAll("_", " "), (value: number) => number(value, 2)];
  const [heading, values, written] = made[name]?.() ?? [title, health[name] ?? [], format];
  if (!values.some((value) => value !== null)) return null;
  return { title: heading, t: health.t, lines: [{ label: heading, values, colour: "--accent" }], format: written };
}

function windowChart(series: Series, metric: string): AlertChart | null {
  const chart = (title: string, values: Values, format: (value: number) => string, more: Partial<AlertChart> = {}): AlertChart => ({ title, t: series.t, lines: [{ label: title, values, colour: "--accent" }], format, ...more });
  const named = metric.startsWith("numbers.") ? series.numbers[metric.slice("numbers.".length)] : undefined;
  if (named) return chart(metric.slice("numbers.".length), named, (value) => number(value, 2));
  switch (metric) {
    case "latency_p50":
    case "latency_p95":
    case "latency_p99":
      return chart(`Latency, ${metric.slice("latency_".length)}`, series.latency[metric.slice("latency_".length) as "p50"], plain(1, " ms"));
    case "throughput":
      return chart("Throughput", series.throughput_hz, plain(1, " /s"));
    case "error_rate":
      return chart("Errors", percents(series.error_rate), plain(1, " %"));
    case "accuracy":
      return chart("Accuracy", percents(series.accuracy), plain(1, " %"), { band: { low: percents(series.accuracy_lower), high: percents(series.accuracy_upper), colour: "--accent" }, most: 100.5 });
    case "estimated_accuracy":
      return chart("Estimated accuracy", percents(series.estimated_accuracy), plain(1, " %"), { most: 100.5 });
    case "confidence":
      return chart("Confidence", percents(series.confidence), plain(1, " %"), { most: 100.5 });
  }
  return null;
}

/** What its rule looks at; of some whose judges know by themselves nothing is drawn. */
export function metricOf(alert: Pick<AlertWithHistory, "rule" | "details">): string {
  const own: Record<string, string> = { latency_doubled: "latency_p95", accuracy_low: "accuracy" };
  return alert.details?.metric ?? own[alert.rule] ?? "";
}

const SHARES = new Set(["accuracy", "estimated_accuracy", "error_rate", "confidence"]);

/** In the unit of the chart. */
function scaled(metric: string, value: number): number {
  if (SHARES.has(metric)) return 100 * value;
  return metric === "health.clock_error_ms" ? value / 1000 : value;
}

/** The chart of the alert's figure with its limit; null: there is no series of it. */
export function chartOfAlert(series: Series, alert: Pick<AlertWithHistory, "rule" | "threshold" | "details">): AlertChart | null {
  const metric = metricOf(alert);
  const chart = metric.startsWith("health.") ? healthChart(series, metric.slice("health.".length)) : windowChart(series, metric);
  if (chart === null || !chart.lines[0]!.values.some((value) => value !== null)) return null;
  const flat = (value: number) => chart.t.map(() => scaled(metric, value));
  const usual = alert.details?.baseline_p95_ms;
  if (usual) chart.lines.push({ label: "usual at this hour", values: flat(usual), colour: "--series-2" });
  // A trend's limit is a time, and not of the figure.
  if (alert.threshold !== null && alert.rule !== "disk_full_soon") chart.lines.push({ label: "limit", values: flat(alert.threshold), colour: "--bad" });
  return chart;
}

/** When it was suspected, fired, and was over; numbered in this order. */
export function momentsOf(alert: Pick<AlertWithHistory, "opened_at" | "fired_at" | "resolved_at">): (Mark & { label: string })[] {
  const moments: [string | null, string, Mark["tone"]][] = [
    [alert.opened_at === alert.fired_at ? null : alert.opened_at, "Suspected", "warn"],
    [alert.fired_at, "Fired", "bad"],
    [alert.resolved_at, "Resolved", "accent"],
  ];
  return moments.filter(([at]) => at !== null).map(([at, label, tone], place) => ({ t: Date.parse(at!) / 1000, number: place + 1, tone, label }));
}

/** From an hour before it opened to an hour after it fired and was over, or until now; at most a week. */
export function timeAround(alert: Pick<AlertWithHistory, "opened_at" | "fired_at" | "resolved_at">, nowMs: number): { from: string; to: string } {
  const hour = 3_600_000;
  const opened = Date.parse(alert.opened_at);
  const last = Math.max(Date.parse(alert.fired_at ?? alert.opened_at), Date.parse(alert.resolved_at ?? alert.opened_at));
  const to = Math.max(opened, Math.min(last + hour, nowMs));
  return { from: new Date(Math.max(opened - hour, to - 7 * 24 * hour)).toISOString(), to: new Date(to).toISOString() };
}
