// Alerts: what fires, in the groups that are told together; silences; and what became of all of them.

import { Link, useLocation, useSearch } from "wouter-preact";
import { useAlertGroups, useAlertHistory, useAlerts, type Alert } from "../api/alerts";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { ago, clock, person, plural, words } from "../ui/format";
import { Segments } from "../ui/segments";
import { Status } from "../ui/status";
import { Acknowledge } from "./alert-actions";
import { AlertMoments } from "./alert-moments";
import { AlertSubject } from "./alert-subject";
import { countsText, grouped, groupTitle, marksOf, toneOf, type Grouped } from "./alert-text";
import { withSearch } from "./paths";
import { Silences } from "./silences";

const VIEWS: [string, string][] = [
  ["alerts", "Alerts"],
  ["silences", "Silences"],
  ["history", "History"],
];
const STATES: [string, string][] = [
  ["firing", "Firing"],
  ["pending", "Pending"],
  ["resolved", "Resolved"],
];
const GROUPINGS: [string, string][] = [
  ["told", "As told"],
  ["rule", "By rule"],
];
const EMPTY: Record<string, string> = {
  firing: "No alert is firing: every rule is satisfied on every device.",
  pending: "Nothing looks suspicious at the moment.",
  resolved: "No alert has been resolved yet.",
};

const chosen = (choices: [string, string][], asked: string | null) => choices.find(([each]) => each === asked)?.[0] ?? choices[0]![0];

export default function Alerts() {
  const search = new URLSearchParams(useSearch());
  const view = chosen(VIEWS, search.get("view"));
  const [, navigate] = useLocation();
  return (
    <>
      <div class="row between">
        <h1>Alerts</h1>
        <div class="row">
          <Segments label="View" choices={VIEWS} chosen={view} onChoose={(next) => navigate(withSearch("/alerts", { view: next === "alerts" ? "" : next }))} />
          <Link class="button small" href="/rules">
            Rules
          </Link>
        </div>
      </div>
      {view === "alerts" ? <AlertGroups /> : view === "silences" ? <Silences /> : <History />}
    </>
  );
}

function AlertGroups() {
  const search = new URLSearchParams(useSearch());
  const state = chosen(STATES, search.get("state"));
  const by = chosen(GROUPINGS, search.get("by"));
  const device = search.get("device") ?? "";
  const [, navigate] = useLocation();
  const go = (values: Record<string, string>) => navigate(withSearch("/alerts", { state, by, device, ...values }));
  const alerts = useAlerts(state, device);
  const groups = useAlertGroups(state, by);
  const items = alerts.data?.items ?? [];
  const total = alerts.data?.total ?? 0;
  const counts = new Map((device === "" ? (groups.data?.items ?? []) : []).map((group) => [group.key, countsText(group)]));
  return (
    <>
      <div class="row between">
        <span class="row">
          <Segments label="State" choices={STATES} chosen={state} onChoose={(next) => go({ state: next })} />
          <Segments label="Groups" choices={GROUPINGS} chosen={by} onChoose={(next) => go({ by: next })} />
          {device !== "" && (
            <button class="button" type="button" onClick={() => go({ device: "" })}>
              of {device} <span aria-hidden="true">✕</span>
              <span class="visually-hidden">, show those of all devices</span>
            </button>
          )}
        </span>
        <span class="muted small">{items.length < total ? `the newest ${items.length} of ${plural(total, "alert")}` : plural(total, "alert")}</span>
      </div>
      {alerts.error && <Failure error={alerts.error} retry={() => void alerts.refetch()} />}
      {alerts.isPending ? (
        <Card title={words(state)} flush>
          <Skeleton lines={6} />
        </Card>
      ) : items.length === 0 ? (
        <Card title={words(state)} flush>
          <Empty>{EMPTY[state]}</Empty>
        </Card>
      ) : (
        grouped(items, by).map((group) => <Group key={group.key} group={group} counts={counts.get(group.key) ?? ""} />)
      )}
    </>
  );
}

function Group({ group, counts }: { group: Grouped; counts: string }) {
  return (
    <Card title={groupTitle(group.key)} extra={<span class="muted small">{counts}</span>} flush>
      {group.alerts.length > 0 && <AlertTable alerts={group.alerts} />}
      {group.under.length > 0 && (
        <details style="padding: var(--space-2) var(--space-4)">
          <summary>{plural(group.under.length, "alert")} that another stands for</summary>
          <AlertTable alerts={group.under} />
        </details>
      )}
    </Card>
  );
}

function AlertTable({ alerts }: { alerts: Alert[] }) {
  const resolved = alerts.some((alert) => alert.resolved_at !== null);
  return (
    <div class="table-wrap">
      <table class="as-columns">
        <thead>
          <tr>
            <th>Rule</th>
            <th>About</th>
            <th>What is wrong</th>
            <th class="num">Since</th>
            {resolved && <th class="num">Resolved</th>}
            <th>Acknowledged by</th>
          </tr>
        </thead>
        <tbody>
          {alerts.map((alert) => (
            <AlertRow key={alert.id} alert={alert} resolved={resolved} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function AlertRow({ alert, resolved }: { alert: Alert; resolved: boolean }) {
  return (
    <tr>
      <td class="nowrap">
        <Link href={`/alerts/${alert.id}`}>
          <Status tone={toneOf(alert)} text={words(alert.rule)} />
        </Link>
      </td>
      <td class="nowrap">
        <AlertSubject alert={alert} />
      </td>
      <td class="wide-text">
        {alert.message}
        {marksOf(alert).map((mark) => (
          <div key={mark} class="muted small">
            {mark}
          </div>
        ))}
      </td>
      <td class="num" title={clock(alert.opened_at)}>
        {ago(alert.fired_at ?? alert.opened_at)}
      </td>
      {resolved && (
        <td class="num" title={clock(alert.resolved_at)}>
          {ago(alert.resolved_at)}
        </td>
      )}
      <td>{alert.state === "resolved" ? <span class="muted">{alert.acknowledged_by ? person(alert.acknowledged_by) : "–"}</span> : <Acknowledge alert={alert} />}</td>
    </tr>
  );
}

function History() {
  const history = useAlertHistory();
  const items = history.data?.items ?? [];
  return (
    <Card title="What became of alerts" extra={<span class="muted small">the newest {items.length}</span>} flush>
      {history.error ? <Failure error={history.error} retry={() => void history.refetch()} /> : history.isPending ? <Skeleton lines={8} /> : items.length === 0 ? <Empty>Nothing has happened yet.</Empty> : <AlertMoments named moments={items} />}
    </Card>
  );
}
