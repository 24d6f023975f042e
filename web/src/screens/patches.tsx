// What patches save between the releases of one model: a grid to choose from, and what is known about the chosen pair.

import { useRef } from "preact/hooks";
import { useLocation, useSearch } from "wouter-preact";
import { call } from "../api/client";
import { usePatches, type Patch, type Release } from "../api/models";
import { useRefusal } from "../api/permissions";
import { queryClient } from "../api/query-client";
import { Meter } from "../ui/bar";
import { Card, Empty, Failure, Skeleton } from "../ui/card";
import { Confirm } from "../ui/confirm";
import { type Fact, Facts } from "../ui/facts";
import { bytes, number, percent, person, plural, words } from "../ui/format";
import { Segments } from "../ui/segments";
import { Status } from "../ui/status";
import { type Grid, PATCH_TONE, gridOf, isOpen, leadsForward, patchableVariants, step, trialOutcome } from "./patch-grid";
import { withSearch } from "./paths";

export function Patches({ model, releases }: { model: string; releases: Release[] }) {
  const patches = usePatches(model);
  const [, navigate] = useLocation();
  const search = new URLSearchParams(useSearch());
  const variants = patchableVariants(releases);
  const asked = search.get("variant") ?? "";
  const variant = variants.includes(asked) ? asked : (variants[0] ?? "");
  const grid = gridOf(releases, patches.data?.items ?? [], variant);
  const chosen = { from: search.get("from") ?? "", to: search.get("to") ?? "" };
  const go = (values: Record<string, string>) => navigate(withSearch(`/models/${encodeURIComponent(model)}`, values), { replace: true });
  const known = grid.versions.includes(chosen.from) && grid.versions.includes(chosen.to) && chosen.from !== chosen.to;
  const choice = variants.length > 1 && <Segments label="Variant" choices={variants.map((name) => [name, name])} chosen={variant} onChoose={(name) => go({ variant: name })} />;
  return (
    <Card title="Patches between releases" extra={choice} flush>
      {patches.isPending ? (
        <Skeleton />
      ) : !patches.data ? (
        <Failure error={patches.error} retry={() => void patches.refetch()} />
      ) : variants.length === 0 ? (
        <Empty>A patch leads from one release to another: there is something to see from the second release on.</Empty>
      ) : (
        <div class="beside-matrix">
          <Matrix grid={grid} variant={variant} chosen={chosen} choose={(from, to) => go({ variant, from, to })} />
          {known ? <Details model={model} from={chosen.from} to={chosen.to} variant={variant} grid={grid} /> : <Empty>Choose a cell to see what was tried, and why.</Empty>}
        </div>
      )}
    </Card>
  );
}

interface MatrixProps {
  grid: Grid;
  variant: string;
  chosen: { from: string; to: string };
  choose: (from: string, to: string) => void;
}

function Matrix({ grid, variant, chosen, choose }: MatrixProps) {
  const table = useRef<HTMLTableElement>(null);
  const move = (event: KeyboardEvent, row: number, column: number) => {
    const next = step(event.key, row, column, grid.versions.length);
    const button = next && table.current?.querySelector<HTMLButtonElement>(`[data-cell="${next[0]} ${next[1]}"]`);
    if (!button) return;
    event.preventDefault();
    button.focus();
  };
  return (
    <div class="table-wrap">
      <table class="matrix" ref={table}>
        <caption class="visually-hidden">Patches of {variant}: from the version of the row to the version of the column</caption>
        <thead>
          <tr>
            <th>From ╲ to</th>
            {grid.versions.map((to) => (
              <th key={to} scope="col">
                {to}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {grid.versions.map((from, row) => (
            <tr key={from}>
              <th scope="row">{from}</th>
              {grid.versions.map((to, column) => (
                <td key={to}>
                  {from !== to && (
                    <button
                      type="button"
                      class="cell"
                      data-cell={`${row} ${column}`}
                      aria-pressed={from === chosen.from && to === chosen.to}
                      onClick={() => choose(from, to)}
                      onKeyDown={(event) => move(event, row, column)}
                    >
                      <span class="visually-hidden">
                        {from} to {to}:{" "}
                      </span>
                      <Cell patch={grid.cell(from, to)} />
                    </button>
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ patch }: { patch?: Patch }) {
  if (!patch) return <span class="muted small">not asked for</span>;
  return (
    <>
      <strong>{percent(patch.ratio)}</strong>
      <span class="muted small">{patch.codec ?? "\u00a0"}</span>
      <Status tone={PATCH_TONE[patch.state]} text={words(patch.state)} />
    </>
  );
}

interface DetailsProps {
  model: string;
  from: string;
  to: string;
  variant: string;
  grid: Grid;
}

function Details({ model, from, to, variant, grid }: DetailsProps) {
  const patch = grid.cell(from, to);
  return (
    <div class="chosen stack" role="region" aria-label={`The patch from ${from} to ${to}`} aria-live="polite">
      <div class="row between">
        <div class="row">
          <h3>
            {from} to {to}, {variant}
          </h3>
          {patch && <Status tone={PATCH_TONE[patch.state]} text={words(patch.state)} />}
        </div>
        <Actions model={model} from={from} to={to} variant={variant} patch={patch} forward={leadsForward(grid, from, to)} />
      </div>
      {patch ? <Figures patch={patch} /> : <p class="muted">Nobody has asked for it yet. It is made when a device waits for it, or when you ask for it.</p>}
      {patch && patch.trials.length > 0 && <Trials patch={patch} />}
      <OtherFiles patches={grid.files(from, to).slice(1)} />
    </div>
  );
}

function OtherFiles({ patches }: { patches: Patch[] }) {
  if (patches.length === 0) return null;
  return (
    <>
      <h4>Its other files</h4>
      <ul class="plain">
        {patches.map((patch) => (
          <li key={patch.part}>
            {patch.part ?? "the model"} <Status tone={PATCH_TONE[patch.state]} text={words(patch.state)} />{" "}
            <span class="muted small">
              {bytes(patch.size)} of {bytes(patch.full_size)}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Actions({ model, from, to, variant, patch, forward }: Omit<DetailsProps, "grid"> & { patch?: Patch; forward: boolean }) {
  const refusal = useRefusal("prepare_patches");
  const path = `/models/${encodeURIComponent(model)}/patches`;
  const changed = () => queryClient.invalidateQueries({ queryKey: ["models", model, "patches"] });
  if (patch && isOpen(patch))
    return (
      <Confirm
        label="Cancel the patch"
        title={`Cancel the patch from ${from} to ${to}?`}
        does="It is not made until somebody asks for it here. Devices that wait for it take the whole file."
        tone="danger"
        refusal={refusal}
        act={async () => {
          await call(`${path}/${encodeURIComponent(from)}/${encodeURIComponent(to)}?variant=${encodeURIComponent(variant)}`, { method: "DELETE" });
          await changed();
        }}
      />
    );
  if (patch ? patch.state === "ready" : !forward) return null;
  return (
    <Confirm
      label={patch ? "Make it again" : "Make it"}
      title={`Make the patch from ${from} to ${to}?`}
      does="It is made ahead of any rollout, and counts as wanted for 7 days."
      tone="primary"
      refusal={refusal}
      act={async () => {
        await call(path, { method: "POST", body: { pairs: [{ from_version: from, to_version: to, variant }] } });
        await changed();
      }}
    />
  );
}

/** "9.2 s by the patch, 19.1 s by the whole file". */
function times(patch: Patch): string {
  const whole = `${number(patch.full_seconds, 1)} s by the whole file`;
  return patch.patch_seconds === null ? whole : `${number(patch.patch_seconds, 1)} s by the patch, ${whole}`;
}

function Figures({ patch }: { patch: Patch }) {
  const facts: Fact[] = [
    ["Patch", bytes(patch.size)],
    ["Whole file", bytes(patch.full_size)],
    ["Of the file", percent(patch.ratio)],
    ["At 1 MB/s", times(patch)],
    ["Wanted now by", plural(patch.demand, "device")],
    ["Attempts", `${number(patch.attempts)}${patch.will_retry ? ", one more follows" : ""}`],
  ];
  if (patch.asked_by) facts.push(["Asked for by", person(patch.asked_by)]);
  return (
    <>
      {patch.reason && <p>{patch.reason}</p>}
      <Facts facts={facts} />
    </>
  );
}

function Trials({ patch }: { patch: Patch }) {
  return (
    <div class="table-wrap">
      <table>
        <caption class="visually-hidden">What each codec achieved</caption>
        <thead>
          <tr>
            <th>Codec</th>
            <th class="num">Patch</th>
            <th class="num">Of the file</th>
            <th style="width: 18%" aria-label="Share of the file" />
            <th class="num">Encoding</th>
            <th>Outcome</th>
          </tr>
        </thead>
        <tbody>
          {patch.trials.map((trial) => (
            <tr key={trial.codec}>
              <td>{trial.codec}</td>
              <td class="num">{bytes(trial.bytes)}</td>
              <td class="num">{trial.bytes === null ? "–" : percent(trial.bytes / patch.full_size)}</td>
              <td>{trial.bytes !== null && <Meter share={trial.bytes / patch.full_size} />}</td>
              <td class="num">{number(trial.seconds, 2)} s</td>
              <td class="small">{trialOutcome(trial, patch)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p class="muted small" style="padding: var(--space-2) 0 0">
        {plural(patch.trials.length, "codec")} tried in {number(patch.trials.reduce((sum, trial) => sum + trial.seconds, 0), 2)} s; the smallest is kept when it saves 5 % or more.
      </p>
    </div>
  );
}
