// Rollouts: plan, waves, guards, devices and decisions.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call, path, query, type Page } from "./client";
import type { Withdrawal } from "./models";

export interface Wave {
  share: number;
  planned: number;
  counts: Record<string, number>;
  probation_too_few?: number;
  opened_at: string | null;
  bake_started_at: string | null;
  passed_at: string | null;
}

/** What devices measured of the release's metric before it served there. */
export interface ValidationNumbers {
  metric: string | null;
  threshold: number | null;
  higher_is_better: boolean;
  missed: number;
  measured: number;
  smallest: number | null;
  median: number | null;
  largest: number | null;
  histogram: { from: number; to: number; devices: number }[];
}

/** What a guard says. Changes are + for harm: logarithms where the scale is a ratio, else differences. */
export interface Guard {
  metric: string;
  mode: "automatic" | "required" | "advisory";
  scale: "ratio" | "difference";
  worse: "higher" | "lower";
  verdict: "pass" | "fail" | "waiting" | "unknown" | "skipped";
  estimate: number | null; // of the canary's change over that of the controls; null before the first look
  lower: number | null; // one-sided bounds
  upper: number | null;
  rollback_margin: number;
  promotion_margin: number;
  canaries: number; // compared
  controls: number;
  unmeasured: number; // canaries with too little to compare yet
  first_installs: number; // of the canaries
  canary: number | null; // medians, in the metric's unit
  control: number | null;
  before: number | null;
  look: number;
  wave: number;
  at: string | null;
  final: boolean;
  by_permutation: boolean;
  driven_by: string | null; // the class of hardware that fails by itself
  missing_canaries: number | null; // about so many more would bring a pass
  message: string;
}

/** What one guard can find out in the first wave, told before the start. */
export interface GuardReach {
  metric: string;
  mode: "automatic" | "required" | "advisory";
  scale: "ratio" | "difference";
  worse: "higher" | "lower";
  measurable: boolean; // somebody reported it on a release before
  reported_by: number;
  can_fail: boolean;
  can_pass: boolean;
  needed: number | null; // the fewest canaries that can do both
  visible: number | null; // harm seen within a day; of ratios the logarithm
  looks: { number: number; after_s: number; alpha: number; least_p: number; can_fail: boolean; can_pass: boolean }[];
  message: string;
}

export interface Reach {
  canaries: number;
  controls: number;
  widened_from: number | null;
  classes: { class: string; devices: number; canaries: number }[];
  looked_at: number;
  summary: string;
  guards: GuardReach[];
}

/** What a rollout would be, that was not made. */
export interface RolloutPreview {
  devices: number;
  away: number;
  unexamined: number;
  waves: { share: number; planned: number; classes: Record<string, number> }[];
  variants: { name: string; suits: number; takes: number; unsuited: { devices: number; message: string }[] }[];
  reach: Reach | null;
  refused: string | null;
  download: { bytes: number; full_bytes: number; by_patch: { devices: number; bytes: number }; whole: { devices: number; bytes: number }; in_other_slot: number; patches_to_make: number };
  left_out: { reason: string; devices: number; message: string }[];
  warnings: string[];
}

export type RolloutState = "draft" | "awaiting_approval" | "scheduled" | "running" | "paused" | "completed" | "halted" | "rolling_back" | "rolled_back";
export type RolloutAction = "start" | "approve" | "refuse" | "cancel" | "pause" | "resume" | "promote" | "retry" | "halt" | "rollback" | "assign" | "unassign";

export interface Rollout {
  id: number;
  name: string;
  model: string;
  version: string;
  filter: string;
  policy: Record<string, unknown>;
  state: RolloutState;
  reason: string;
  withdrawn: Withdrawal | null; // its release was: it can only be stopped
  warnings?: string[]; // what went wrong in earlier rollouts of its release; not of the list
  fault: string | null; // why it can only be stopped: what is stored of it cannot be read
  wave: number;
  etag: string;
  created_by: string;
  approved_by: string | null;
  created_at: string;
  start_at: string | null; // not before
  started_at: string | null;
  ended_at: string | null;
  standing?: boolean; // it stands, or will once it has completed
  stands_since?: string | null;
  newcomers?: number; // devices that joined while it stood
  notes?: string[]; // what else stands for devices of its model; not of the list
  promote_all: boolean; // the waves that are left open without their bakes
  counts: Record<string, number>;
  waves: Wave[];
  planning: { done: number; total: number | null } | null; // while its devices are being planned
  guards?: Guard[]; // of one rollout, not of the list
  reach?: Reach | null; // what its canary can find out; not of the list
  gate?: string | null; // what the open wave waits for
  bytes: { sent: number; full: number };
  allowed: Record<RolloutAction, true | string>;
}

/** Of inputs that a device asked both versions. */
export interface ShadowCounts {
  samples: number;
  unanswered: number;
  agreed: number;
  labelled: number;
  old_right: number;
  new_right: number;
  both_right: number;
}

export interface RolloutDevice {
  device: string;
  wave: number;
  state: string;
  cause: string | null;
  message: string;
  attempt: number;
  source: string | null;
  bytes: number | null;
  full_bytes: number | null;
  numbers: Record<string, number>;
  notified_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  retry_at: string | null; // when it tries again by itself
  resting_until: string | null; // it failed again and again, and is told no sooner
  shadow: ShadowCounts | null; // of its shadow run
  joined_at?: string | null; // while the rollout stood
}

/** What a rollout has to say of a device. */
export interface Assignment {
  model: string;
  version: string; // of the rollout
  rollout: number;
  rollout_name: string;
  stands: boolean;
  told_version: string | null; // none: it told nothing
  told_at: string | null;
  state: string | null;
  cause: string | null;
  message: string;
  joined_at: string | null;
  resting_until: string | null;
  why: string;
}

/** What withdrawing or recalling a release came to. */
export interface Recall {
  model: string;
  version: string;
  withdrawn: Withdrawal;
  running: { devices: number; filter: string };
  rollouts: { id: number; name: string; state: RolloutState; did: string; going_back: number }[];
  helpless?: { devices: number; first: string[] }; // of a recall: devices that keep it
}

export interface Decision {
  id: number;
  at: string;
  actor: string;
  rule: string;
  decision: string;
  message: string;
  inputs: Record<string, unknown>;
}

/** Why it runs what it runs. */
export const useAssignments = (id: string) =>
  useQuery({ queryKey: ["device", id, "assignments"], queryFn: () => call<{ items: Assignment[] }>(`/devices/${path(id)}/assignments`) });

export const useRollouts = () =>
  useQuery({ queryKey: ["rollouts"], queryFn: () => call<Page<Rollout>>("/rollouts?limit=100"), refetchInterval: 15_000 });

export const useRollout = (id: string) =>
  useQuery({ queryKey: ["rollout", id], queryFn: () => call<Rollout>(`/rollouts/${path(id)}`), refetchInterval: (query) => (query.state.data?.planning ? 1000 : 5000) });

export const useDecisions = (id: string) =>
  useQuery({ queryKey: ["rollout", id, "decisions"], queryFn: () => call<Page<Decision>>(`/rollouts/${path(id)}/decisions?limit=200`) });

export const useValidationNumbers = (id: string) =>
  useQuery({ queryKey: ["rollout", id, "validation"], queryFn: () => call<ValidationNumbers>(`/rollouts/${path(id)}/validation`), staleTime: 10_000 });

export const useRolloutDevices = (id: string, state: string) =>
  useQuery({
    queryKey: ["rollout", id, "devices", state],
    queryFn: () => call<Page<RolloutDevice>>(`/rollouts/${path(id)}/devices${query({ state, limit: 200 })}`),
    placeholderData: keepPreviousData,
  });
