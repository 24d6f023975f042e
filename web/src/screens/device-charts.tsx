// The charts of a device: one time axis for all, and the numbered list of what happened meanwhile.

import { useMemo } from "preact/hooks";
import { useLocation, useSearch } from "wouter-preact";
import type { Device } from "../api/devices";
import { useSeries, type Series } from "../api/telemetry";
import { Card, Failure, Skeleton } from "../ui/card";
import { Chart } from "../ui/chart";
import { clock } from "../ui/format";
import { Segments } from "../ui/segments";
import { chartsOf, plain } from "./charts-of-series";
import { plainNumber } from "./guards";
import { ModelAnswers } from "./model-answers";
import { devicePath, withSearch } from "./paths";

const RANGES: [string, string][] = [
  ["900", "15 min"],
  ["3600", "1 h"],
  ["21600", "6 h"],
  ["86400", "24 h"],
  ["604800", "7 d"],
];

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
      {series.isPending ? <Skeleton lines={16} /> : series.data ? <ChartGrid series={series.data} rangeS={Number(range)} alone={device.models.length === 1} /> : <Failure error={series.error} />}
    </Card>
  );
}

/** `alone`: the device serves one model, so that what the board draws is drawn for it. */
function ChartGrid({ series, rangeS, alone }: { series: Series; rangeS: number; alone: boolean }) {
  const drawn = useMemo(() => chartsOf(series, rangeS, Date.now() / 1000), [series, rangeS]);
  if (series.t.length === 0 && series.health.t.length === 0) return <p class="muted">Nothing was measured in this time.</p>;
  const shared = { t: series.t, range: drawn.range, marks: drawn.marks };
  return (
    <div class="stack" style="gap: var(--space-5)">
      <div class="grid-2">
        <Chart title="Latency" lines={drawn.latency} band={drawn.spread} format={plain(1, " ms")} {...shared} />
        <Chart title="Throughput" lines={drawn.throughput} format={plain(1, " /s")} {...shared} />
        <Chart title="Accuracy" lines={drawn.accuracy} band={drawn.accuracyBounds} format={plain(1, " %")} from="data" most={100.5} {...shared} />
        <Chart title="Errors" lines={drawn.errors} format={plain(2, " %")} {...shared} />
        {drawn.confidence && <Chart title="Confidence" lines={drawn.confidence} format={plain(1, " %")} from="data" most={100.5} {...shared} />}
        {drawn.entropy && <Chart title="Entropy of the predictions" lines={drawn.entropy} format={plain(2, " nats")} {...shared} />}
        {alone && drawn.energy && <Chart title="Energy for an inference, of the whole board" lines={drawn.energy} format={(joules) => `${plainNumber(joules)} J`} {...shared} />}
      </div>
      {drawn.labels && <p class="muted small">{drawn.labels}</p>}
      <ModelAnswers series={series} />
      <div class="grid-small">
        {drawn.numbers.map(({ name, lines }) => (
          <Chart key={name} title={name} lines={lines} format={plainNumber} from="data" {...shared} />
        ))}
        {drawn.readings.map(({ name, lines }) => (
          <Chart key={name} title={name} lines={lines} format={plainNumber} from="data" t={series.health.t} range={drawn.range} marks={drawn.marks} />
        ))}
        {drawn.health.map(({ key, title, lines, format, from }) => (
          <Chart key={key} title={title} lines={lines} format={format} from={from} t={series.health.t} range={drawn.range} marks={drawn.marks} />
        ))}
      </div>
      {drawn.marks.length > 0 && (
        <ol class="marks" aria-label="Marked in the charts">
          {drawn.marks.map((mark) => (
            <li key={mark.number}>
              <span class={`mark tone-${mark.tone}`}>{mark.number}</span>
              <span class="muted nowrap">{clock(new Date(mark.t * 1000).toISOString())}</span>
              <span>{mark.label}</span>
            </li>
          ))}
        </ol>
      )}
    </div>
  );
}
