// The first screen: one sentence that gives the verdict, then what it rests on.

import { Link } from "wouter-preact";
import { useOverview, type Overview as Data, type WorstDevice } from "../api/queries";
import type { Alert, Presence } from "../api/types";
import { PartsBar, RolloutBar, VersionBar } from "../ui/bar";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { ago, milliseconds, number, percent, words } from "../ui/format";
import { RolloutStatus, Status, presenceTone } from "../ui/status";

const PRESENCES: Presence[] = ["online", "late", "offline", "never_seen"];

export function Overview() {
  const overview = useOverview();
  if (overview.isPending) return <Skeleton lines={8} />;
  if (!overview.data) return <Failure error={overview.error} retry={() => void overview.refetch()} />;
  const data = overview.data;
  return (
    <>
      <div>
        <p class="muted small">Fleet</p>
        <h1>{data.verdict}</h1>
      </div>
      <PresenceCounts data={data} />
      <div class="grid-2">
        <ActiveRollouts data={data} />
        <Card title="Versions in service">
          {data.models.length === 0 ? (
            <Empty>No model is in service yet.</Empty>
          ) : (
            <div class="stack" style="gap: var(--space-4)">
              {data.models.map((model) => (
                <VersionBar key={model.model} model={model.model} versions={model.versions} />
              ))}
            </div>
          )}
        </Card>
      </div>
      <FiringAlerts alerts={data.alerts.items} firing={data.alerts.firing} />
      <div class="grid-2">
        <Worst title="Slowest devices (p95)" rows={data.worst.latency} value={(row) => milliseconds(row.value)} />
        <Worst title="Least accurate devices" rows={data.worst.accuracy} value={(row) => percent(row.value)} />
        <Worst title="Most drifted inputs (PSI)" rows={data.worst.drift} value={(row) => number(row.value, 2)} />
      </div>
      <p class="muted small">{number(data.windows_last_minute)} telemetry windows in the last minute.</p>
    </>
  );
}

function PresenceCounts({ data }: { data: Data }) {
  return (
    <section class="grid-4" aria-label="Devices by presence">
      {PRESENCES.map((presence) => (
        <Link key={presence} href={`/devices?filter=${encodeURIComponent(`presence = "${presence}"`)}`} class="card stat" style="color: inherit">
          <span class="value">{number(data.presence[presence])}</span>
          <span>
            <Status tone={presenceTone(presence)} text={words(presence)} />
          </span>
        </Link>
      ))}
    </section>
  );
}

function ActiveRollouts({ data }: { data: Data }) {
  return (
    <Card title="Active rollouts" extra={<Link href="/rollouts">All rollouts</Link>}>
      {data.rollouts.length === 0 && <p class="muted">None. Publish a release, then start a rollout.</p>}
      <div class="stack" style="gap: var(--space-4)">
        {data.rollouts.map((rollout) => (
          <div key={rollout.id} class="stack" style="gap: 6px">
            <div class="row between">
              <Link href={`/rollouts/${rollout.id}`}>
                <strong>{rollout.name}</strong>
              </Link>
              <RolloutStatus state={rollout.state} />
            </div>
            <RolloutBar counts={rollout.counts} what={`Devices of ${rollout.name}`} />
          </div>
        ))}
      </div>
    </Card>
  );
}

function FiringAlerts({ alerts, firing }: { alerts: Alert[]; firing: number }) {
  return (
    <Card title={firing === 0 ? "No alert is firing" : `${number(firing)} firing`} extra={<Link href="/alerts">All alerts</Link>} flush>
      {alerts.length === 0 ? (
        <Empty>Every rule is satisfied on every device.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <tbody>
              {alerts.map((alert) => (
                <tr key={alert.id}>
                  <td class="nowrap">
                    <Status tone={alert.severity === "critical" ? "bad" : "warn"} text={words(alert.rule)} />
                  </td>
                  <td class="nowrap">
                    <Link href={`/devices/${encodeURIComponent(alert.device_id)}`}>{alert.device_id}</Link>
                  </td>
                  <td>{alert.message}</td>
                  <td class="num muted">{ago(alert.fired_at ?? alert.opened_at)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Worst({ title, rows, value }: { title: string; rows: WorstDevice[]; value: (row: WorstDevice) => string }) {
  const most = Math.max(...rows.map((row) => Math.abs(row.value)), Number.MIN_VALUE);
  return (
    <Card title={title} flush>
      {rows.length === 0 ? (
        <Empty>Nothing measured in the last minutes.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <tbody>
              {rows.map((row) => (
                <tr key={`${row.device_id} ${row.model ?? ""} ${row.feature ?? ""}`}>
                  <td class="nowrap">
                    <Link href={`/devices/${encodeURIComponent(row.device_id)}`}>{row.device_id}</Link>
                  </td>
                  <td class="muted nowrap">{row.feature ?? (row.model ? `${row.model} ${row.version ?? ""}` : "")}</td>
                  <td style="width: 40%; vertical-align: middle" aria-hidden="true">
                    <PartsBar
                      what=""
                      legend={false}
                      pieces={[
                        { label: "value", count: Math.abs(row.value), colour: "var(--accent)" },
                        { label: "rest", count: most - Math.abs(row.value), colour: "transparent" },
                      ]}
                    />
                  </td>
                  <td class="num">{value(row)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
