// One device: what it is, what it serves, how it fares, what it sees, what happened.

import { useMemo } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { useDevice, useDeviceEvents, useDrift, useSeries, type DriftFeature } from "../api/queries";
import type { Device as Data, DeviceModel, Series, Update } from "../api/types";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { Chart, type Line } from "../ui/chart";
import { DriftHistogram } from "../ui/drift-histogram";
import { ago, bytes, clock, milliseconds, number, percent, plural, shortDigest, words } from "../ui/format";
import { PresenceStatus, Status, updateTone } from "../ui/status";

const RANGES: [string, number][] = [
  ["5 min", 300],
  ["1 h", 3600],
  ["24 h", 86400],
  ["7 d", 604800],
];

export default function Device({ id }: { id: string }) {
  const device = useDevice(id);
  if (device.isPending) return <Skeleton lines={10} />;
  if (!device.data) return <Failure error={device.error} retry={() => void device.refetch()} />;
  return (
    <>
      <Header device={device.data} />
      {device.data.models.length === 0 && <Card title="Models">It serves no model yet. A rollout that suits it brings the first.</Card>}
      {device.data.models.map((model) => (
        <ModelCard key={model.model} model={model} />
      ))}
      <Charts device={device.data} />
      <Drift id={id} />
      <Events id={id} />
    </>
  );
}

function Header({ device }: { device: Data }) {
  const facts: [string, string][] = [
    ["Hardware class", device.hardware_class],
    ["Last seen", ago(device.last_seen_at)],
    ["Agent", device.agent_version ?? "–"],
    ["Certificate until", clock(device.certificate_not_after)],
    ["Enrolled", clock(device.enrolled_at)],
    ...Object.entries(device.labels),
  ];
  return (
    <div class="stack">
      <div class="row">
        <h1>{device.id}</h1>
        <PresenceStatus presence={device.presence} reason={device.presence_reason} />
        {device.revoked_at && <Status tone="bad" text="Revoked" />}
        {device.open_alerts > 0 && (
          <Link href="/alerts">
            <Status tone="bad" text={plural(device.open_alerts, "open alert")} />
          </Link>
        )}
        {device.drifted.length > 0 && <Status tone="warn" text={`Drift: ${device.drifted.join(", ")}`} />}
      </div>
      <p class="muted">
        {words(device.presence)} since {ago(device.presence_since)}: {device.presence_reason}
      </p>
      <dl class="row" style="margin: 0; gap: var(--space-5)">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt class="muted small">{words(name)}</dt>
            <dd style="margin: 0">{value}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}

function ModelCard({ model }: { model: DeviceModel }) {
  return (
    <Card title={`${model.model} ${model.version ?? "(none yet)"}`} extra={<Status tone={updateTone(model.update_state)} text={`Update: ${words(model.update_state)}`} />}>
      <div class="stack">
        <div class="grid-4">
          {(model.slots ?? []).map((slot) => (
            <div key={slot.slot} class="stat" style="background: var(--surface-2); border-radius: var(--radius)">
              <span class="row between">
                <span class="muted small">Slot {slot.slot.toUpperCase()}</span>
                <Status tone={slot.role === "serving" ? "good" : slot.role === "staging" ? "accent" : "quiet"} text={words(slot.role)} />
              </span>
              <span class="value">{slot.version || "–"}</span>
              <span class="muted small mono" title={slot.digest}>
                {shortDigest(slot.digest)} · {bytes(slot.size)}
              </span>
            </div>
          ))}
        </div>
        {model.update && <UpdateFacts update={model.update} />}
      </div>
    </Card>
  );
}

function UpdateFacts({ update }: { update: Update }) {
  return (
    <div class="stack" style="gap: 6px">
      <p>
        To {update.version} by rollout <Link href={`/rollouts/${update.rollout}`}>{update.rollout}</Link>
        {update.source && `, as ${update.source === "patch" ? "a patch" : update.source === "full" ? "the whole file" : "it lay on the device"}`}: {bytes(update.bytes)} of{" "}
        {bytes(update.full_bytes)} sent.
      </p>
      {update.metric_value !== undefined && (
        <p>
          Validated on the device: {percent(update.metric_value)} against a threshold of {percent(update.metric_threshold)}, p95 {milliseconds(update.latency_p95_ms)}
          {update.samples !== undefined && `, ${plural(update.samples, "sample")}`}.
        </p>
      )}
      {update.message && <p class={update.cause ? "" : "muted"}>{update.message}</p>}
      {!["committed", "rejected", "failed", "rolled_back", "idle"].includes(update.state) && <progress value={update.progress} max={1} aria-label={`Progress of ${update.state}`} style="width: 100%" />}
    </div>
  );
}

function Charts({ device }: { device: Data }) {
  const range = Number(new URLSearchParams(useSearch()).get("range") ?? "300") || 300;
  const [, navigate] = useLocation();
  const series = useSeries(device.id, device.models[0]?.model, range);
  return (
    <Card
      title="Over time"
      extra={
        <div class="row" role="group" aria-label="Range" style="gap: 4px">
          {RANGES.map(([label, seconds]) => (
            <button key={label} type="button" class="button" aria-pressed={range === seconds} onClick={() => navigate(`/devices/${encodeURIComponent(device.id)}?range=${seconds}`)}>
              {label}
            </button>
          ))}
        </div>
      }
    >
      {series.isPending ? <Skeleton lines={8} /> : series.data ? <ChartGrid series={series.data} /> : <Failure error={series.error} />}
    </Card>
  );
}

const HEALTH: [string, string, string][] = [
  ["cpu_percent", "CPU", " %"],
  ["memory_used_mb", "Memory used", " MB"],
  ["cpu_temperature_c", "CPU temperature", " °C"],
  ["gpu_temperature_c", "GPU temperature", " °C"],
  ["disk_free_mb", "Disk free", " MB"],
];

function ChartGrid({ series }: { series: Series }) {
  const markers = series.markers;
  const scaled = (values: (number | null)[]) => values.map((value) => (value === null ? null : value * 100));
  const latency: Line[] = useMemo(
    () => [
      { label: "p50", values: series.latency.p50, colour: "--good" },
      { label: "p95", values: series.latency.p95, colour: "--accent" },
      { label: "p99", values: series.latency.p99, colour: "--warn" },
    ],
    [series],
  );
  const health = HEALTH.filter(([key]) => series.health[key]?.some((value) => value !== null));
  return (
    <div class="grid-2">
      <Chart title="Latency" t={series.t} lines={latency} unit=" ms" markers={markers} />
      <Chart title="Throughput" t={series.t} lines={[{ label: "inferences", values: series.throughput_hz, colour: "--accent" }]} unit=" /s" markers={markers} />
      <Chart title="Accuracy, where labels exist" t={series.t} lines={[{ label: "accuracy", values: scaled(series.accuracy), colour: "--good" }]} unit=" %" markers={markers} />
      <Chart title="Errors" t={series.t} lines={[{ label: "errors", values: scaled(series.error_rate), colour: "--bad" }]} unit=" %" markers={markers} />
      {health.map(([key, title, unit]) => (
        <Chart key={key} title={title} t={series.health.t} lines={[{ label: title, values: series.health[key]!, colour: "--accent" }]} unit={unit} />
      ))}
    </div>
  );
}

function Drift({ id }: { id: string }) {
  const drift = useDrift(id);
  const items = drift.data?.items ?? [];
  return (
    <Card title="What it sees, against what the release was trained on">
      {drift.isPending ? (
        <Skeleton />
      ) : items.length === 0 ? (
        <p class="muted">No drift figures yet: the release ships no reference, or too few inferences were seen.</p>
      ) : (
        <div class="grid-2">
          {items.map((feature) => (
            <FeatureDrift key={`${feature.model} ${feature.feature}`} feature={feature} />
          ))}
        </div>
      )}
    </Card>
  );
}

function FeatureDrift({ feature }: { feature: DriftFeature }) {
  return (
    <div class="stack" style="gap: 6px">
      <div class="row between">
        <strong>{words(feature.feature)}</strong>
        <Status tone={feature.drifted ? "warn" : "good"} text={feature.drifted ? `Drifted since ${ago(feature.since)}` : "As trained"} />
      </div>
      <DriftHistogram feature={feature.feature} reference={feature.reference} present={feature.present} />
      <p class="muted small">
        PSI {number(feature.psi, 2)} over {plural(feature.samples, "sample")}; outline: reference, filled: now.
      </p>
    </div>
  );
}

function Events({ id }: { id: string }) {
  const events = useDeviceEvents(id);
  const items = events.data?.items ?? [];
  return (
    <Card title="What happened" flush>
      {events.isPending ? (
        <Skeleton />
      ) : items.length === 0 ? (
        <Empty>Nothing yet.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <tbody>
              {items.map((event) => (
                <tr key={event.id}>
                  <td class="nowrap muted">{clock(event.at)}</td>
                  <td class="nowrap">
                    <Status tone={event.severity === "critical" ? "bad" : event.severity === "warning" ? "warn" : "quiet"} text={words(event.kind)} />
                  </td>
                  <td>{event.message}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
