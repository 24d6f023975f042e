// Alerts: what fires, what did, and who looks after it.

import { useMutation } from "@tanstack/react-query";
import { Link, useLocation, useSearch } from "wouter-preact";
import { call } from "../api/client";
import { queryClient, useAlerts } from "../api/queries";
import { useRefusal } from "../api/permissions";
import type { Alert } from "../api/types";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { ago, clock, person, plural, words } from "../ui/format";
import { Segments } from "../ui/segments";
import { Status, type Tone } from "../ui/status";
import { AlertSubject } from "./alert-subject";
import { withSearch } from "./paths";

const STATES: [string, string][] = [
  ["firing", "Firing"],
  ["pending", "Pending"],
  ["resolved", "Resolved"],
];
const EMPTY: Record<string, string> = {
  firing: "No alert is firing: every rule is satisfied on every device.",
  pending: "Nothing looks suspicious at the moment.",
  resolved: "No alert has been resolved yet.",
};

export function Alerts() {
  const search = new URLSearchParams(useSearch());
  const state = STATES.find(([each]) => each === search.get("state"))?.[0] ?? "firing";
  const device = search.get("device") ?? "";
  const [, navigate] = useLocation();
  const alerts = useAlerts(state, device);
  const items = alerts.data?.items ?? [];
  const total = alerts.data?.total ?? 0;
  return (
    <>
      <div class="row between">
        <div class="row">
          <h1>Alerts</h1>
          {device !== "" && (
            <Link class="button" href={withSearch("/alerts", { state })}>
              of {device} <span aria-hidden="true">✕</span>
              <span class="visually-hidden">, show those of all devices</span>
            </Link>
          )}
        </div>
        <Segments label="State" choices={STATES} chosen={state} onChoose={(chosen) => navigate(withSearch("/alerts", { state: chosen, device }))} />
      </div>
      {alerts.error && <Failure error={alerts.error} retry={() => void alerts.refetch()} />}
      <Card title={words(state)} extra={<span class="muted small">{items.length < total ? `the newest ${items.length} of ${plural(total, "alert")}` : plural(total, "alert")}</span>} flush>
        {alerts.isPending ? <Skeleton lines={6} /> : items.length === 0 ? <Empty>{EMPTY[state]}</Empty> : <AlertTable alerts={items} />}
      </Card>
    </>
  );
}

function AlertTable({ alerts }: { alerts: Alert[] }) {
  const resolved = alerts.some((alert) => alert.resolved_at !== null);
  return (
    <div class="table-wrap">
      <table>
        <thead>
          <tr>
            <th>Rule</th>
            <th>Device or site</th>
            <th>What is wrong</th>
            <th class="num">Since</th>
            {resolved && <th class="num">Resolved</th>}
            <th>Acknowledged by</th>
          </tr>
        </thead>
        <tbody>
          {alerts.map((alert) => (
            <tr key={alert.id}>
              <td class="nowrap">
                <Status tone={toneOf(alert)} text={words(alert.rule)} />
              </td>
              <td class="nowrap">
                <AlertSubject alert={alert} />
              </td>
              <td class="wide-text">{alert.message}</td>
              <td class="num" title={clock(alert.opened_at)}>
                {ago(alert.fired_at ?? alert.opened_at)}
              </td>
              {resolved && (
                <td class="num" title={clock(alert.resolved_at)}>
                  {ago(alert.resolved_at)}
                </td>
              )}
              <td>
                <Acknowledge alert={alert} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function toneOf(alert: Alert): Tone {
  if (alert.state === "resolved") return "quiet";
  return alert.severity === "critical" ? "bad" : "warn";
}

function Acknowledge({ alert }: { alert: Alert }) {
  const acknowledge = useMutation({
    mutationFn: () => call(`/alerts/${alert.id}/acknowledge`, { method: "POST", body: {} }),
    onSettled: () => Promise.all([queryClient.invalidateQueries({ queryKey: ["alerts"] }), queryClient.invalidateQueries({ queryKey: ["overview"] })]),
  });
  const notMine = useRefusal("acknowledge_alerts");
  if (alert.acknowledged_by) return <span class="nowrap">{person(alert.acknowledged_by)}</span>;
  if (alert.state === "resolved") return <span class="muted">–</span>;
  return (
    <span class="row">
      <button class="button" type="button" disabled={notMine !== undefined || acknowledge.isPending} onClick={() => acknowledge.mutate()} title={notMine ?? `argosy alert ack ${alert.id}`} aria-label={`Acknowledge alert ${alert.id} of ${alert.device_id ?? alert.site}`}>
        Acknowledge
      </button>
      {acknowledge.error && <span class="small tone-text-bad">{acknowledge.error.message}</span>}
    </span>
  );
}
