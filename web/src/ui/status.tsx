// Status as shape, word and colour, so that none of them has to be seen alone.

import type { Presence } from "../api/connectivity";
import type { RolloutState } from "../api/rollouts";
import { words } from "./format";

export type Tone = "good" | "warn" | "bad" | "quiet" | "accent";

const SHAPES: Record<Tone, string> = {
  good: "M5 1a4 4 0 1 0 0 8 4 4 0 0 0 0-8Z",
  warn: "M5 0.8 9.6 9H0.4Z",
  bad: "M1 1h8v8H1Z",
  quiet: "M1 4h8v2H1Z",
  accent: "M5 0.5 9.5 5 5 9.5 0.5 5Z",
};

export function Status({ tone, text, title }: { tone: Tone; text: string; title?: string }) {
  return (
    <span class={`status tone-${tone}`} title={title}>
      <svg width="10" height="10" viewBox="0 0 10 10" aria-hidden="true">
        <path d={SHAPES[tone]} fill="currentColor" />
      </svg>
      {text}
    </span>
  );
}

const PRESENCE_TONE: Record<Presence, Tone> = { online: "good", late: "warn", offline: "bad", never_seen: "quiet" };

export function presenceTone(presence: Presence): Tone {
  return PRESENCE_TONE[presence];
}

export function PresenceStatus({ presence, reason }: { presence: Presence; reason?: string }) {
  return <Status tone={PRESENCE_TONE[presence]} text={words(presence)} title={reason} />;
}

const ROLLOUT_TONE: Record<RolloutState, Tone> = {
  draft: "quiet",
  awaiting_approval: "warn",
  scheduled: "quiet",
  running: "accent",
  paused: "warn",
  completed: "good",
  halted: "bad",
  rolling_back: "warn",
  rolled_back: "bad",
};

export function RolloutStatus({ state }: { state: RolloutState }) {
  return <Status tone={ROLLOUT_TONE[state]} text={words(state)} />;
}

/** The tone of a device's update: failures are bad, what has ended well is good, the rest is under way. */
export function updateTone(state: string): Tone {
  if (state === "succeeded" || state === "committed" || state === "already_installed") return "good";
  if (["queued", "idle", "cancelled", "superseded", "decommissioned", "left_out"].includes(state)) return "quiet";
  if (["rejected", "failed", "rolled_back", "rolling_back"].includes(state)) return "bad";
  return "accent";
}
