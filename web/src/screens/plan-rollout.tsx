// The form that plans a rollout. It saves a draft: nothing reaches a device before it is started.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { useLocation, useSearch } from "wouter-preact";
import { call } from "../api/client";
import { useDeviceCount } from "../api/devices";
import { useModels, useReleases } from "../api/models";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { useRollouts, type Rollout } from "../api/rollouts";
import { useAttempt } from "../ui/attempt";
import { Failure } from "../ui/card";
import { counted } from "../ui/format";
import { earlierTroubles, plannedRollout } from "./planned-rollout";
import { RolloutPreview } from "./rollout-preview";

export function PlanRollout() {
  const dialog = useRef<HTMLDialogElement>(null);
  const search = new URLSearchParams(useSearch());
  const [, navigate] = useLocation();
  const notMine = useRefusal("operate_rollouts");
  const isOpen = search.get("plan") === "yes" && notMine === undefined;
  useEffect(() => {
    if (!isOpen) dialog.current?.close();
    else if (!dialog.current?.open) dialog.current?.showModal();
  }, [isOpen]);
  return (
    <>
      <button class="button primary" type="button" disabled={notMine !== undefined} title={notMine} onClick={() => navigate("/rollouts?plan=yes")}>
        Plan a rollout
      </button>
      <dialog ref={dialog} aria-label="Plan a rollout" onClose={() => location.pathname === "/rollouts" && navigate("/rollouts", { replace: true })}>
        {isOpen && <Form startFilter={search.get("filter") ?? ""} onCancel={() => dialog.current?.close()} onMade={(id) => navigate(`/rollouts/${id}`)} />}
      </dialog>
    </>
  );
}

function Form({ startFilter, onCancel, onMade }: { startFilter: string; onCancel: () => void; onMade: (id: number) => void }) {
  const model = useSignal("");
  const version = useSignal(""); // empty: the first that can be chosen
  const filter = useSignal(startFilter);
  const { busy, failure, run } = useAttempt();
  const models = useModels();
  const releases = useReleases(model.value);
  const rollouts = useRollouts();
  const chosen = version.value || releases.data?.items.find((each) => !each.withdrawn)?.version || "";
  const troubles = earlierTroubles(rollouts.data?.items ?? [], model.value, chosen);
  const count = useDeviceCount(filter.value);
  useEffect(() => {
    const only = models.data?.items;
    if (model.value === "" && only?.length === 1) model.value = only[0]!.name;
  }, [models.data]);
  const form = useRef<HTMLFormElement>(null);
  const wanted = useSignal<object | null>(null); // as the form stands
  const read = () => {
    wanted.value = form.current && model.value !== "" && chosen !== "" ? plannedRollout(new FormData(form.current), model.value, filter.value) : null;
  };
  useEffect(read, [model.value, chosen, filter.value]);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const body = plannedRollout(new FormData(event.target as HTMLFormElement), model.value, filter.value);
    await run(async () => {
      const made = await call<Rollout>("/rollouts", { method: "POST", body });
      void queryClient.invalidateQueries({ queryKey: ["rollouts"] });
      onMade(made.id);
    });
  };
  return (
    <form class="stack" ref={form} onInput={read} onSubmit={(event) => void send(event)}>
      <h2>Plan a rollout</h2>
      <div class="pair">
        <label class="field">
          Model
          <select class="input" required value={model.value} onChange={(event) => {
              model.value = event.currentTarget.value;
              version.value = "";
            }}
          >
            <option value="">Choose…</option>
            {models.data?.items.map((each) => (
              <option key={each.name} value={each.name}>
                {each.name}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          Version
          <select class="input" name="version" required value={chosen} onChange={(event) => (version.value = event.currentTarget.value)} disabled={releases.data === undefined}>
            {releases.data?.items.map((each) => (
              <option key={each.version} value={each.version} disabled={!!each.withdrawn}>
                {each.version}
                {each.withdrawn && " (withdrawn)"}
              </option>
            ))}
          </select>
        </label>
      </div>
      {troubles.length > 0 && (
        <ul class="plain small tone-text-bad" aria-label="Warnings">
          {troubles.map((trouble) => (
            <li key={trouble}>{trouble}</li>
          ))}
        </ul>
      )}
      <label class="field">
        Name
        <input class="input" name="name" maxLength={100} placeholder="Model and version, if left empty" />
      </label>
      <label class="field">
        Which devices (empty: all)
        <input class="input mono" value={filter.value} onChange={(event) => (filter.value = event.currentTarget.value.trim())} maxLength={2000} placeholder={'labels.site = "berlin"'} spellcheck={false} />
        <span class="muted small" aria-live="polite">
          {count.error ? count.error.message : count.data === undefined ? "Counting…" : `${counted(count.data)} ${count.data === 1 ? "device matches" : "devices match"} now.`}
        </span>
      </label>
      <div class="pair">
        <label class="field">
          Canary
          <span class="row" style="gap: 8px; flex-wrap: nowrap">
            <input class="input" name="canary" type="number" min="0.1" max="1000000" step="0.1" defaultValue="5" required />
            <select class="input" name="unit" aria-label="Canary, of what">
              <option value="percent">% of the devices</option>
              <option value="devices">devices</option>
            </select>
          </span>
        </label>
        <label class="field">
          Bake time, minutes
          <input class="input" name="bake" type="number" min="0" max="10080" step="any" defaultValue="60" required />
        </label>
      </div>
      <div class="pair">
        <label class="field">
          Devices told a minute (empty: no limit)
          <input class="input" name="pace" type="number" min="0.001" max="1000000" step="any" />
        </label>
        <label class="field">
          Start at (empty: when you press Start)
          <input class="input" name="start" type="datetime-local" />
        </label>
      </div>
      <label class="row" style="gap: 8px">
        <input type="checkbox" name="approval" /> Another account has to approve it
      </label>
      <label class="row" style="gap: 8px">
        <input type="checkbox" name="manual" /> Wait for an operator between the waves
      </label>
      <label class="row" style="gap: 8px">
        <input type="checkbox" name="standing" /> Let it stand: devices that come later get the release, too
      </label>
      <RolloutPreview wanted={wanted.value} />
      {failure.value !== null && <Failure error={failure.value} />}
      <p class="muted small">
        It starts as a draft: nothing reaches a device before you press Start, which also puts a time into force. Guards on latency, errors and accuracy are on; <code>argosy rollout create --policy</code> sets everything.
      </p>
      <div class="row">
        <button class="button primary" disabled={busy.value || (releases.data === undefined && model.value !== "")}>
          Save the draft
        </button>
        <button class="button" type="button" onClick={onCancel}>
          Cancel
        </button>
      </div>
    </form>
  );
}
