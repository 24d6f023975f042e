// The patch matrix as a grid: from the versions on the left to the versions on top. Pure.

import type { Patch, Release } from "../api/models";
import type { Tone } from "../ui/status";

/** More would not be read; older versions are rows of the API alone. */
export const MAX_VERSIONS = 12;

export interface Grid {
  versions: string[]; // newest first
  cell: (from: string, to: string) => Patch | undefined; // of the largest file
  files: (from: string, to: string) => Patch[]; // of every file, the largest first
}

/** The variants that at least two releases have, in the order in which they come up. */
export function patchableVariants(releases: Release[]): string[] {
  const counts = new Map<string, number>();
  for (const release of releases) for (const { name } of release.variants) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > 1).map(([name]) => name);
}

export function gridOf(releases: Release[], patches: Patch[], variant: string): Grid {
  const versions = releases.filter((release) => release.variants.some(({ name }) => name === variant)).map(({ version }) => version);
  const cells = new Map<string, Patch[]>();
  for (const patch of patches.filter((each) => each.variant === variant).sort((a, b) => b.full_size - a.full_size)) {
    const key = `${patch.from_version} ${patch.to_version}`;
    cells.set(key, [...(cells.get(key) ?? []), patch]);
  }
  const files = (from: string, to: string) => cells.get(`${from} ${to}`) ?? [];
  return { versions: versions.slice(0, MAX_VERSIONS), cell: (from, to) => files(from, to)[0], files };
}

/** Whether a patch may be asked for: from an older version to a newer one. */
export function leadsForward(grid: Grid, from: string, to: string): boolean {
  return grid.versions.indexOf(from) > grid.versions.indexOf(to);
}

export const PATCH_TONE: Record<Patch["state"], Tone> = { ready: "good", pending: "quiet", making: "accent", declined: "warn", failed: "bad", cancelled: "quiet" };

/** May be taken back: it is open, or will be tried again. */
export function isOpen(patch: Patch): boolean {
  return patch.state === "pending" || patch.state === "making" || (patch.state === "failed" && patch.will_retry);
}

/** What became of one codec: "Chosen", "Larger than bsdiff", or why it made no patch. */
export function trialOutcome(trial: Patch["trials"][number], patch: Patch): string {
  if (trial.failure !== null) return trial.failure;
  if (patch.state === "ready" && trial.codec === patch.codec) return "Chosen";
  return patch.state === "ready" ? `Larger than ${patch.codec}` : "Saves too little";
}

/** The place to go to from a cell by an arrow key; undefined at the edge and for other keys. */
export function step(key: string, row: number, column: number, size: number): [number, number] | undefined {
  const moves: Record<string, [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  const move = moves[key];
  if (!move) return undefined;
  let [r, c] = [row + move[0], column + move[1]];
  if (r === c) [r, c] = [r + move[0], c + move[1]]; // nothing leads from a version to itself
  return r >= 0 && c >= 0 && r < size && c < size ? [r, c] : undefined;
}
