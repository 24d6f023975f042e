// What a screen says of a rollout that stands. Pure.

import type { Rollout } from "../api/rollouts";
import { ago, plural } from "../ui/format";

/** A sentence, or nothing when it does not stand, nor will. */
export function standingText({ standing, stands_since, newcomers }: Pick<Rollout, "standing" | "stands_since" | "newcomers">): string {
  if (stands_since) {
    const since = ago(stands_since);
    const joined = newcomers ? `${plural(newcomers, "device")} joined since.` : "Nobody has come yet.";
    return `It stands, assigned ${since}: devices that enrol later, or come to match its filter, get the release. ${joined}`;
  }
  return standing ? "It stands once it has completed: devices that come later get the release." : "";
}
