// Silences and maintenance windows: which alerts nobody is told of, until when, and who wanted it so.

import { useSignal } from "@preact/signals";
import { useState } from "preact/hooks";
import { useLocation, useSearch } from "wouter-preact";
import { useSilences, type Silence } from "../api/alerts";
import { call } from "../api/client";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { useAttempt } from "../ui/attempt";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { Confirm } from "../ui/confirm";
import { Copy } from "../ui/copy";
import { clock, person } from "../ui/format";
import { Segments } from "../ui/segments";
import { Status } from "../ui/status";
import { asksText, hoursText, silenceCommand } from "./alert-text";

const readAgain = () => queryClient.invalidateQueries({ queryKey: ["alerts"] });

export function Silences() {
  const [ended, setEnded] = useState("");
  const [changed, change] = useState<Silence | null>(null);
  const silences = useSilences(ended !== "");
  const items = silences.data?.items ?? [];
  return (
    <>
      <SilenceForm key={changed?.id ?? 0} changed={changed} done={() => change(null)} />
      <Card
        title={ended === "" ? "Silences" : "Silences that ended"}
        extra={
          <Segments
            label="Which silences"
            choices={[
              ["", "Present and planned"],
              ["ended", "Ended"],
            ]}
            chosen={ended}
            onChoose={setEnded}
          />
        }
        flush
      >
        {silences.error ? (
          <Failure error={silences.error} retry={() => void silences.refetch()} />
        ) : silences.isPending ? (
          <Skeleton lines={4} />
        ) : items.length === 0 ? (
          <Empty>{ended === "" ? "Nothing is silenced: every alert is told." : "No silence has ended yet."}</Empty>
        ) : (
          <SilenceTable silences={items} change={change} />
        )}
      </Card>
    </>
  );
}

function SilenceTable({ silences, change }: { silences: Silence[]; change: (silence: Silence) => void }) {
  const refusal = useRefusal("acknowledge_alerts");
  return (
    <div class="table-wrap">
      <table>
        <thead>
          <tr>
            <th>Which</th>
            <th>Covers</th>
            <th>From</th>
            <th>Until</th>
            <th>By</th>
            <th>Why</th>
            <th>
              <span class="visually-hidden">What can be done</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {silences.map((silence) => (
            <tr key={silence.id}>
              <td class="nowrap">
                <Status tone={silence.in_effect ? "accent" : "quiet"} text={`${silence.weekly ? "Maintenance" : "Silence"} ${silence.id}`} title={silence.in_effect ? "In effect" : "Not in effect"} />
              </td>
              <td class="wide-text">
                {asksText(silence)}
                {silence.weekly && <div class="muted small">{hoursText(silence)}</div>}
              </td>
              <td class="nowrap">{clock(silence.starts_at)}</td>
              <td class="nowrap">{clock(silence.ended_at ?? silence.ends_at)}</td>
              <td class="nowrap">{person(silence.author)}</td>
              <td class="wide-text">{silence.comment}</td>
              <td class="nowrap">
                {silence.ended_at === null && (
                  <span class="row" style="flex-wrap: nowrap">
                    <button class="button" type="button" disabled={refusal !== undefined} title={refusal} onClick={() => change(silence)}>
                      Change
                    </button>
                    <Confirm
                      label="End"
                      title={`End silence ${silence.id}?`}
                      does="Alerts that it covers and that still fire are told at once."
                      command={`argosy alert unsilence ${silence.id}`}
                      refusal={refusal}
                      act={async () => {
                        await call(`/silences/${silence.id}`, { method: "DELETE" });
                        await readAgain();
                      }}
                    />
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const WEEK = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

function SilenceForm({ changed, done }: { changed: Silence | null; done: () => void }) {
  const search = new URLSearchParams(useSearch());
  const [, navigate] = useLocation();
  const refusal = useRefusal("acknowledge_alerts");
  const { busy, failure, run } = useAttempt();
  const told = useSignal("");
  const wanted = useSignal({
    filter: changed?.filter ?? search.get("filter") ?? "",
    rule: changed?.rule ?? search.get("rule") ?? "",
    model: changed?.model ?? search.get("model") ?? "",
    severity: changed?.severity ?? "",
    hours: "2",
    comment: changed?.comment ?? "",
    weekly: changed?.weekly !== null && changed !== null,
    days: changed?.weekly?.days ?? ["sun"],
    from: changed?.weekly?.from ?? "02:00",
    to: changed?.weekly?.to ?? "04:00",
    zone: changed?.weekly?.time_zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
  });
  const set = (values: Partial<typeof wanted.value>) => (wanted.value = { ...wanted.value, ...values });
  const { filter, rule, model, severity, hours, comment, weekly, days, from, to, zone } = wanted.value;
  const text = (name: "filter" | "rule" | "model" | "comment" | "from" | "to" | "zone", label: string, more: Record<string, unknown> = {}) => (
    <label class="field">
      {label}
      <input class="input" value={wanted.value[name]} maxLength={name === "filter" ? 2000 : 500} onInput={(event) => set({ [name]: event.currentTarget.value })} {...more} />
    </label>
  );
  const save = async () => {
    const body = {
      filter,
      rule,
      model,
      severity,
      comment,
      ...(changed ? { starts_at: changed.starts_at } : {}),
      ends_at: new Date(Date.now() + Number(hours) * 3_600_000).toISOString(),
      ...(weekly ? { weekly: { days, from, to, time_zone: zone } } : {}),
    };
    const silence = await call<Silence>(changed ? `/silences/${changed.id}` : "/silences", { method: changed ? "PUT" : "POST", body });
    told.value = `Silence ${silence.id} holds until ${clock(silence.ends_at)}.`;
    await readAgain();
    navigate("/alerts?view=silences", { replace: true });
    done();
  };
  return (
    <Card title={changed ? `Change silence ${changed.id}` : "Silence alerts for a time"}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void run(save);
        }}
      >
        <div class="grid-3">
          {text("rule", "Rule, or all", { placeholder: "gone_dark" })}
          {text("model", "Model, or all")}
          <label class="field">
            Severity
            <select class="input" value={severity} onChange={(event) => set({ severity: event.currentTarget.value })}>
              <option value="">Any</option>
              <option value="warning">Warning</option>
              <option value="critical">Critical</option>
            </select>
          </label>
        </div>
        {text("filter", "Devices, or all", { class: "input mono", placeholder: 'labels.site = "berlin"', spellcheck: false })}
        <div class="grid-3">
          <label class="field">
            Hours from now
            <input class="input" type="number" min="0.1" max="8784" step="0.1" required value={hours} onInput={(event) => set({ hours: event.currentTarget.value })} />
          </label>
          {text("comment", "Why", { required: true })}
        </div>
        <label class="row">
          <input type="checkbox" checked={weekly} onChange={(event) => set({ weekly: event.currentTarget.checked, hours: event.currentTarget.checked && hours === "2" ? "8760" : hours })} />
          Only in these hours of every week: a maintenance window
        </label>
        {weekly && (
          <div class="stack">
            <fieldset class="row" style="border: 0; padding: 0; margin: 0">
              <legend class="visually-hidden">Days on which it begins</legend>
              {WEEK.map((each) => (
                <label key={each} class="row">
                  <input type="checkbox" checked={days.includes(each)} onChange={(event) => set({ days: WEEK.filter((name) => (name === each ? event.currentTarget.checked : days.includes(name))) })} />
                  {each}
                </label>
              ))}
            </fieldset>
            <div class="grid-3">
              {text("from", "From", { pattern: "[0-2][0-9]:[0-5][0-9]", required: true })}
              {text("to", "To", { pattern: "[0-2][0-9]:[0-5][0-9]", required: true })}
              {text("zone", "By the clocks of", { required: true })}
            </div>
          </div>
        )}
        {!weekly && !changed && <Copy text={silenceCommand({ filter, rule, model, severity, hours, comment })} />}
        {failure.value !== null && <Failure error={failure.value} />}
        <div class="row">
          <button class="button primary" disabled={busy.value || refusal !== undefined} title={refusal}>
            {changed ? "Change it" : "Silence"}
          </button>
          {changed && (
            <button class="button" type="button" onClick={done}>
              Leave it as it is
            </button>
          )}
          <span class="small" role="status">
            {told.value}
          </span>
        </div>
      </form>
    </Card>
  );
}
