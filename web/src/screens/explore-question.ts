// What the screen Explore asks, from its address; and the same for the command line. Pure.

import type { GroupedSeries, GroupLine, TelemetryQuestion } from "../api/telemetry";
import type { Band, Line } from "../ui/chart";
import { bridged } from "../ui/chart-scale";
import { bytes, milliseconds, number, percent } from "../ui/format";

export const RANGES: [string, string][] = [
  ["3600", "1 h"],
  ["21600", "6 h"],
  ["86400", "24 h"],
  ["604800", "7 d"],
  ["2592000", "30 d"],
  ["31536000", "1 y"],
];
const LAST: Record<string, string> = { "3600": "1h", "21600": "6h", "86400": "24h", "604800": "7d", "2592000": "30d", "31536000": "365d" };

export const METRICS: [string, string][] = [
  ["latency_p50", "Latency, p50"],
  ["latency_p95", "Latency, p95"],
  ["latency_p99", "Latency, p99"],
  ["throughput", "Throughput"],
  ["error_rate", "Error rate"],
  ["accuracy", "Accuracy, where labels exist"],
  ["estimated_accuracy", "Accuracy, estimated without labels"],
  ["confidence", "Confidence"],
];
export const HEALTH_METRICS: [string, string][] = [
  ["health.cpu_percent", "CPU"],
  ["health.memory_used_mb", "Memory used"],
  ["health.cpu_temperature_c", "CPU temperature"],
  ["health.gpu_percent", "GPU"],
  ["health.gpu_temperature_c", "GPU temperature"],
  ["health.disk_free_mb", "Disk free"],
  ["health.power_w", "Power"],
  ["health.battery_percent", "Battery"],
];
export const NUMBERS = "numbers.";

/** With most observations; the others are one line. */
export const GROUPS_DRAWN = 5;
export const WORST_LISTED = 10;

export interface Chosen {
  filter: string;
  model: string;
  metric: string;
  by: string;
  range: string; // seconds
}

export function chosenIn(search: string): Chosen {
  const given = new URLSearchParams(search);
  const range = given.get("range") ?? "";
  return {
    filter: given.get("filter") ?? "",
    model: given.get("model") ?? "",
    metric: given.get("metric") ?? "latency_p95",
    by: given.get("by") ?? "",
    range: LAST[range] === undefined ? "3600" : range,
  };
}

export const isHealth = (metric: string) => metric.startsWith("health.");
/** Of which devices and windows; health knows no model. */
const scopeOf = ({ filter, model, metric }: Chosen): TelemetryQuestion => ({ filter, model: isHealth(metric) ? undefined : model });

export const seriesQuestion = (chosen: Chosen): TelemetryQuestion => ({ ...scopeOf(chosen), metric: chosen.metric, by: chosen.by, points: 240, groups: GROUPS_DRAWN });
export const worstQuestion = (chosen: Chosen): TelemetryQuestion => ({ ...scopeOf(chosen), metric: chosen.metric, n: WORST_LISTED });
export const exportQuestion = (chosen: Chosen, rows: "series" | "windows"): TelemetryQuestion =>
  rows === "series" ? { ...seriesQuestion(chosen), rows } : { filter: chosen.filter, model: chosen.model, rows };

const quoted = (text: string) => (/^[\w.=/:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

export function commandOf(chosen: Chosen): string {
  const options: [string, string][] = [
    ["--metric", chosen.metric],
    ["--by", chosen.by],
    ["--model", isHealth(chosen.metric) ? "" : chosen.model],
    ["--filter", chosen.filter],
    ["--last", LAST[chosen.range]!],
  ];
  return ["argosy telemetry series", ...options.filter(([, value]) => value !== "").map(([name, value]) => `${name} ${quoted(value)}`)].join(" ");
}

/** How values of this unit read. */
export function formatOf(unit: string): (value: number) => string {
  if (unit === "ms") return milliseconds;
  if (unit === "share") return (value) => percent(value);
  if (unit === "MB") return (value) => bytes(value * 1_000_000);
  if (unit === "B") return bytes;
  const digits = (value: number) => (Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
  return (value) => `${number(value, digits(value))}${unit === "" ? "" : ` ${unit}`}`;
}

export const nameOf = (line: GroupLine, by: string) => (by === "" ? "All devices" : line.group === "" ? "Without the label" : line.group);

/** A line for each group, and for one alone the band of its devices. */
export function drawn(series: GroupedSeries): { lines: Line[]; band?: Band; all: GroupLine[] } {
  const all: GroupLine[] = series.other ? [...series.groups, { ...series.other, group: `${number(series.other.groups)} others` }] : series.groups;
  const lines = all.map((line, place) => ({
    label: nameOf(line, series.by),
    values: bridged(line.value),
    colour: series.other && place === all.length - 1 ? "--group-6" : `--group-${(place % 5) + 1}`,
  }));
  const only = all.length === 1 ? all[0] : undefined;
  return { lines, all, band: only && { low: bridged(only.min), high: bridged(only.max), colour: lines[0]!.colour } };
}
