// Rules: what alerts are raised for, how often each fires now, and what a change would have raised.

import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { Link } from "wouter-preact";
import { call } from "../api/client";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { useRules, useRuleVersions, type ReactionKind, type Rule, type RulePreview, type RuleWish, type Severity } from "../api/rules";
import { useAttempt } from "../ui/attempt";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { Confirm } from "../ui/confirm";
import { Copy } from "../ui/copy";
import { ago, clock, person, plural, span } from "../ui/format";
import { Status, type Tone } from "../ui/status";
import { ReactionsDone } from "./reactions";
import { changeOf, FIGURES, figureOf, type Kind, KINDS, kindOf, mayChange, mayReact, METRICS, NEW_RULE, previewSentence, REACTIONS, reactionsText, SEVERITIES, subjectOf, USUAL_PER_HOUR, wishOf } from "./rule-form";

const TONES: Record<Severity, Tone> = { info: "accent", warning: "warn", critical: "bad" };

export default function Rules() {
  const rules = useRules();
  const refusal = useRefusal("manage_rules");
  const items = rules.data?.items ?? [];
  return (
    <>
      <div class="row between">
        <div>
          <p class="eyebrow">
            <Link href="/alerts">Alerts</Link> /
          </p>
          <h1>Rules</h1>
        </div>
        <Edit refusal={refusal} />
      </div>
      {rules.error && <Failure error={rules.error} retry={() => void rules.refetch()} />}
      <Card title="What alerts are raised for" extra={<span class="muted small">{plural(items.length, "rule")}</span>} flush>
        {rules.isPending ? <Skeleton lines={12} /> : items.length === 0 ? <Empty>There are no rules yet: the leading server adds those that are shipped.</Empty> : <RuleTable rules={items} refusal={refusal} />}
      </Card>
    </>
  );
}

function RuleTable({ rules, refusal }: { rules: Rule[]; refusal: string | undefined }) {
  return (
    <div class="table-wrap">
      <table>
        <thead>
          <tr>
            <th>Rule</th>
            <th>Severity</th>
            <th>Fires when</th>
            <th class="num">Firing</th>
            <th>Changed</th>
            <th>
              <span class="visually-hidden">Action</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rules.map((rule) => (
            <tr key={rule.name}>
              <td>
                <strong>{rule.title}</strong>
                <div class="muted small">
                  <code>{rule.name}</code>
                  {rule.filter !== "" && ` · ${rule.filter}`}
                  {rule.model !== "" && ` · ${rule.model}`}
                </div>
              </td>
              <td class="nowrap">{rule.enabled ? <Status tone={TONES[rule.severity]} text={rule.severity} /> : <Status tone="quiet" text="disabled" />}</td>
              <td class="wide-text">
                {rule.sentence}
                {rule.reactions.length > 0 && <div class="small"><Status tone="warn" text={`acts by itself: ${reactionsText(rule.reactions)}`} /></div>}
              </td>
              <td class="num">{rule.firing > 0 ? <Link href="/alerts">{rule.firing}</Link> : <span class="muted">0</span>}</td>
              <td class="nowrap muted" title={clock(rule.updated_at)}>
                {rule.updated_by === null ? "as shipped" : `${ago(rule.updated_at)} by ${person(rule.updated_by)}`}
              </td>
              <td>
                <Edit rule={rule} refusal={refusal} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const changed = () => Promise.all([queryClient.invalidateQueries({ queryKey: ["rules"] }), queryClient.invalidateQueries({ queryKey: ["alerts"] })]);

function Edit({ rule, refusal }: { rule?: Rule; refusal: string | undefined }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const shown = useSignal(false);
  const label = rule === undefined ? "New rule" : "Edit";
  const title = useId();
  return (
    <>
      <button
        class="button"
        type="button"
        aria-label={rule && `Edit ${rule.title}`}
        onClick={() => {
          shown.value = true;
          dialog.current?.showModal();
        }}
      >
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={title} onClose={() => (shown.value = false)}>
        <h2 id={title}>{rule?.title ?? "New rule"}</h2>
        {shown.value && <RuleForm rule={rule} refusal={refusal} close={() => dialog.current?.close()} />}
      </dialog>
    </>
  );
}

function RuleForm({ rule, refusal, close }: { rule?: Rule; refusal: string | undefined; close: () => void }) {
  const form = useRef<HTMLFormElement>(null);
  const known: RuleWish = rule ?? NEW_RULE;
  const kind = useSignal<Kind>(kindOf(known.condition));
  const metric = useSignal(known.metric);
  const subject = subjectOf(rule, metric.value);
  const preview = useSignal<RulePreview | null>(null);
  const saving = useAttempt();
  const looking = useAttempt();
  const may = mayChange(rule);
  const wish = () => wishOf(new FormData(form.current!), kind.value);
  const save = () =>
    saving.run(async () => {
      if (rule === undefined) await call("/rules", { method: "POST", body: wish() });
      else await call(`/rules/${rule.name}`, { method: "PATCH", body: changeOf(rule, wish()), ifMatch: String(rule.version) });
      await changed();
      close();
    });
  const look = () =>
    looking.run(async () => {
      preview.value = null;
      const asked = wish();
      preview.value = await call<RulePreview>("/rules/preview", { method: "POST", body: { rule: rule === undefined ? { ...asked, name: asked.name || "new_rule", title: asked.title || "New rule" } : changeOf(rule, asked) } });
    });
  return (
    <form
      class="stack"
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <div class="pair">
        <label class="field">
          Name
          <input class="input" name="name" defaultValue={known.name} readOnly={rule !== undefined} required pattern="[a-z0-9][a-z0-9_]*" placeholder="gpu_too_hot" />
        </label>
        <label class="field">
          Title
          <input class="input" name="title" defaultValue={known.title} required maxLength={200} />
        </label>
      </div>
      {may.rest && <Subject known={known} kind={kind.value} choose={(chosen) => (kind.value = chosen)} tell={(said) => (metric.value = said)} />}
      {(subject === "model" || subject === "device") && <Scope known={known} ofModel={subject === "model"} />}
      {may.figures && <Figures known={known} kind={kind.value} />}
      <div class="pair">
        {may.rest && kind.value !== "against_usual" && kind.value !== "under_usual" && !metric.value.startsWith("presence.") && (
          <label class="field">
            For minutes
            <input class="input" name="for_min" type="number" min="0" max="10080" step="any" defaultValue={String(known.for_s / 60)} />
          </label>
        )}
        <label class="field">
          Severity
          <select class="input" name="severity" defaultValue={known.severity}>
            {SEVERITIES.map((each) => (
              <option key={each} value={each} selected={each === known.severity}>
                {each}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          Route
          <input class="input" name="route" defaultValue={known.route} maxLength={64} />
        </label>
      </div>
      <label class="row">
        <input type="checkbox" name="enabled" defaultChecked={known.enabled} />
        Raises alerts
      </label>
      <WhatItDoes known={known} may={(each) => mayReact(each, subject)} />
      {saving.failure.value !== null && <Failure error={saving.failure.value} />}
      {looking.failure.value !== null && <Failure error={looking.failure.value} />}
      {looking.busy.value && <Skeleton lines={2} />}
      {preview.value && <Preview preview={preview.value} />}
      <div class="row">
        <button class="button primary" disabled={refusal !== undefined || saving.busy.value} title={refusal}>
          Save
        </button>
        {rule?.judge !== "own" && rule?.judge !== "certificates" && (
          <button class="button" type="button" disabled={looking.busy.value} onClick={() => void look()}>
            Preview
          </button>
        )}
        <button class="button" type="button" onClick={close}>
          Cancel
        </button>
      </div>
      {rule && <WhatElse rule={rule} refusal={refusal} close={close} />}
    </form>
  );
}

function Subject({ known, kind, choose, tell }: { known: RuleWish; kind: Kind; choose: (kind: Kind) => void; tell: (metric: string) => void }) {
  const list = useId();
  return (
      <div class="pair">
        <label class="field">
          Metric
          <input class="input" name="metric" list={list} defaultValue={known.metric} required onInput={(event) => tell(event.currentTarget.value)} />
          <datalist id={list}>
            {METRICS.map((metric) => (
              <option key={metric} value={metric} />
            ))}
          </datalist>
        </label>
        <label class="field">
          Condition
          <select class="input" value={kind} onChange={(event) => choose(event.currentTarget.value as Kind)}>
            {KINDS.map(([each, text]) => (
              <option key={each} value={each} selected={each === kind}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </div>
  );
}

function Scope({ known, ofModel }: { known: RuleWish; ofModel: boolean }) {
  return (
    <div class="pair">
      <label class="field">
        Devices
        <input class="input" name="filter" defaultValue={known.filter} placeholder="all; or labels.site = &quot;berlin&quot;" />
      </label>
      {ofModel && (
        <label class="field">
          Model
          <input class="input" name="model" defaultValue={known.model} placeholder="any" />
        </label>
      )}
    </div>
  );
}

/** Beside telling people. Nothing is ticked unless somebody ticked it. */
function WhatItDoes({ known, may }: { known: RuleWish; may: (kind: ReactionKind) => boolean }) {
  const acts = useSignal(known.reactions.length > 0);
  const offered = REACTIONS.filter(([each]) => may(each));
  if (offered.length === 0) return null;
  return (
    <fieldset class="stack reactions" onChange={(event) => (acts.value = event.currentTarget.querySelector("input[type=checkbox]:checked") !== null)}>
      <legend>What it does by itself, once for each alert</legend>
      {offered.map(([each, label, meaning]) => {
        const present = known.reactions.find((reaction) => reaction.do === each);
        return (
          <div class="row between" key={each}>
            <label>
              <span class="row">
                <input type="checkbox" name={`react_${each}`} defaultChecked={present !== undefined} />
                {label}
              </span>
              <span class="muted small">{meaning}</span>
            </label>
            <label class="field">
              At most an hour
              <input class="input" name={`most_${each}`} type="number" min="1" max="100" aria-label={`${label}: at most an hour`} defaultValue={String(present?.most_per_hour ?? USUAL_PER_HOUR)} />
            </label>
          </div>
        );
      })}
      {acts.value && (
        <p class="small" role="note">
          <Status tone="warn" text="This rule will act without asking anybody. Preview it first: each time it would have fired, it would have acted." />
        </p>
      )}
    </fieldset>
  );
}

function Figures({ known, kind }: { known: RuleWish; kind: Kind }) {
  return (
    <div class="pair">
      {FIGURES[kind].map(([name, label, otherwise]) => (
        <label class="field" key={`${kind} ${name}`}>
          {label}
          <input class="input" name={name} type="number" step="any" required defaultValue={String(kind === kindOf(known.condition) ? figureOf(known.condition, name, otherwise) : otherwise)} />
        </label>
      ))}
    </div>
  );
}

function Preview({ preview }: { preview: RulePreview }) {
  return (
    <div class="stack" role="status">
      <p>{previewSentence(preview)}</p>
      {preview.items.length > 0 && (
        <div class="table-wrap">
          <table>
            <thead>
              <tr>
                <th>Device</th>
                <th class="num">Fired</th>
                <th class="num">Together</th>
                <th class="num">Last</th>
              </tr>
            </thead>
            <tbody>
              {preview.items.slice(0, 8).map((pair) => (
                <tr key={`${pair.device_id} ${pair.model}`}>
                  <td>
                    {pair.device_id} <span class="muted">{pair.model}</span>
                  </td>
                  <td class="num">{pair.fired}</td>
                  <td class="num">{span(pair.firing_s * 1000)}</td>
                  <td class="num">{ago(pair.episodes.at(-1)?.from ?? null)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </div>
  );
}

function WhatElse({ rule, refusal, close }: { rule: Rule; refusal: string | undefined; close: () => void }) {
  const versions = useRuleVersions(rule.name);
  const act = async (path: string, method: "POST" | "DELETE") => {
    await call(path, { method, ifMatch: String(rule.version) });
    await changed();
    close();
  };
  return (
    <div class="stack">
      <div class="row">
        {rule.changed && <Confirm label="Reset" title={`Reset ${rule.name}?`} does="It becomes what was shipped." command={`argosy rule reset ${rule.name}`} refusal={refusal} act={() => act(`/rules/${rule.name}/reset`, "POST")} />}
        {!rule.shipped && <Confirm label="Delete" title={`Delete ${rule.name}?`} does="Its open alerts end." tone="danger" command={`argosy rule delete ${rule.name}`} refusal={refusal} act={() => act(`/rules/${rule.name}`, "DELETE")} />}
      </div>
      <Copy text={`argosy rule show ${rule.name} --json`} />
      {rule.reactions.length > 0 && (
        <details>
          <summary>What it did</summary>
          <ReactionsDone of={{ rule: rule.name }} />
        </details>
      )}
      <details>
        <summary>History</summary>
        {versions.error && <Failure error={versions.error} />}
        <ul>
          {(versions.data?.items ?? []).map((version) => (
            <li key={version.version}>
              Version {version.version}: {version.what} {version.changed_by === null ? "" : `by ${person(version.changed_by)} `}
              <span class="muted">{ago(version.changed_at)}</span>
            </li>
          ))}
        </ul>
      </details>
    </div>
  );
}
