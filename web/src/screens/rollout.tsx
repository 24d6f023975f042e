// One rollout: how far it is, why it did what it did, and the buttons that change its course.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Link } from "wouter-preact";
import { ApiError, call } from "../api/client";
import { queryClient, useDecisions, useRollout, useRolloutDevices } from "../api/queries";
import type { Decision, Guard, Rollout as Data, RolloutAction, RolloutDevice } from "../api/types";
import { RolloutBar } from "../ui/bar";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { ago, bytes, clock, number, percent, plural, words } from "../ui/format";
import { failuresOf } from "../ui/parts";
import { RolloutStatus, Status, updateTone } from "../ui/status";

export function Rollout({ id }: { id: string }) {
  const rollout = useRollout(id);
  if (rollout.isPending) return <Skeleton lines={10} />;
  if (!rollout.data) return <Failure error={rollout.error} retry={() => void rollout.refetch()} />;
  const data = rollout.data;
  return (
    <>
      <div class="row between">
        <div>
          <p class="muted small">
            Rollout {data.id} · {data.model} {data.version} · by {data.created_by} {ago(data.created_at)}
          </p>
          <div class="row">
            <h1>{data.name}</h1>
            <RolloutStatus state={data.state} />
          </div>
          {data.reason && <p>{data.reason}</p>}
        </div>
        <Actions rollout={data} />
      </div>
      <Waves rollout={data} />
      <div class="grid-2">
        <Guards guards={data.guards} />
        <Outcome rollout={data} />
      </div>
      <Decisions id={id} />
      <Devices id={id} />
    </>
  );
}

interface ActionText {
  action: RolloutAction;
  label: string;
  tone: "primary" | "danger" | "";
  does: string;
}

const ACTIONS: ActionText[] = [
  { action: "start", label: "Start", tone: "primary", does: "The canary wave is told to update. The rest waits for the gate." },
  { action: "pause", label: "Pause", tone: "", does: "Nobody new is told to update. Devices that are at it go on. Resume takes it up again." },
  { action: "resume", label: "Resume", tone: "primary", does: "The rollout goes on where it was paused." },
  { action: "promote", label: "Promote", tone: "", does: "The next wave opens now, without waiting for the gate of this one." },
  { action: "halt", label: "Halt", tone: "danger", does: "The rollout ends here. Nobody new gets the release; devices that have it keep it. This cannot be taken back." },
  { action: "rollback", label: "Roll back", tone: "danger", does: "The rollout ends, and every device that has the release goes back to what it had before. This cannot be taken back." },
];

function Actions({ rollout }: { rollout: Data }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const chosen = useSignal<ActionText>(ACTIONS[0]!);
  const failure = useSignal<unknown>(null);
  const act = async () => {
    try {
      const changed = await call<Data>(`/rollouts/${rollout.id}/${chosen.value.action}`, { method: "POST", body: {}, ifMatch: String(rollout.etag) });
      queryClient.setQueryData(["rollout", String(rollout.id)], changed);
      void queryClient.invalidateQueries({ queryKey: ["rollout", String(rollout.id)] });
      dialog.current?.close();
    } catch (error) {
      const stale = error instanceof ApiError && error.status === 412;
      if (stale) void queryClient.invalidateQueries({ queryKey: ["rollout", String(rollout.id)] });
      failure.value = stale ? new ApiError(412, "precondition-failed", "Somebody else changed this rollout meanwhile. Look at it again, then decide.") : error;
    }
  };
  return (
    <div class="row">
      {ACTIONS.map((each) => {
        const allowed = rollout.allowed[each.action];
        return (
          <button
            key={each.action}
            type="button"
            class={`button ${each.tone}`}
            disabled={allowed !== true}
            title={allowed === true ? each.does : allowed}
            onClick={() => {
              chosen.value = each;
              failure.value = null;
              dialog.current?.showModal();
            }}
          >
            {each.label}
          </button>
        );
      })}
      <dialog ref={dialog} aria-label={chosen.value.label}>
        <div class="stack">
          <h2>
            {chosen.value.label} “{rollout.name}”?
          </h2>
          <p>{chosen.value.does}</p>
          <CommandLine words={`argosy rollout ${chosen.value.action} ${rollout.id}`} />
          {failure.value !== null && <Failure error={failure.value} />}
          <div class="row">
            <button class={`button ${chosen.value.tone || "primary"}`} type="button" onClick={() => void act()}>
              {chosen.value.label}
            </button>
            <button class="button" type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          </div>
        </div>
      </dialog>
    </div>
  );
}

/** The same action for a terminal or a pipeline. */
function CommandLine({ words: text }: { words: string }) {
  return (
    <div class="row between notice tone-quiet">
      <code>{text}</code>
      <button class="button plain" type="button" onClick={() => void navigator.clipboard?.writeText(text)}>
        Copy
      </button>
    </div>
  );
}

function Waves({ rollout }: { rollout: Data }) {
  return (
    <Card title="Waves">
      <div class="stack" style="gap: var(--space-4)">
        {rollout.waves.map((wave, index) => (
          <div key={index} class="stack" style="gap: 6px">
            <div class="row between">
              <strong>
                {index === 0 ? "Canary" : `Wave ${index + 1}`} <span class="muted">to {percent(wave.share, 0)}</span>
              </strong>
              <span class="muted small">
                {plural(wave.planned, "device")}
                {wave.passed_at ? ` · passed ${ago(wave.passed_at)}` : wave.bake_started_at ? ` · baking since ${ago(wave.bake_started_at)}` : wave.opened_at ? ` · opened ${ago(wave.opened_at)}` : " · not open yet"}
              </span>
            </div>
            <RolloutBar counts={wave.counts} planned={wave.planned} what={`Wave ${index + 1}`} />
          </div>
        ))}
      </div>
    </Card>
  );
}

function Guards({ guards }: { guards: Guard[] }) {
  return (
    <Card title="Guards: is it worse where it runs?" flush>
      {guards.length === 0 ? (
        <Empty>This rollout has no guards.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                <th>Metric</th>
                <th class="num">Measured</th>
                <th class="num">Limit</th>
                <th class="num">Samples</th>
                <th>Verdict</th>
              </tr>
            </thead>
            <tbody>
              {guards.map((guard) => (
                <tr key={guard.metric}>
                  <td>{words(guard.metric)}</td>
                  <td class="num">{number(guard.estimate, 3)}</td>
                  <td class="num">{number(guard.limit, 3)}</td>
                  <td class="num" title="on the new release / before it, on the same devices">
                    {number(guard.canary_samples)} / {number(guard.baseline_samples)}
                  </td>
                  <td>
                    <Status tone={guard.verdict === "pass" ? "good" : guard.verdict === "fail" ? "bad" : "quiet"} text={words(guard.verdict)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function Outcome({ rollout }: { rollout: Data }) {
  const { sent, full } = rollout.bytes;
  const failures = failuresOf(rollout.counts);
  return (
    <Card title="What it cost and what failed">
      <div class="stack">
        <div class="row between">
          <span>Model bytes sent, against whole files</span>
          <strong>
            {bytes(sent)} of {bytes(full)}
          </strong>
        </div>
        <div class="row between">
          <span>Saved by patches</span>
          <strong>{full > 0 ? percent(1 - sent / full) : "–"}</strong>
        </div>
        {failures.map(([cause, count]) => (
          <div key={cause} class="row between">
            <Status tone="bad" text={words(cause)} />
            <strong>{plural(count, "device")}</strong>
          </div>
        ))}
        {failures.length === 0 && <p class="muted">No device failed.</p>}
      </div>
    </Card>
  );
}

function Decisions({ id }: { id: string }) {
  const decisions = useDecisions(id);
  const items = [...(decisions.data?.items ?? [])].sort((a, b) => b.id - a.id);
  return (
    <Card title="Decision log" flush>
      {decisions.isPending ? (
        <Skeleton />
      ) : items.length === 0 ? (
        <Empty>Nothing was decided yet.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                <th>When</th>
                <th>Who</th>
                <th>Decision</th>
                <th>Why</th>
              </tr>
            </thead>
            <tbody>
              {items.map((decision) => (
                <DecisionRow key={decision.id} decision={decision} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function DecisionRow({ decision }: { decision: Decision }) {
  return (
    <tr>
      <td class="nowrap muted">{clock(decision.at)}</td>
      <td class="nowrap">{decision.actor}</td>
      <td class="nowrap">
        <strong>{words(decision.decision)}</strong>
        <div class="muted small">{words(decision.rule)}</div>
      </td>
      <td>
        {decision.message}
        {Object.keys(decision.inputs).length > 0 && (
          <details class="small">
            <summary class="muted">Inputs</summary>
            <pre class="mono" style="margin: 4px 0 0; white-space: pre-wrap; overflow-wrap: anywhere">{JSON.stringify(decision.inputs, null, 1)}</pre>
          </details>
        )}
      </td>
    </tr>
  );
}

function Devices({ id }: { id: string }) {
  const devices = useRolloutDevices(id);
  const items = devices.data?.items ?? [];
  return (
    <Card title="Devices" extra={<span class="muted">{devices.data?.total === undefined ? "" : plural(devices.data.total, "device")}</span>} flush>
      {devices.isPending ? (
        <Skeleton />
      ) : items.length === 0 ? (
        <Empty>No device belongs to it yet: they are chosen at its start.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                <th>Device</th>
                <th class="num">Wave</th>
                <th>State</th>
                <th>Way</th>
                <th class="num">Sent</th>
                <th class="num">Whole file</th>
                <th>Message</th>
              </tr>
            </thead>
            <tbody>
              {items.map((device) => (
                <DeviceRow key={device.device} device={device} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function DeviceRow({ device }: { device: RolloutDevice }) {
  return (
    <tr>
      <td class="nowrap">
        <Link href={`/devices/${encodeURIComponent(device.device)}`}>{device.device}</Link>
      </td>
      <td class="num">{device.wave + 1}</td>
      <td>
        <Status tone={updateTone(device.state)} text={words(device.cause ?? device.state)} />
      </td>
      <td>{device.source ? words(device.source) : "–"}</td>
      <td class="num">{bytes(device.bytes)}</td>
      <td class="num">{bytes(device.full_bytes)}</td>
      <td class="small">{device.message}</td>
    </tr>
  );
}
