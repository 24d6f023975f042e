// One alert: why it fired, with its numbers and what they looked like then; who looks after it; what became of it.

import { useMemo } from "preact/hooks";
import { Link } from "wouter-preact";
import { useAlert, type AlertWithHistory } from "../api/alerts";
import { useDrift } from "../api/drift";
import { useReactions } from "../api/rules";
import { useSeriesAround, type Series } from "../api/telemetry";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { Chart } from "../ui/chart";
import { DriftHistogram } from "../ui/drift-histogram";
import { Facts, type Fact } from "../ui/facts";
import { ago, clock, milliseconds, number, percent, person, plural, words } from "../ui/format";
import { Status } from "../ui/status";
import { Acknowledge } from "./alert-actions";
import { AlertMoments } from "./alert-moments";
import { chartOfAlert, metricOf, momentsOf, timeAround } from "./alert-chart";
import { AlertSubject } from "./alert-subject";
import { groupTitle, marksOf, silenceOf, toneOf } from "./alert-text";
import { AlertTold } from "./alert-told";
import { chartsOf, plain } from "./charts-of-series";
import { ReactionsDone } from "./reactions";

const ABOUT_INPUTS = new Set(["drift", "input_contract"]); // what a device sees is shown as histograms

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
      {alert.device_id !== null && ABOUT_INPUTS.has(alert.rule) && <Drift device={alert.device_id} model={alert.model} />}
      {alert.device_id !== null && !ABOUT_INPUTS.has(alert.rule) && <Measured alert={alert} device={alert.device_id} />}
      <WhatRulesDid alert={alert.id} />
      <AlertTold alert={alert.id} />
      <Card title="What became of it" flush>
        {alert.history.length === 0 ? <Empty>Nothing was written down of it.</Empty> : <AlertMoments moments={alert.history} />}
      </Card>
    </>
  );
}

/** Nothing for most alerts: rules do nothing by themselves unless somebody wrote it down. */
function WhatRulesDid({ alert }: { alert: number }) {
  const reactions = useReactions({ alert });
  if (!reactions.data || reactions.data.items.length === 0) return null;
  return (
    <Card title="What its rule did">
      <ReactionsDone of={{ alert }} />
    </Card>
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

/** The figure that its rule looked at, and what else the device measured then. */
function Measured({ alert, device }: { alert: AlertWithHistory; device: string }) {
  const { from, to } = useMemo(() => timeAround(alert, Date.now()), [alert.opened_at, alert.fired_at, alert.resolved_at]);
  const series = useSeriesAround(device, alert.model === "" ? undefined : alert.model, from, to, true);
  return (
    <Card title="Around the time" extra={<span class="muted small">from an hour before it opened</span>}>
      {series.data ? <Charts series={series.data} alert={alert} range={[Date.parse(from) / 1000, Date.parse(to) / 1000]} /> : series.error ? <Failure error={series.error} /> : <Skeleton lines={6} />}
    </Card>
  );
}

function Charts({ series, alert, range }: { series: Series; alert: AlertWithHistory; range: [number, number] }) {
  const drawn = useMemo(() => chartsOf(series, range[1] - range[0], range[1]), [series, range[0], range[1]]);
  const own = useMemo(() => chartOfAlert(series, alert), [series, alert]);
  const moments = useMemo(() => momentsOf(alert), [alert.opened_at, alert.fired_at, alert.resolved_at]);
  if (series.t.length === 0 && own === null) return <p class="muted">Nothing was measured in this time.</p>;
  const beside = { t: series.t, range, marks: moments };
  const metric = metricOf(alert);
  return (
    <div class="stack">
      {own && <Chart {...own} range={range} marks={moments} from="data" />}
      <ul class="legend small">
        {moments.map(({ number: place, label, t }) => (
          <li key={place}>
            <b>{place}</b> {label} {clock(new Date(t * 1000).toISOString())}
          </li>
        ))}
      </ul>
      <div class="grid-2">
        {!metric.startsWith("latency") && <Chart title="Latency" lines={drawn.latency} band={drawn.spread} format={plain(1, " ms")} {...beside} />}
        {metric !== "throughput" && <Chart title="Throughput" lines={drawn.throughput} format={plain(1, " /s")} {...beside} />}
      </div>
    </div>
  );
}

function Drift({ device, model }: { device: string; model: string }) {
  const drift = useDrift(device);
  const features = (drift.data?.items ?? []).filter((feature) => model === "" || feature.model === model).sort((one, other) => other.psi - one.psi);
  return (
    <Card title="What it sees now, and saw before">
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
              <p class="muted small">{feature.message}.</p>
            </div>
          ))}
        </div>
      )}
    </Card>
  );
}
