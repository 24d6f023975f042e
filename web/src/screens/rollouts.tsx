// All rollouts, and the form that plans a new one.

import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { call } from "../api/client";
import { queryClient, useModels, useReleases, useRollouts } from "../api/queries";
import type { Rollout } from "../api/types";
import { RolloutBar } from "../ui/bar";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { ago } from "../ui/format";
import { RolloutStatus } from "../ui/status";

export function Rollouts() {
  const rollouts = useRollouts();
  const items = rollouts.data?.items ?? [];
  return (
    <>
      <div class="row between">
        <h1>Rollouts</h1>
        <NewRollout />
      </div>
      {rollouts.error && <Failure error={rollouts.error} />}
      <Card title="Newest first" flush>
        {rollouts.isPending ? (
          <Skeleton />
        ) : items.length === 0 ? (
          <Empty>None yet. Publish a release with `argosy release publish`, then plan its rollout.</Empty>
        ) : (
          <RolloutTable rollouts={items} />
        )}
      </Card>
    </>
  );
}

function RolloutTable({ rollouts }: { rollouts: Rollout[] }) {
  return (
    <div class="table-wrap">
      <table>
        <thead>
          <tr>
            <th class="num">No</th>
            <th>Name</th>
            <th>Release</th>
            <th>State</th>
            <th style="width: 32%">Devices</th>
            <th>Reason</th>
            <th class="num">Created</th>
          </tr>
        </thead>
        <tbody>
          {rollouts.map((rollout) => (
            <tr key={rollout.id}>
              <td class="num">{rollout.id}</td>
              <td>
                <Link href={`/rollouts/${rollout.id}`}>
                  <strong>{rollout.name}</strong>
                </Link>
              </td>
              <td class="nowrap">
                {rollout.model} {rollout.version}
              </td>
              <td>
                <RolloutStatus state={rollout.state} />
              </td>
              <td>
                <RolloutBar counts={rollout.counts} what={`Devices of ${rollout.name}`} />
              </td>
              <td class="small">{rollout.reason || "–"}</td>
              <td class="num muted">{ago(rollout.created_at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function NewRollout() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [, navigate] = useLocation();
  const model = useSignal("");
  const failure = useSignal<unknown>(null);
  const models = useModels();
  const releases = useReleases(model.value);
  const send = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const version = String(form.get("version"));
    const canary = Number(form.get("canary")) / 100;
    const body = {
      name: String(form.get("name")) || `${model.value} ${version}`,
      model: model.value,
      version,
      filter: String(form.get("filter")),
      policy: { waves: [{ share: canary }, { share: 1 }], gate: { bake_s: Number(form.get("bake")) } },
    };
    try {
      const made = await call<Rollout>("/rollouts", { method: "POST", body });
      void queryClient.invalidateQueries({ queryKey: ["rollouts"] });
      dialog.current?.close();
      navigate(`/rollouts/${made.id}`);
    } catch (error) {
      failure.value = error;
    }
  };
  return (
    <>
      <button class="button primary" type="button" onClick={() => dialog.current?.showModal()}>
        Plan a rollout
      </button>
      <dialog ref={dialog} aria-label="Plan a rollout">
        <form class="stack" onSubmit={(event) => void send(event)}>
          <h2>Plan a rollout</h2>
          <label class="field">
            Model
            <select class="input" required value={model.value} onChange={(event) => (model.value = event.currentTarget.value)}>
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
            <select class="input" name="version" required>
              {releases.data?.items.map((each) => (
                <option key={each.version} value={each.version}>
                  {each.version}
                </option>
              ))}
            </select>
          </label>
          <label class="field">
            Name
            <input class="input" name="name" maxLength={200} placeholder="What it is called in the list" />
          </label>
          <label class="field">
            Which devices (empty: all that suit)
            <input class="input mono" name="filter" maxLength={2000} placeholder={'labels.site = "berlin"'} />
          </label>
          <div class="row" style="flex-wrap: nowrap">
            <label class="field">
              Canary, % of devices
              <input class="input" name="canary" type="number" min="0.1" max="100" step="0.1" value="5" required />
            </label>
            <label class="field">
              Bake time, seconds
              <input class="input" name="bake" type="number" min="0" max="604800" value="3600" required />
            </label>
          </div>
          {failure.value !== null && <Failure error={failure.value} />}
          <p class="muted small">It starts as a draft: nothing reaches a device before you press Start.</p>
          <div class="row">
            <button class="button primary">Save the draft</button>
            <button class="button" type="button" onClick={() => dialog.current?.close()}>
              Cancel
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
