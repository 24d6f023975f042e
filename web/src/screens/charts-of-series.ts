// What the charts of a device draw of the series that the server answers. Pure.

import type { Series } from "../api/telemetry";
import type { Band, Line, Mark } from "../ui/chart";
import { bytes, duration, number, plural } from "../ui/format";

const MARKS_LISTED = 12;

/** A mark in the charts, and what it says in the list below them. */
export interface ListedMark extends Mark {
  label: string;
}

export const plain = (digits: number, unit: string) => (value: number) => `${value.toFixed(digits)}${unit}`;
const megabytes = (value: number) => bytes(value * 1_000_000);
const HEALTH: { key: string; title: string; format: (value: number) => string; from?: "data" }[] = [
  { key: "cpu_percent", title: "CPU", format: plain(0, " %") },
  { key: "memory_used_mb", title: "Memory used", format: megabytes },
  { key: "cpu_temperature_c", title: "CPU temperature", format: plain(0, " °C"), from: "data" },
  { key: "gpu_temperature_c", title: "GPU temperature", format: plain(0, " °C"), from: "data" },
  { key: "gpu_percent", title: "GPU", format: plain(0, " %") },
  { key: "gpu_awake_percent", title: "GPU awake", format: plain(0, " %") },
  { key: "gpu_memory_used_mb", title: "GPU memory used", format: megabytes },
  { key: "gpu_power_w", title: "GPU power", format: plain(1, " W") },
  { key: "npu_percent", title: "NPU", format: plain(0, " %") },
  { key: "npu_memory_used_mb", title: "NPU memory used", format: megabytes },
  { key: "npu_temperature_c", title: "NPU temperature", format: plain(0, " °C"), from: "data" },
  { key: "disk_free_mb", title: "Disk free", format: megabytes },
  { key: "disk_wear_percent", title: "Disk wear", format: plain(0, " %") },
  { key: "disk_temperature_c", title: "Disk temperature", format: plain(0, " °C"), from: "data" },
  { key: "power_w", title: "Power", format: plain(1, " W") },
  { key: "cpu_power_w", title: "CPU power", format: plain(1, " W") },
  { key: "battery_percent", title: "Battery", format: plain(0, " %") },
];

const READING = "custom.";

/** What the owner's command reads, by name. */
function readingsOf(series: Series) {
  return Object.keys(series.health)
    .filter((key) => key.startsWith(READING) && measured(series.health[key]))
    .sort()
    .map((key) => ({ name: key.slice(READING.length), lines: [{ label: "reading", values: series.health[key]!, colour: "--accent" }] satisfies Line[] }));
}

/** Joules of the whole board for each inference, where both its power and inferences were measured. */
function energyOf(series: Series): (number | null)[] {
  const watts = new Map(series.health.t.map((t, place) => [t, series.health["power_w"]?.[place] ?? null]));
  return series.t.map((t, place) => {
    const power = watts.get(t) ?? null;
    const rate = series.throughput_hz[place] ?? null;
    return power === null || rate === null || rate === 0 ? null : power / rate;
  });
}

const measured = (values?: (number | null)[]) => values?.some((value) => value !== null) ?? false;

/** All that was measured fits, and the newest is at the right edge. */
function timeRange(series: Series, rangeS: number, nowS: number): [number, number] {
  const first = [series.t[0], series.health.t[0]].filter((t) => t !== undefined);
  const last = [series.t.at(-1), series.health.t.at(-1)].filter((t) => t !== undefined);
  if (first.length === 0) return [nowS - rangeS, nowS];
  return [Math.min(...first), Math.max(...last) + series.step_s];
}

function toneOf(kind: string): Mark["tone"] {
  if (kind === "alert.firing" || kind === "update.failed") return "bad";
  return kind.startsWith("alert.") || kind.startsWith("drift.") ? "warn" : "accent";
}

/** Where the accuracy comes from, in a sentence; nothing without labels and without an estimate. */
function labelsOf(series: Series): string | null {
  const sum = (values: (number | null)[]) => values.reduce<number>((total, value) => total + (value ?? 0), 0);
  const labels = sum(series.labelled);
  const later = sum(series.labelled_later);
  const isEstimated = measured(series.estimated_accuracy);
  if (labels === 0) return isEstimated ? "Accuracy is estimated from the confidence of the predictions; there are no labels." : null;
  const delays = sum(series.label_delay_s.map((delay, step) => (delay ?? 0) * (series.labelled_later[step] ?? 0)));
  const came = later === 0 ? "at inference" : `${number(labels - later)} at inference and ${number(later)} later, after ${duration(delays / later)} on average`;
  return `Accuracy of ${plural(labels, "label")}, ${came}. The band is its 95 % interval (Wilson).${isEstimated ? " The estimate needs no labels: it goes by the confidence of the predictions." : ""}`;
}

/** Lines, marks and the time axis, which is the last `rangeS` seconds before `nowS` when nothing was measured. */
export function chartsOf(series: Series, rangeS: number, nowS: number) {
  const percents = (values: (number | null)[]) => values.map((value) => (value === null ? null : value * 100));
  const latency: Line[] = [
    { label: "p50", values: series.latency.p50, colour: "--series-2" },
    { label: "p95", values: series.latency.p95, colour: "--accent" },
    { label: "p99", values: series.latency.p99, colour: "--series-3" },
  ];
  const spread: Band = { low: series.latency.min, high: series.latency.max, colour: "--accent" };
  return {
    latency,
    spread,
    throughput: [{ label: "inferences", values: series.throughput_hz, colour: "--accent" }],
    accuracy: [
      { label: "of labels", values: percents(series.accuracy), colour: "--accent" },
      ...(measured(series.estimated_accuracy) ? [{ label: "estimated", values: percents(series.estimated_accuracy), colour: "--series-3" }] : []),
    ] satisfies Line[],
    accuracyBounds: { low: percents(series.accuracy_lower), high: percents(series.accuracy_upper), colour: "--accent" } satisfies Band,
    labels: labelsOf(series),
    confidence: measured(series.confidence) ? [{ label: "mean", values: percents(series.confidence), colour: "--accent" }] : null,
    entropy: measured(series.entropy) ? [{ label: "mean", values: series.entropy, colour: "--accent" }] : null,
    energy: measured(energyOf(series)) ? [{ label: "whole board", values: energyOf(series), colour: "--accent" }] : null,
    readings: readingsOf(series),
    numbers: Object.entries(series.numbers)
      .filter(([, values]) => measured(values))
      .sort(([one], [other]) => one.localeCompare(other))
      .map(([name, values]) => ({ name, lines: [{ label: "mean", values, colour: "--accent" }] satisfies Line[] })),
    errors: [{ label: "errors", values: percents(series.error_rate), colour: "--bad" }],
    health: HEALTH.filter(({ key }) => measured(series.health[key])).map((each) => ({
      ...each,
      lines: [{ label: each.title, values: series.health[each.key]!, colour: "--accent" }],
    })),
    range: timeRange(series, rangeS, nowS),
    marks: series.markers.slice(-MARKS_LISTED).map((marker, place): ListedMark => ({ t: marker.t, number: place + 1, tone: toneOf(marker.kind), label: marker.label })),
  };
}
