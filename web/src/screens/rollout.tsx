// One rollout: how far it is, why it did what it did, and the buttons that change its course.

import { Link, useLocation, useSearch } from "wouter-preact";
import { useDecisions, useRollout, useRolloutDevices, type Decision, type Guard, type Rollout as Data, type RolloutDevice, type Wave } from "../api/rollouts";
import { RolloutBar } from "../ui/bar";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { ago, bytes, clock, duration, number, percent, person, plural, words } from "../ui/format";
import { failuresOf, partKind } from "../ui/parts";
import { RolloutStatus, Status, updateTone } from "../ui/status";
import { changeText, figureText, guardName, intervalPlaces, isPaired, shadowText, VERDICTS } from "./guards";
import { devicePath, devicesPath, withSearch } from "./paths";
import { waitText, withdrawnText } from "./release-text";
import { standingText } from "./standing-text";
import { ReachTable, canaryText } from "./reach";
import { RolloutActions } from "./rollout-actions";
import { AccuracyCard } from "./accuracy-card";
import { ValidationCard } from "./validation-card";

export function Rollout({ id }: { id: string }) {
  const rollout = useRollout(id);
  if (rollout.isPending) return <Skeleton lines={10} />;
  if (!rollout.data) return <Failure error={rollout.error} retry={() => void rollout.refetch()} />;
  const data = rollout.data;
  return (
    <>
      <div class="row between" style="align-items: flex-start">
        <div>
          <p class="eyebrow">
            <Link href="/rollouts">Rollouts</Link> / {data.id}
          </p>
          <div class="row">
            <h1>{data.name}</h1>
            <RolloutStatus state={data.state} />
            {data.stands_since && <Status tone="accent" text="Stands" />}
          </div>
          <p class="muted">
            <Link href={`/models/${encodeURIComponent(data.model)}`}>
              {data.model} {data.version}
            </Link>{" "}
            to {data.filter === "" ? "all suitable devices" : <Link href={devicesPath(data.filter)}>{data.filter}</Link>} · planned by {person(data.created_by)} {ago(data.created_at)}
            {data.approved_by && ` · approved by ${person(data.approved_by)}`}
            {data.start_at && !data.started_at && ` · to start at ${clock(data.start_at)}`}
            {data.started_at && ` · started ${ago(data.started_at)}`}
            {data.ended_at && ` · ended ${ago(data.ended_at)}`}
          </p>
          {data.reason && <p>{data.reason}</p>}
          {data.withdrawn && (
            <p class="tone-text-bad">
              {data.model} {data.version} was withdrawn {withdrawnText(data.withdrawn)}. The rollout can only be stopped.
            </p>
          )}
          {standingText(data) && <p>{standingText(data)}</p>}
          <Warnings warnings={data.warnings ?? []} />
          {(data.notes ?? []).map((note) => (
            <p key={note} class="small">
              {sentence(note)}
            </p>
          ))}
          {data.planning && <p>{planningText(data.planning)}</p>}
          {data.fault && <p class="tone-text-bad">It can only be stopped: {data.fault}.</p>}
        </div>
        <RolloutActions rollout={data} />
      </div>
      <Waves rollout={data} />
      <Guards guards={data.guards ?? []} />
      {data.reach && (
        <Card title="What its canary can find out" extra={<span class="small">{canaryText(data.reach)}</span>} flush>
          <ReachTable reach={data.reach} />
        </Card>
      )}
      <ValidationCard id={id} />
      <AccuracyCard model={data.model} first={data.version} />
      <div class="grid-2 stretch">
        <Outcome rollout={data} />
        <Policy rollout={data} />
      </div>
      <Decisions id={id} />
      <Devices id={id} counts={data.counts} />
    </>
  );
}

function Warnings({ warnings }: { warnings: string[] }) {
  if (warnings.length === 0) return null;
  return (
    <ul class="plain" aria-label="Warnings">
      {warnings.map((warning) => (
        <li key={warning}>
          <Status tone="warn" text="Refused before" /> <span class="small">{warning}.</span>
        </li>
      ))}
    </ul>
  );
}

/** "rollout 3 stands" -> "Rollout 3 stands." */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

function planningText({ done, total }: NonNullable<Data["planning"]>): string {
  return total === null ? "Its devices are being planned." : `Its devices are being planned: ${number(done)} of ${number(total)}.`;
}

function waveName(index: number): string {
  return index === 0 ? "Wave 1 · canary" : `Wave ${index + 1}`;
}

function Waves({ rollout }: { rollout: Data }) {
  return (
    <Card title="Waves" extra={rollout.gate ? <span class="small">Gate: {rollout.gate}</span> : undefined}>
      <div class="stack" style="gap: var(--space-5)">
        {rollout.waves.map((wave, index) => (
          <div key={index} class="stack" style="gap: 6px">
            <div class="row between">
              <span>
                <strong>{waveName(index)}</strong> <span class="muted small">up to {percent(wave.share, wave.share * 100 === Math.round(wave.share * 100) ? 0 : 1)} of the devices</span>
              </span>
              <span class="muted small">
                {plural(wave.planned, "device")} · {waveStage(wave)}
              </span>
            </div>
            <RolloutBar counts={wave.counts} planned={wave.planned} what={waveName(index)} />
            {!!wave.probation_too_few && (
              <span class="small">
                <Status tone="warn" text="Too few observations" />{" "}
                <Link href={withSearch(`/rollouts/${rollout.id}`, { state: "probation_too_few" })}>{plural(wave.probation_too_few, "device")}</Link> updated after a probation that saw too little to judge by.
              </span>
            )}
          </div>
        ))}
        {rollout.waves.length === 0 && <p class="muted">No waves yet.</p>}
      </div>
    </Card>
  );
}

function waveStage(wave: Wave): string {
  if (wave.passed_at) return `passed ${ago(wave.passed_at)}`;
  if (wave.bake_started_at) return `baking for ${ago(wave.bake_started_at).replace(" ago", "")}`;
  return wave.opened_at ? `opened ${ago(wave.opened_at)}` : "not open yet";
}

function Guards({ guards }: { guards: Guard[] }) {
  return (
    <Card title="Guards: is the new release worse where it runs?" flush>
      {guards.length === 0 ? (
        <Empty>This rollout has no guards.</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                <th>Metric</th>
                <th>Verdict</th>
                <th class="num">Change</th>
                <th style="width: 18%">Between the margins</th>
                <th class="num">Canaries</th>
                <th class="num">Controls</th>
                <th>In words</th>
              </tr>
            </thead>
            <tbody>
              {guards.map((guard) => (
                <GuardRow key={guard.metric} guard={guard} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}

function GuardRow({ guard }: { guard: Guard }) {
  const verdict = VERDICTS[guard.verdict];
  return (
    <tr>
      <td class="nowrap">
        <strong>{guardName(guard.metric)}</strong>
        {guard.mode !== "automatic" && <div class="muted small">{guard.mode}</div>}
      </td>
      <td>
        <Status tone={verdict.tone} text={verdict.text} />
        {guard.look > 0 && guard.at && <div class="muted small">look {guard.look}, {ago(guard.at)}</div>}
      </td>
      <td class="num nowrap">
        {guard.estimate === null ? "–" : changeText(guard, guard.estimate)}
        {guard.lower !== null && guard.upper !== null && (
          <div class="muted small">
            {changeText(guard, guard.lower)} to {changeText(guard, guard.upper)}
          </div>
        )}
      </td>
      <td>
        <GuardInterval guard={guard} />
      </td>
      <td class="num">
        {number(guard.canaries)}
        <div class="muted small">{figureText(guard, guard.canary)}</div>
      </td>
      <td class="num">
        {isPaired(guard.metric) ? "the same" : number(guard.controls)}
        <div class="muted small">{figureText(guard, isPaired(guard.metric) ? guard.before : guard.control)}</div>
      </td>
      <td class="small wide-text">{guard.message}</td>
    </tr>
  );
}

/** The interval of a change on an axis with both margins: left of the first mark it passes, right of it the harm is too much. */
function GuardInterval({ guard }: { guard: Guard }) {
  const places = intervalPlaces(guard);
  if (!places) return null;
  const percentOf = (place: number) => `${(place * 100).toFixed(1)}%`;
  const label = `${changeText(guard, guard.estimate!)}; rolls back over ${changeText(guard, guard.rollback_margin)}, passes under ${changeText(guard, guard.promotion_margin)}`;
  return (
    <div class="guard-interval" role="img" aria-label={label} title={label}>
      <span class="guard-interval-range" style={{ left: percentOf(places.lower), width: percentOf(places.upper - places.lower) }} />
      <span class="guard-interval-margin" style={{ left: percentOf(places.rollback) }} />
      <span class="guard-interval-margin" style={{ left: percentOf(places.promotion) }} />
      <span class={`guard-interval-estimate ${guard.verdict}`} style={{ left: percentOf(places.estimate) }} />
    </div>
  );
}

function Outcome({ rollout }: { rollout: Data }) {
  const { sent, full } = rollout.bytes;
  const failures = failuresOf(rollout.counts);
  return (
    <Card title="What it cost and what failed">
      <div class="stack">
        <div class="row between">
          <span>Model bytes sent, of the whole files</span>
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
            <Link href={withSearch(`/rollouts/${rollout.id}`, { state: cause })}>{plural(count, "device")}</Link>
          </div>
        ))}
        {failures.length === 0 && (
          <div class="row between">
            <span>Failed</span>
            <strong>no device</strong>
          </div>
        )}
      </div>
    </Card>
  );
}

interface PolicyDocument {
  gate?: { min_executed?: number; success_share?: number; bake_s?: number; manual?: boolean };
  abort?: { causes: string[]; min_executed: number; share: number; action: string }[];
  max_in_progress?: number;
  in_progress_timeout_s?: number;
  retry?: { causes: string[]; max_attempts: number };
  max_downloads?: number | null;
  pace?: { kind: string; per_minute: number | null; factor: number; after_successes: number; most_per_minute: number | null; jitter_s: number };
  maintenance?: { days: string[]; from: string; to: string; time_zone: string } | null;
  approval?: { required: boolean };
  shadow?: { samples: number; max_s: number; required: boolean } | null;
}

/** "probation latency, probation errors or probation crash" */
function plainList(causes: string[]): string {
  const names = causes.map((cause) => words(cause).toLowerCase());
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

const REACTIONS: Record<string, string> = { pause: "pause", halt: "halt", rollback: "roll back" };

function paceRule(pace: PolicyDocument["pace"]): string {
  if (!pace) return "";
  const spread = pace.jitter_s > 0 ? `The devices of a wave are told over ${duration(pace.jitter_s)}.` : "";
  if (pace.per_minute === null) return spread;
  const growth = pace.kind === "exponential" ? `, ${number(pace.factor, 2)} times as many after each ${plural(pace.after_successes, "success", "successes")}${pace.most_per_minute === null ? "" : `, up to ${pace.most_per_minute}`}` : "";
  return `${pace.per_minute} devices are told a minute${growth}. ${spread}`.trim();
}

function Policy({ rollout }: { rollout: Data }) {
  const policy = rollout.policy as PolicyDocument;
  const gate = policy.gate ?? {};
  return (
    <Card title="The rules it follows">
      <ul class="rules">
        <li>
          A wave passes when at least {plural(gate.min_executed ?? 1, "device has", "devices have")} an outcome, {percent(gate.success_share, 0)} of these are good and it has baked for {duration(gate.bake_s ?? 0)}
          {gate.manual ? "; then an operator promotes it." : "."}
        </li>
        {policy.abort?.map((rule, index) => (
          <li key={index}>
            <strong>{words(REACTIONS[rule.action] ?? rule.action)}</strong> when, of {rule.min_executed} or more outcomes, {percent(rule.share, 0)} are failures with {rule.causes.includes("*") ? "any cause" : plainList(rule.causes)}.
          </li>
        ))}
        {policy.shadow && (
          <li>
            Before it switches, a device asks both versions for {plural(policy.shadow.samples, "input")}, for at most {duration(policy.shadow.max_s)}; with fewer by then it {policy.shadow.required ? "fails" : "goes on"}.
          </li>
        )}
        {policy.retry && policy.retry.causes.length > 0 && (
          <li>
            A device that fails with {policy.retry.causes.includes("*") ? "any cause" : plainList(policy.retry.causes)} tries again by itself, {policy.retry.max_attempts} times in all at most.
          </li>
        )}
        <li>
          At most {plural(policy.max_in_progress ?? 0, "device")} at a time{policy.max_downloads ? `, of which ${policy.max_downloads} download` : ""}; one that takes longer than {duration(policy.in_progress_timeout_s ?? 0)} counts as failed.
        </li>
        {paceRule(policy.pace) && <li>{paceRule(policy.pace)}</li>}
        {policy.maintenance && (
          <li>
            Devices are told {policy.maintenance.days.length < 7 ? `on ${policy.maintenance.days.join(", ")} ` : ""}from {policy.maintenance.from} to {policy.maintenance.to}, {policy.maintenance.time_zone === "device" ? "by their own clocks" : `in ${policy.maintenance.time_zone}`}.
          </li>
        )}
        {policy.approval?.required && <li>Another account than the one that made it approves its start.</li>}
      </ul>
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
        <Empty>Nothing has been decided yet.</Empty>
      ) : (
        <div class="table-wrap">
          <table class="top">
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
      <td class="nowrap">{person(decision.actor)}</td>
      <td class="nowrap">
        <strong>{words(decision.decision)}</strong>
        <div class="muted small">{words(decision.rule)}</div>
      </td>
      <td class="wide-text">
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

function Devices({ id, counts }: { id: string; counts: Record<string, number> }) {
  const state = new URLSearchParams(useSearch()).get("state") ?? "";
  const [, navigate] = useLocation();
  const devices = useRolloutDevices(id, state);
  const items = devices.data?.items ?? [];
  const states = Object.entries(counts).filter(([, count]) => count > 0);
  const total = devices.data?.total;
  return (
    <Card
      title="Devices"
      extra={
        <span class="row">
          <span class="muted small">{total === undefined ? "" : items.length < total ? `the first ${items.length} of ${plural(total, "device")}` : plural(total, "device")}</span>
          {states.length > 0 && (
            <label>
              <span class="visually-hidden">Show devices that are</span>
              <select class="input" value={state} onChange={(event) => navigate(withSearch(`/rollouts/${id}`, { state: event.currentTarget.value }), { replace: true })}>
                <option value="">All states</option>
                {states.map(([name, count]) => (
                  <option key={name} value={name}>
                    {words(name)} ({number(count)})
                  </option>
                ))}
              </select>
            </label>
          )}
        </span>
      }
      flush
    >
      {devices.isPending ? (
        <Skeleton />
      ) : devices.error ? (
        <Failure error={devices.error} />
      ) : items.length === 0 ? (
        <Empty>{state === "" ? "No device matches its filter yet." : "No device is in this state."}</Empty>
      ) : (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                <th>Device</th>
                <th class="num">Wave</th>
                <th>State</th>
                <th>Sent as</th>
                <th class="num">Sent</th>
                <th class="num">Whole file</th>
                <th>Message</th>
                <th class="num">Finished</th>
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
  const waits = waitText(device);
  return (
    <tr>
      <td class="nowrap">
        <Link href={devicePath(device.device)}>{device.device}</Link>
        {device.joined_at && <span class="muted small"> joined {ago(device.joined_at)}</span>}
        {device.attempt > 1 && <span class="muted small"> attempt {device.attempt}</span>}
      </td>
      <td class="num">{device.wave + 1}</td>
      <td>
        <Status tone={updateTone(device.cause && partKind(device.cause) !== "failed" ? device.cause : device.state)} text={words(device.cause ?? device.state)} />
      </td>
      <td>{device.source ? words(device.source) : "–"}</td>
      <td class="num">{bytes(device.bytes)}</td>
      <td class="num">{bytes(device.full_bytes)}</td>
      <td class="small wide-text">
        {waits && <Status tone="warn" text={waits} />} {device.message}
        {device.shadow && <div class="muted">{shadowText(device.shadow)}</div>}
      </td>
      <td class="num muted">{device.finished_at ? ago(device.finished_at) : "–"}</td>
    </tr>
  );
}
