// The charts of a device: one time axis for all, and the numbered list of what happened meanwhile.

import { useMemo } from "preact/hooks";
import { useLocation, useSearch } from "wouter-preact";
import { useSeries } from "../api/queries";
import type { Device, Series } from "../api/types";
import { Card, Failure, Skeleton } from "../ui/card";
import { Chart, type Line, type Mark } from "../ui/chart";
import { bytes, clock } from "../ui/format";
import { Segments } from "../ui/segments";
import { devicePath, withSearch } from "./paths";

const RANGES: [string, string][] = [
  ["900", "15 min"],
  ["3600", "1 h"],
  ["21600", "6 h"],
  ["86400", "24 h"],
  ["604800", "7 d"],
];
const MARKS_LISTED = 12;

export function DeviceCharts({ device }: { device: Device }) {
  const search = new URLSearchParams(useSearch());
  const range = RANGES.find(([seconds]) => seconds === search.get("range"))?.[0] ?? "3600";
  const model = search.get("model") ?? device.models[0]?.model;
  const [, navigate] = useLocation();
  const go = (values: { range?: string; model?: string }) => navigate(withSearch(devicePath(device.id), { range, model, ...values }), { replace: true });
  const series = useSeries(device.id, model, Number(range));
  return (
    <Card
      title="Over time"
      extra={
        <span class="row">
          {device.models.length > 1 && <Segments label="Model" choices={device.models.map((each) => [each.model, each.model])} chosen={model ?? ""} onChoose={(chosen) => go({ model: chosen })} />}
          <Segments label="Range" choices={RANGES} chosen={range} onChoose={(chosen) => go({ range: chosen })} />
        </span>
      }
    >
      {series.isPending ? <Skeleton lines={16} /> : series.data ? <ChartGrid series={series.data} rangeS={Number(range)} /> : <Failure error={series.error} />}
    </Card>
  );
}

const plain = (digits: number, unit: string) => (value: number) => `${value.toFixed(digits)}${unit}`;
const megabytes = (value: number) => bytes(value * 1_000_000);
const HEALTH: { key: string; title: string; format: (value: number) => string; from?: "data" }[] = [
  { key: "cpu_percent", title: "CPU", format: plain(0, " %") },
  { key: "memory_used_mb", title: "Memory used", format: megabytes },
  { key: "cpu_temperature_c", title: "CPU temperature", format: plain(0, " °C"), from: "data" },
  { key: "gpu_temperature_c", title: "GPU temperature", format: plain(0, " °C"), from: "data" },
  { key: "gpu_percent", title: "GPU", format: plain(0, " %") },
  { key: "gpu_memory_used_mb", title: "GPU memory used", format: megabytes },
  { key: "disk_free_mb", title: "Disk free", format: megabytes },
  { key: "disk_wear_percent", title: "Disk wear", format: plain(0, " %") },
  { key: "disk_temperature_c", title: "Disk temperature", format: plain(0, " °C"), from: "data" },
  { key: "power_w", title: "Power", format: plain(1, " W") },
  { key: "battery_percent", title: "Battery", format: plain(0, " %") },
];

/** All that was measured fits, and the newest is at the right edge. */
function timeRange(series: Series, rangeS: number): [number, number] {
  const first = [series.t[0], series.health.t[0]].filter((t) => t !== undefined);
  const last = [series.t.at(-1), series.health.t.at(-1)].filter((t) => t !== undefined);
  if (first.length === 0) return [Date.now() / 1000 - rangeS, Date.now() / 1000];
  return [Math.min(...first), Math.max(...last) + series.step_s];
}

function toneOf(kind: string): Mark["tone"] {
  if (kind === "alert.firing" || kind === "update.failed") return "bad";
  return kind.startsWith("alert.") || kind.startsWith("drift.") ? "warn" : "accent";
}

function ChartGrid({ series, rangeS }: { series: Series; rangeS: number }) {
  const drawn = useMemo(() => {
    const percents = (values: (number | null)[]) => values.map((value) => (value === null ? null : value * 100));
    const latency: Line[] = [
      { label: "p50", values: series.latency.p50, colour: "--series-2" },
      { label: "p95", values: series.latency.p95, colour: "--accent" },
      { label: "p99", values: series.latency.p99, colour: "--series-3" },
    ];
    return {
      latency,
      throughput: [{ label: "inferences", values: series.throughput_hz, colour: "--accent" }],
      accuracy: [{ label: "right", values: percents(series.accuracy), colour: "--accent" }],
      errors: [{ label: "errors", values: percents(series.error_rate), colour: "--bad" }],
      health: HEALTH.filter(({ key }) => series.health[key]?.some((value) => value !== null)).map((each) => ({
        ...each,
        lines: [{ label: each.title, values: series.health[each.key]!, colour: "--accent" }],
      })),
      range: timeRange(series, rangeS),
      marks: series.markers.slice(-MARKS_LISTED).map((marker, place) => ({ t: marker.t, number: place + 1, tone: toneOf(marker.kind) })),
    };
  }, [series, rangeS]);
  if (series.t.length === 0 && series.health.t.length === 0) return <p class="muted">Nothing was measured in this time.</p>;
  const shared = { t: series.t, range: drawn.range, marks: drawn.marks };
  return (
    <div class="stack" style="gap: var(--space-5)">
      <div class="grid-2">
        <Chart title="Latency" lines={drawn.latency} format={plain(1, " ms")} {...shared} />
        <Chart title="Throughput" lines={drawn.throughput} format={plain(1, " /s")} {...shared} />
        <Chart title="Accuracy, where labels exist" lines={drawn.accuracy} format={plain(1, " %")} from="data" most={100.5} {...shared} />
        <Chart title="Errors" lines={drawn.errors} format={plain(2, " %")} {...shared} />
      </div>
      <div class="grid-small">
        {drawn.health.map(({ key, title, lines, format, from }) => (
          <Chart key={key} title={title} lines={lines} format={format} from={from} t={series.health.t} range={drawn.range} marks={drawn.marks} />
        ))}
      </div>
      {drawn.marks.length > 0 && (
        <ol class="marks" aria-label="Marked in the charts">
          {series.markers.slice(-MARKS_LISTED).map((marker, place) => (
            <li key={place}>
              <span class={`mark tone-${toneOf(marker.kind)}`}>{place + 1}</span>
              <span class="muted nowrap">{clock(new Date(marker.t * 1000).toISOString())}</span>
              <span>{marker.label}</span>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}
