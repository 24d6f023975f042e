// One alert: why it fired, with its numbers and what they looked like then; who looks after it; what became of it.

import { useMemo } from "preact/hooks";
import { Link } from "wouter-preact";
import { useAlert, useDrift, useSeriesAround } from "../api/queries";
import type { AlertWithHistory, Series } from "../api/types";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { Chart } from "../ui/chart";
import { DriftHistogram } from "../ui/drift-histogram";
import { Facts, type Fact } from "../ui/facts";
import { ago, clock, milliseconds, number, percent, person, plural, words } from "../ui/format";
import { Status } from "../ui/status";
import { Acknowledge } from "./alert-actions";
import { AlertMoments } from "./alert-moments";
import { AlertSubject } from "./alert-subject";
import { groupTitle, marksOf, silenceOf, toneOf } from "./alert-text";
import { chartsOf, plain } from "./charts-of-series";

const AROUND_MS = 3_600_000;

export default function AlertScreen({ id }: { id: string }) {
  const alert = useAlert(id);
  if (alert.isPending) return <Skeleton lines={8} />;
  if (alert.error) return <Failure error={alert.error} retry={() => void alert.refetch()} />;
  return <Shown alert={alert.data} />;
}

function Shown({ alert }: { alert: AlertWithHistory }) {
  return (
    <>
      <div class="row between">
        <span class="row">
          <h1>{words(alert.rule)}</h1>
          <AlertSubject alert={alert} />
          <Status tone={toneOf(alert)} text={words(alert.state)} />
        </span>
        <span class="row">
          {alert.state !== "resolved" && <Acknowledge alert={alert} />}
          {alert.state !== "resolved" && (
            <Link class="button" href={silenceOf(alert)}>
              Silence…
            </Link>
          )}
        </span>
      </div>
      <Card title="Why">
        <div class="stack">
          <p>{alert.message}</p>
          {marksOf(alert).map((mark) => (
            <p key={mark} class="small">
              <Status tone="quiet" text={mark} />
            </p>
          ))}
          {alert.inhibited_by && (
            <p class="small">
              <Link href={`/alerts/${alert.inhibited_by}`}>Show alert {alert.inhibited_by}</Link>
            </p>
          )}
          {alert.stands_for > 0 && <p class="small">It stands for {plural(alert.stands_for, "other alert")}.</p>}
          <Facts facts={factsOf(alert)} />
        </div>
      </Card>
      {alert.rule === "drift" && alert.device_id !== null ? <Drift device={alert.device_id} model={alert.model} /> : alert.device_id !== null && <Measured alert={alert} device={alert.device_id} />}
      <Card title="What became of it" flush>
        {alert.history.length === 0 ? <Empty>Nothing was written down of it.</Empty> : <AlertMoments moments={alert.history} />}
      </Card>
    </>
  );
}

function figure(rule: string, value: number | null): string {
  if (rule === "latency_doubled") return milliseconds(value);
  if (rule === "accuracy_low" || rule === "site_dark") return percent(value);
  return number(value, 2);
}

function factsOf(alert: AlertWithHistory): Fact[] {
  const facts: Fact[] = [
    ["Severity", words(alert.severity)],
    ["Value", figure(alert.rule, alert.value)],
    ["Limit", figure(alert.rule, alert.threshold)],
    ["Told with", groupTitle(alert.group ?? "")],
    ["Fires since", clock(alert.fired_at)],
    ["Told", alert.told_at ? clock(alert.told_at) : "to nobody yet"],
  ];
  if (alert.model !== "") facts.push(["Model", <Link href={`/models/${encodeURIComponent(alert.model)}`}>{alert.model}</Link>]);
  if (alert.resolved_at) facts.push(["Resolved", clock(alert.resolved_at)]);
  if (alert.acknowledged_by) facts.push(["Looked after by", `${person(alert.acknowledged_by)}, ${ago(alert.acknowledged_at)}`]);
  if (alert.acknowledgement) facts.push(["They wrote", alert.acknowledgement]);
  return facts;
}

/** What the device measured from an hour before it fired, to an hour after or until now. */
function Measured({ alert, device }: { alert: AlertWithHistory; device: string }) {
  const fired = Date.parse(alert.fired_at ?? alert.opened_at);
  const from = new Date(fired - AROUND_MS).toISOString();
  const to = new Date(fired + AROUND_MS).toISOString();
  const series = useSeriesAround(device, alert.model === "" ? undefined : alert.model, from, to, true);
  return (
    <Card title="Around the time" extra={<span class="muted small">an hour before and after it fired</span>}>
      {series.isPending ? <Skeleton lines={6} /> : series.data ? <Charts series={series.data} rule={alert.rule} fired={fired / 1000} /> : <Failure error={series.error} />}
    </Card>
  );
}

function Charts({ series, rule, fired }: { series: Series; rule: string; fired: number }) {
  const drawn = useMemo(() => chartsOf(series, (2 * AROUND_MS) / 1000, fired + AROUND_MS / 1000), [series, fired]);
  if (series.t.length === 0) return <p class="muted">Nothing was measured in this time.</p>;
  const shared = { t: series.t, range: drawn.range, marks: [{ t: fired, number: 1, tone: "bad" as const }] };
  return (
    <div class="grid-2">
      {rule === "accuracy_low" && <Chart title="Accuracy" lines={drawn.accuracy} band={drawn.accuracyBounds} format={plain(1, " %")} from="data" most={100.5} {...shared} />}
      <Chart title="Latency" lines={drawn.latency} band={drawn.spread} format={plain(1, " ms")} {...shared} />
      {rule !== "accuracy_low" && <Chart title="Throughput" lines={drawn.throughput} format={plain(1, " /s")} {...shared} />}
    </div>
  );
}

function Drift({ device, model }: { device: string; model: string }) {
  const drift = useDrift(device);
  const features = (drift.data?.items ?? []).filter((feature) => model === "" || feature.model === model).sort((one, other) => other.psi - one.psi);
  return (
    <Card title="What it sees now, and was trained on">
      {drift.isPending ? (
        <Skeleton lines={6} />
      ) : features.length === 0 ? (
        <p class="muted">There is no histogram of it any more.</p>
      ) : (
        <div class="grid-2">
          {features.slice(0, 4).map((feature) => (
            <div key={`${feature.model} ${feature.feature}`} class="stack" style="gap: 6px">
              <strong>{words(feature.feature)}</strong>
              <DriftHistogram feature={feature} />
              <p class="muted small">PSI {number(feature.psi, 2)}, drift from {number(feature.threshold, 2)}.</p>
            </div>
          ))}
        </div>
      )}
    </Card>
  );
}
