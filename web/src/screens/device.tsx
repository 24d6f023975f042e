// One device: what it is, what it serves, how it fares, what it sees, what happened.

import { Link } from "wouter-preact";
import { call } from "../api/client";
import { useDevice, useQuarantine, type Device as Data, type DeviceModel, type QuarantineRow, type Slot, type Update } from "../api/devices";
import { useDrift, type DriftFeature } from "../api/drift";
import { useDeviceEvents } from "../api/events";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { useAssignments } from "../api/rollouts";
import { useIntegrity, type TelemetryEpoch } from "../api/telemetry";
import { Meter } from "../ui/bar";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { Confirm } from "../ui/confirm";
import { DriftHistogram, comparedWith } from "../ui/drift-histogram";
import { Facts } from "../ui/facts";
import { ago, bytes, clock, day, milliseconds, number, percent, plural, shortDigest, words } from "../ui/format";
import { PresenceStatus, Status, type Tone, updateTone } from "../ui/status";
import { ToldLabels } from "./accuracy-card";
import { ConnectivityStrip } from "./connectivity-strip";
import { DeviceCharts } from "./device-charts";
import { DeviceReplacement } from "./device-replacement";
import { DeviceConditions, DeviceSuggestion } from "./device-suggestion";
import { Diagnostics } from "./diagnostics";
import { healthFacts } from "./health-facts";
import { inventoryFacts } from "./inventory-facts";
import { withSearch } from "./paths";

export default function Device({ id }: { id: string }) {
  const device = useDevice(id);
  if (device.isPending) return <Skeleton lines={10} />;
  if (!device.data) return <Failure error={device.error} retry={() => void device.refetch()} />;
  return (
    <>
      <Header device={device.data} />
      <DeviceConditions device={device.data} />
      <DeviceReplacement device={device.data} />
      <DeviceSuggestion device={device.data} />
      {device.data.models.length === 0 && <Card title="Models">It serves no model yet. The first rollout that suits it brings one.</Card>}
      {device.data.models.map((model) => (
        <ModelCard key={model.model} model={model} />
      ))}
      <Assignments id={id} />
      <Quarantine id={id} />
      <ConnectivityStrip id={id} />
      <Health device={device.data} />
      <DeviceCharts device={device.data} />
      <ToldLabels device={id} />
      <Drift id={id} />
      <Events id={id} />
      <Integrity id={id} />
      <Diagnostics id={id} />
    </>
  );
}

function Header({ device }: { device: Data }) {
  const facts: [string, string][] = [
    ["Hardware class", device.hardware_class],
    ["Last seen", ago(device.last_seen_at)],
    ["Agent", device.agent_version ?? "–"],
    ...inventoryFacts(device.capabilities),
    ...runtimesOf(device).map((each): [string, string] => ["Runtime", each]),
    ["Certificate until", day(device.certificate_not_after)],
    ["Enrolled", day(device.enrolled_at)],
    ...Object.entries(device.labels),
  ];
  return (
    <div class="stack" style="gap: var(--space-4)">
      <div class="row between" style="align-items: flex-start">
        <div>
          <p class="eyebrow">
            <Link href="/devices">Devices</Link> /
          </p>
          <div class="row">
            <h1>{device.id}</h1>
            <PresenceStatus presence={device.presence} reason={device.presence_reason} />
            {device.intermittent && <Status tone="warn" text="Intermittent" title="It went or came back four times within an hour" />}
            {device.presence_cause === "restart_grace" && <Status tone="quiet" text="Not heard since judging was suspended" />}
            {device.revoked_at && <Status tone="bad" text="Revoked" />}
            {device.open_alerts > 0 && (
              <Link href={withSearch("/alerts", { device: device.id })}>
                <Status tone="bad" text={plural(device.open_alerts, "open alert")} />
              </Link>
            )}
            {device.drifted.length > 0 && <Status tone="warn" text={`Drift: ${device.drifted.join(", ")}`} />}
          </div>
          <p class="muted">
            {presenceSentence(device)}
          </p>
        </div>
        <Revoke device={device} />
      </div>
      <Facts facts={facts.map(([name, value]) => [words(name), value])} />
    </div>
  );
}

/** As they were seen at work: "onnxruntime 1.22.0". */
function runtimesOf(device: Data): string[] {
  const seen = device.capabilities["runtime_versions"];
  return Array.isArray(seen) ? seen.map(String) : [];
}

/** "Offline for 3 min: 90 s silent, expected every 30 s". */
function presenceSentence(device: Data): string {
  const since = device.presence_since ? ` for ${ago(device.presence_since).replace(" ago", "")}` : "";
  return `${words(device.presence)}${since}${device.presence_reason ? `: ${device.presence_reason}` : ""}`;
}

function Revoke({ device }: { device: Data }) {
  const notMine = useRefusal("manage_devices");
  const revoke = async () => {
    await call(`/devices/${encodeURIComponent(device.id)}`, { method: "DELETE" });
    await queryClient.invalidateQueries({ queryKey: ["device", device.id] });
  };
  return (
    <Confirm
      label="Revoke"
      title={`Revoke ${device.id}?`}
      does="Its certificate is refused from now on: it can neither report nor update, until it enrols again with a new claim."
      command={`argosy device revoke ${device.id}`}
      tone="danger"
      refusal={device.revoked_at ? `already revoked, ${ago(device.revoked_at)}` : notMine}
      act={revoke}
    />
  );
}

function ModelCard({ model }: { model: DeviceModel }) {
  const slots = (model.slots ?? []).filter((slot) => slot.role !== "empty" || model.slots!.length <= 2);
  return (
    <Card title={`${model.model} ${model.version ?? "(none yet)"}`} extra={<Status tone={updateTone(model.update_state)} text={model.update_state === "idle" ? "No update under way" : `Update: ${words(model.update_state).toLowerCase()}`} />}>
      <div class="stack" style="gap: var(--space-4)">
        {slots.length > 0 && (
          <div class="grid-4">
            {slots.map((slot) => (
              <SlotCard key={slot.slot} slot={slot} />
            ))}
          </div>
        )}
        {model.update && <UpdateFacts update={model.update} />}
      </div>
    </Card>
  );
}

function Assignments({ id }: { id: string }) {
  const items = useAssignments(id).data?.items ?? [];
  if (items.length === 0) return null;
  return (
    <Card title="Why it runs what it runs">
      <ul class="plain" aria-label="Assignments">
        {items.map((each) => (
          <li key={each.rollout}>
            <p>
              <Link href={`/rollouts/${each.rollout}`}>
                {each.model} {each.told_version ?? each.version}
              </Link>{" "}
              {each.cause === "left_out" && <Status tone="warn" text="Left out" />} <span class="small">{each.why}.</span>
            </p>
          </li>
        ))}
      </ul>
    </Card>
  );
}

function SlotCard({ slot }: { slot: Slot }) {
  const tone = slot.role === "serving" ? "good" : slot.role === "staging" ? "accent" : "quiet";
  return (
    <div class="stat" style="background: var(--surface-2); border-radius: var(--radius)">
      <span class="row between">
        <span class="muted small">Slot {slot.slot.toUpperCase()}</span>
        <Status tone={tone} text={words(slot.role)} />
      </span>
      <span class="value">{slot.version || "–"}</span>
      <span class="muted small mono" title={slot.digest}>
        {slot.digest ? `${shortDigest(slot.digest)} · ${bytes(slot.size)}` : "nothing in it"}
      </span>
    </div>
  );
}

const SOURCES: Record<string, string> = { patch: "as a patch", full: "as the whole file", local: "from its other slot" };
const SETTLED = ["committed", "rejected", "failed", "rolled_back", "idle"];

// Errors such as mse may be over one; shares are not.
function score(value: number | undefined): string {
  return value !== undefined && Math.abs(value) > 1 ? String(Number(value.toPrecision(4))) : percent(value);
}

function UpdateFacts({ update }: { update: Update }) {
  return (
    <div class="stack" style="gap: 6px">
      <p>
        To {update.version} by <Link href={`/rollouts/${update.rollout}`}>rollout {update.rollout}</Link>
        {update.source && `, ${SOURCES[update.source] ?? update.source}`}
        {update.full_bytes > 0 && `: ${bytes(update.bytes)} of ${bytes(update.full_bytes)} sent`}.
        {typeof update.metric_value === "number" && (
          <>
            {" "}
            Validated on the device: {score(update.metric_value)} against a threshold of {score(update.metric_threshold)}
            {typeof update.serving_value === "number" && ` and the ${score(update.serving_value)} of what it served`}, p95 {milliseconds(update.latency_p95_ms)}
            {typeof update.samples === "number" && `, ${plural(update.samples, "sample")}`}.
          </>
        )}
      </p>
      {update.message && <p class={update.cause ? "" : "muted"}>{update.message}</p>}
      {!SETTLED.includes(update.state) && (
        <div class="row" style="flex-wrap: nowrap">
          <span style="flex: 1">
            <Meter share={update.progress} />
          </span>
          <span class="small">{percent(update.progress, 0)}</span>
        </div>
      )}
    </div>
  );
}

function Health({ device }: { device: Data }) {
  const facts = healthFacts(device.health);
  if (facts.length === 0 && !device.readings_fault) return null;
  return (
    <Card title="The board" extra={<span class="muted small">Measured {ago(device.health_at)}</span>}>
      <Facts facts={facts.map(({ name, text, tone }) => [name, tone ? <Status tone={tone} text={text} /> : text])} />
      {device.readings_fault && <p class="small tone-text-warn">{device.readings_fault}</p>}
    </Card>
  );
}

function Drift({ id }: { id: string }) {
  const drift = useDrift(id);
  const items = drift.data?.items ?? [];
  const contracts = drift.data?.contracts ?? [];
  return (
    <>
      {contracts.length > 0 && (
        <Card title="Its input breaks the contract of the release">
          {contracts.map((broken) => (
            <div key={broken.model} class="stack" style="gap: 6px">
              <Status tone="warn" text={`${broken.model} ${broken.version}, ${ago(broken.since)}`} />
              {broken.breaches.map((breach) => (
                <p key={`${breach.feature} ${breach.fault}`} class="small">
                  {breach.message}
                </p>
              ))}
            </div>
          ))}
        </Card>
      )}
      <Card title="What it sees, compared with its first days or with training">
      {drift.isPending ? (
        <Skeleton />
      ) : drift.error ? (
        <Failure error={drift.error} />
      ) : items.length === 0 ? (
        <p class="muted">No drift figures yet: the release ships no reference, or it has seen too few inputs.</p>
      ) : (
        <div class="grid-3">
          {items.map((feature) => (
            <FeatureDrift key={`${feature.model} ${feature.feature}`} feature={feature} />
          ))}
        </div>
      )}
      </Card>
    </>
  );
}

const SCOPES = { none: "", device: "Moved, its peers less", fleet: "Moved, as on most devices", unknown: "Moved, with no peers to tell why" };

function driftStatus(feature: DriftFeature): { tone: Tone; text: string } {
  switch (feature.verdict) {
    case "drifted":
      return { tone: "warn", text: `Drifted ${ago(feature.since)}` };
    case "moved":
      return { tone: "quiet", text: SCOPES[feature.scope] };
    case "waiting":
      return { tone: "quiet", text: "Too few samples yet" };
    case "stable":
      return { tone: "good", text: { training: "As trained", own: "As in its first days", last_year: "As in these weeks last year" }[feature.against] };
  }
}

function FeatureDrift({ feature }: { feature: DriftFeature }) {
  const has = comparedWith(feature).length > 0;
  return (
    <div class="stack" style="gap: 6px">
      <div class="row between">
        <strong>{words(feature.feature.replace(".", " "))}</strong>
        <Status {...driftStatus(feature)} />
      </div>
      <DriftHistogram feature={feature} />
      <p class="muted small">
        {has ? `PSI ${number(feature.psi, 2)}, ${number(feature.threshold, 2)} and more count` : "Its first days are not over"}; {plural(feature.samples, "sample")} of {feature.model} {feature.version}.
        {feature.z !== null && feature.z_needed !== null && ` ${number(Math.abs(feature.z), 1)} scatters from its peers, ${number(feature.z_needed, 1)} needed.`}
        {feature.envelope !== null && " Outside of what training knew."}
      </p>
      {(feature.drifted || feature.verdict === "moved") && <p class="small">{feature.message}</p>}
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
            <thead>
              <tr>
                <th>When</th>
                <th>What</th>
                <th>Message</th>
              </tr>
            </thead>
            <tbody>
              {items.map((event) => (
                <tr key={event.id}>
                  <td class="nowrap muted">{clock(event.at)}</td>
                  <td class="nowrap">
                    <Status tone={event.severity === "critical" ? "bad" : event.severity === "warning" ? "warn" : "quiet"} text={words(event.kind)} />
                  </td>
                  <td class="wide-text">{event.message}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

const KINDS: Record<QuarantineRow["kind"], string> = {
  state: "State document",
  report: "Report of an update",
  telemetry: "Telemetry",
  event: "Last will",
  rate: "Too much at once",
  allowance: "Over its allowance",
};

/** What it sends and the server does not take; nothing when all is well and was for a month. */
function Quarantine({ id }: { id: string }) {
  const rows = useQuarantine(id).data?.items ?? [];
  if (rows.length === 0) return null;
  const open = rows.filter((row) => row.ended_at === null);
  return (
    <Card title="Messages that were not taken" extra={<Status tone={open.length > 0 ? "warn" : "quiet"} text={open.length > 0 ? "In quarantine" : "Out of quarantine"} />} flush>
      <div class="table-wrap">
        <table>
          <thead>
            <tr>
              <th>What</th>
              <th>Why</th>
              <th class="num">Messages</th>
              <th>Since</th>
              <th>Last</th>
              <th>Until</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <tr key={row.kind}>
                <td class="nowrap">
                  <Status tone={row.ended_at === null ? "warn" : "quiet"} text={KINDS[row.kind]} />
                </td>
                <td class="wide-text">{row.reason}</td>
                <td class="num">{number(row.count)}</td>
                <td class="nowrap muted">{clock(row.first_at)}</td>
                <td class="nowrap muted">{clock(row.last_at)}</td>
                <td class="nowrap muted">{row.ended_at ? clock(row.ended_at) : row.retry_at ? `tried again ${clock(row.retry_at)}` : "it changes"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Card>
  );
}

function Integrity({ id }: { id: string }) {
  const integrity = useIntegrity(id);
  const items = integrity.data?.items ?? [];
  if (items.length === 0) return null;
  const whole = items.every((epoch) => epoch.lost === 0 && epoch.gaps === 0 && epoch.duplicates === 0 && epoch.refused === 0 && epoch.unread === 0);
  const forked = items.filter((epoch) => epoch.forks > 0);
  return (
    <Card title="Is its telemetry whole?" extra={<Status tone={whole ? "good" : "warn"} text={whole ? "Whole" : "Not whole"} />} flush>
      <div class="table-wrap">
        <table>
          <thead>
            <tr>
              <th>Outbox</th>
              <th class="num">Stored</th>
              <th class="num">Records</th>
              <th class="num">Dropped on the device</th>
              <th class="num">Refused</th>
              <th class="num">Too old on arrival</th>
              <th class="num">Stored twice</th>
              <th class="num">Missing</th>
            </tr>
          </thead>
          <tbody>
            {items.map((epoch) => (
              <EpochRow key={epoch.epoch} epoch={epoch} />
            ))}
          </tbody>
        </table>
      </div>
      {forked.map((epoch) => (
        <p key={epoch.epoch} class="muted small">
          {plural(epoch.forks, "time")} another outbox spoke as <span class="mono">{epoch.epoch}</span>, last {ago(epoch.forked_at)}: its disk was restored or copied. What was new there is kept under
          an outbox of its own.
        </p>
      ))}
    </Card>
  );
}

function EpochRow({ epoch }: { epoch: TelemetryEpoch }) {
  return (
    <tr>
      <td class="mono">{epoch.epoch}</td>
      <td class="num">{number(epoch.stored)}</td>
      <td class="num">
        {number(epoch.first_seq)} – {number(epoch.last_seq)}
      </td>
      <td class="num">{number(epoch.lost)}</td>
      <td class="num">{number(epoch.refused)}</td>
      <td class="num">{number(epoch.unread)}</td>
      <td class="num">{number(epoch.duplicates)}</td>
      <td class="num">{number(epoch.gaps)}</td>
    </tr>
  );
}
