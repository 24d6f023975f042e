// Alerts: what fires, what did, and who looks after it.

import { useMutation } from "@tanstack/react-query";
import { Link, useLocation, useSearch } from "wouter-preact";
import { call } from "../api/client";
import { queryClient, useAlerts } from "../api/queries";
import type { Alert } from "../api/types";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { ago, clock, words } from "../ui/format";
import { Status, type Tone } from "../ui/status";

const STATES = ["firing", "pending", "resolved"];

export function Alerts() {
  const state = new URLSearchParams(useSearch()).get("state") ?? "firing";
  const [, navigate] = useLocation();
  const alerts = useAlerts(state);
  const items = alerts.data?.items ?? [];
  return (
    <>
      <h1>Alerts</h1>
      <div class="row" role="group" aria-label="State">
        {STATES.map((each) => (
          <button key={each} type="button" class="button" aria-pressed={each === state} onClick={() => navigate(`/alerts?state=${each}`)}>
            {words(each)}
          </button>
        ))}
      </div>
      {alerts.error && <Failure error={alerts.error} />}
      <Card title={words(state)} flush>
        {alerts.isPending ? <Skeleton /> : items.length === 0 ? <Empty>None.</Empty> : <AlertTable alerts={items} />}
      </Card>
    </>
  );
}

export function AlertTable({ alerts }: { alerts: Alert[] }) {
  return (
    <div class="table-wrap">
      <table>
        <thead>
          <tr>
            <th>Rule</th>
            <th>Device</th>
            <th>What is wrong</th>
            <th>Since</th>
            <th>Resolved</th>
            <th>Looked after by</th>
          </tr>
        </thead>
        <tbody>
          {alerts.map((alert) => (
            <tr key={alert.id}>
              <td class="nowrap">
                <Status tone={toneOf(alert)} text={words(alert.rule)} />
              </td>
              <td class="nowrap">
                <Link href={`/devices/${encodeURIComponent(alert.device_id)}`}>{alert.device_id}</Link>
              </td>
              <td>{alert.message}</td>
              <td class="nowrap" title={clock(alert.opened_at)}>
                {ago(alert.fired_at ?? alert.opened_at)}
              </td>
              <td class="nowrap">{alert.resolved_at ? ago(alert.resolved_at) : "–"}</td>
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
    onSettled: () => queryClient.invalidateQueries({ queryKey: ["alerts"] }),
  });
  if (alert.acknowledged_by) return <span class="nowrap">{alert.acknowledged_by}</span>;
  if (alert.state === "resolved") return <span class="muted">–</span>;
  return (
    <button class="button" type="button" disabled={acknowledge.isPending} onClick={() => acknowledge.mutate()} title={`argosy alert ack ${alert.id}`}>
      I do
    </button>
  );
}
