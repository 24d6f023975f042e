// The parts of a rollout's bar: what its devices are doing, in the order in which an update proceeds. Pure.

export type PartKind = "ok" | "probation" | "working" | "failed" | "queued";

export interface Part {
  kind: PartKind;
  label: string;
  count: number;
}

const WORKING = ["notified", "downloading", "patching", "verifying", "validating", "activating"];
const OK = ["succeeded", "already_installed"];
const LABELS: Record<PartKind, string> = {
  ok: "Updated",
  probation: "Probation",
  working: "In progress",
  failed: "Failed",
  queued: "Queued",
};
export const PART_COLOURS: Record<PartKind, string> = {
  ok: "var(--good)",
  probation: "var(--accent)",
  working: "color-mix(in srgb, var(--accent) 45%, var(--surface))",
  failed: "var(--bad)",
  queued: "var(--line-strong)",
};

export function partKind(state: string): PartKind {
  if (OK.includes(state)) return "ok";
  if (state === "probation") return "probation";
  if (state === "queued") return "queued";
  return WORKING.includes(state) ? "working" : "failed";
}

/** Counts by state or cause, gathered into the parts of a bar; `planned` devices without a count are queued. */
export function partsOf(counts: Record<string, number>, planned?: number): Part[] {
  const sums: Record<PartKind, number> = { ok: 0, probation: 0, working: 0, failed: 0, queued: 0 };
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
