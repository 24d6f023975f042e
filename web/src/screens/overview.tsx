// The first screen: one sentence that gives the verdict, then what it rests on.

import { Link } from "wouter-preact";
import type { Alert } from "../api/alerts";
import type { Presence } from "../api/connectivity";
import { useOverview, type ActiveRollout, type Overview as Data, type WorstDevice } from "../api/overview";
import { Meter, RolloutBar, VersionBar } from "../ui/bar";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { ago, firstSentence, milliseconds, number, percent, person, plural, words } from "../ui/format";
import { RolloutStatus, Status, presenceTone } from "../ui/status";
import { AlertSubject } from "./alert-subject";
import { devicePath, devicesPath } from "./paths";

const PRESENCES: Presence[] = ["online", "late", "offline", "never_seen"];

export function Overview() {
  const overview = useOverview();
  if (overview.isPending) return <Skeleton lines={8} />;
  if (!overview.data) return <Failure error={overview.error} retry={() => void overview.refetch()} />;
  const data = overview.data;
  return (
    <>
      <div>
        <p class="eyebrow">{data.presence ? `Fleet of ${plural(data.presence.total, "device")}` : "The fleet"}</p>
        <Verdict text={data.verdict} />
      </div>
      {data.presence ? <PresenceCounts counts={data.presence} /> : <NotAvailable title="Devices by presence" why={data.unavailable["presence"]} />}
      <div class="grid-2 stretch">
        {data.rollouts ? <ActiveRollouts rollouts={data.rollouts} /> : <NotAvailable title="Active rollouts" why={data.unavailable["rollouts"]} />}
        {data.models ? <Versions models={data.models} /> : <NotAvailable title="Versions in service" why={data.unavailable["models"]} />}
      </div>
      {data.alerts ? <FiringAlerts alerts={data.alerts.items} firing={data.alerts.firing} /> : <NotAvailable title="Alerts" why={data.unavailable["alerts"]} />}
      <div class="grid-3">
        <Worst title="Slowest against their usual latency" unit="p95" rows={data.worst.latency} why={data.unavailable["worst.latency"]} value={(row) => milliseconds(row.value)} beside={(row) => row.usual && row.value / row.usual >= 1.05 && `× ${number(row.value / row.usual, 1)}`} />
        <Worst title="Least accurate" unit="measured by labels, 95 % interval" rows={data.worst.accuracy} why={data.unavailable["worst.accuracy"]} value={accuracyOf} badness={(row) => 1 - row.value} beside={(row) => row.usual && row.value < row.usual && `< ${percent(row.usual, 0)}`} />
        <Worst title="Most drifted inputs" unit="PSI" rows={data.worst.drift} why={data.unavailable["worst.drift"]} value={(row) => number(row.value, 2)} />
      </div>
      {data.windows_last_minute !== null && <p class="muted small">{plural(data.windows_last_minute, "telemetry window")} arrived in the last minute.</p>}
    </>
  );
}

/** In place of a panel that the server could not read; the others are as true as ever. */
function NotAvailable({ title, why }: { title: string; why: string | undefined }) {
  return (
    <Card title={title}>
      <p class="muted">Not available now{why ? `: ${why}` : ""}.</p>
    </Card>
  );
}

/** The server's verdict: its first sentence weighs most. */
function Verdict({ text }: { text: string }) {
  const [first, rest] = firstSentence(text);
  return (
    <>
      <h1 class="verdict">{first}</h1>
      {rest && <p>{rest}</p>}
    </>
  );
}

function PresenceCounts({ counts }: { counts: NonNullable<Data["presence"]> }) {
  return (
    <section class="grid-4" aria-label="Devices by presence">
      {PRESENCES.map((presence) => (
        <Link key={presence} href={devicesPath(`presence = "${presence}"`)} class="card stat">
          <span class="row between">
            <span class="value">{number(counts[presence])}</span>
            <span class="muted">{counts.total > 0 ? percent(counts[presence] / counts.total) : "–"}</span>
          </span>
          <span>
            <Status tone={counts[presence] === 0 && presence !== "online" ? "quiet" : presenceTone(presence)} text={words(presence)} />
          </span>
        </Link>
      ))}
    </section>
  );
}

function ActiveRollouts({ rollouts }: { rollouts: ActiveRollout[] }) {
  return (
    <Card title="Active rollouts" extra={<Link href="/rollouts">All rollouts</Link>}>
      {rollouts.length === 0 && <p class="muted">No rollout is under way.</p>}
      <div class="stack" style="gap: var(--space-5)">
        {rollouts.map((rollout) => (
          <div key={rollout.id} class="stack" style="gap: 6px">
            <div class="row between">
              <span>
                <Link href={`/rollouts/${rollout.id}`}>
                  <strong>{rollout.name}</strong>
                </Link>{" "}
                <span class="muted small">
                  {rollout.model} {rollout.version} · wave {rollout.wave + 1} of {rollout.waves} · {plural(rollout.planned, "device")}
                </span>
              </span>
              <RolloutStatus state={rollout.state} />
            </div>
            <RolloutBar counts={rollout.counts} planned={rollout.planned} what={`Devices of ${rollout.name}`} />
            {rollout.reason && <p class="small">{rollout.reason}</p>}
          </div>
        ))}
      </div>
    </Card>
  );
}

function Versions({ models }: { models: NonNullable<Data["models"]> }) {
  return (
    <Card title="Versions in service" extra={<Link href="/models">All models</Link>}>
      {models.length === 0 && <p class="muted">No model is in service yet.</p>}
      <div class="stack" style="gap: var(--space-5)">
        {models.map((model) => (
          <VersionBar key={model.model} model={model.model} versions={model.versions} />
        ))}
      </div>
    </Card>
  );
}

function FiringAlerts({ alerts, firing }: { alerts: Alert[]; firing: number }) {
  const title = firing === 0 ? "No alert is firing" : plural(firing, "alert is firing", "alerts are firing");
  return (
    <Card title={title} extra={<Link href="/alerts">{firing > alerts.length ? `All ${number(firing)} alerts` : "All alerts"}</Link>} flush>
      {alerts.length === 0 ? (
        <Empty>Every rule is satisfied on every device.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead class="visually-hidden">
              <tr>
                <th>Rule</th>
                <th>Device</th>
                <th>What is wrong</th>
                <th>Acknowledged by</th>
                <th>Since</th>
              </tr>
            </thead>
            <tbody>
              {alerts.map((alert) => (
                <tr key={alert.id}>
                  <td class="nowrap">
                    <Status tone={alert.severity === "critical" ? "bad" : "warn"} text={words(alert.rule)} />
                  </td>
                  <td class="nowrap">
                    <AlertSubject alert={alert} />
                  </td>
                  <td class="wide-text">{alert.message}</td>
                  <td class="nowrap muted">{alert.acknowledged_by ? person(alert.acknowledged_by) : ""}</td>
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

interface WorstProps {
  title: string;
  unit: string;
  rows: WorstDevice[] | null;
  why: string | undefined; // there are none
  value: (row: WorstDevice) => string;
  badness?: (row: WorstDevice) => number; // what the bar shows
  beside?: (row: WorstDevice) => string | false | 0 | null;
}

function accuracyOf({ value, lower, upper }: WorstDevice): string {
  return lower === undefined || upper === undefined ? percent(value) : `${percent(value)} (${number(100 * lower)}–${number(100 * upper)})`;
}

function Worst({ title, unit, rows, why, value, badness = (row) => row.value, beside }: WorstProps) {
  if (!rows) return <NotAvailable title={title} why={why} />;
  const most = Math.max(...rows.map(badness), Number.MIN_VALUE);
  return (
    <Card title={title} extra={<span class="muted small">{unit}</span>} flush>
      {rows.length === 0 ? (
        <Empty>Nothing to show: no figures in the last few minutes.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead class="visually-hidden">
              <tr>
                <th>Device</th>
                <th>Compared</th>
                <th>Against its usual value</th>
                <th>{unit}</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={`${row.device_id} ${row.model} ${row.feature ?? ""}`}>
                  <td class="nowrap" title={`${row.model} ${row.version}`}>
                    <Link href={devicePath(row.device_id)}>{row.device_id}</Link> <span class="muted small">{row.feature}</span>
                  </td>
                  <td style="width: 30%">
                    <Meter share={badness(row) / most} />
                  </td>
                  <td class="num small tone-text-warn">{beside?.(row) || ""}</td>
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
