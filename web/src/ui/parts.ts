// The parts of a rollout's bar: what its devices are doing, in the order in which an update proceeds. Pure.

export type PartKind = "ok" | "probation" | "working" | "back" | "failed" | "queued" | "out";

export interface Part {
  kind: PartKind;
  label: string;
  count: number;
}

const WORKING = ["notified", "downloading", "patching", "verifying", "validating", "shadowing", "activating"];
const OK = ["succeeded", "already_installed"];
const BACK = ["rolling_back", "rolled_back"];
const OUT = ["cancelled", "superseded", "decommissioned", "left_out"]; // they say nothing about the release
const LABELS: Record<PartKind, string> = {
  ok: "Updated",
  probation: "Probation",
  working: "In progress",
  back: "Rolled back",
  failed: "Failed",
  queued: "Queued",
  out: "Left out",
};
export const PART_COLOURS: Record<PartKind, string> = {
  ok: "var(--good)",
  probation: "var(--accent)",
  working: "color-mix(in srgb, var(--accent) 45%, var(--surface))",
  back: "var(--series-3)",
  failed: "var(--bad)",
  queued: "var(--line-strong)",
  out: "var(--quiet-soft)",
};

export function partKind(state: string): PartKind {
  if (OK.includes(state)) return "ok";
  if (state === "probation") return "probation";
  if (state === "queued") return "queued";
  if (BACK.includes(state)) return "back";
  if (OUT.includes(state)) return "out";
  return WORKING.includes(state) ? "working" : "failed";
}

/** Counts by state or cause, gathered into the parts of a bar; `planned` devices without a count are queued. */
export function partsOf(counts: Record<string, number>, planned?: number): Part[] {
  const sums: Record<PartKind, number> = { ok: 0, probation: 0, working: 0, back: 0, failed: 0, queued: 0, out: 0 };
  for (const [state, count] of Object.entries(counts)) sums[partKind(state)] += count;
  const total = Object.values(sums).reduce((a, b) => a + b, 0);
  if (planned !== undefined && planned > total) sums.queued += planned - total;
  return (Object.keys(sums) as PartKind[])
    .map((kind) => ({ kind, label: LABELS[kind], count: sums[kind] }))
    .filter((part) => part.count > 0);
}

/** What failed, by cause, most frequent first. */
export function failuresOf(counts: Record<string, number>): [string, number][] {
  return Object.entries(counts)
    .filter(([state, count]) => partKind(state) === "failed" && count > 0)
    .sort((a, b) => b[1] - a[1]);
}
