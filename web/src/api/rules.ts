// Rules of alerts, and what they do.

import { useQuery } from "@tanstack/react-query";
import { call, path, type Page } from "./client";

export type Severity = "info" | "warning" | "critical";

export type RuleCondition =
  | { kind: "above" | "below"; at: number; clear_at: number }
  | { kind: "against_usual"; direction?: "above" | "below"; ratio: number; z: number; clear_ratio: number; least_change?: number }
  | { kind: "trend"; reaches: number; within_h: number }
  | { kind: "by_judge" };

/** What a person says of a rule. */
export interface RuleWish {
  name: string;
  title: string;
  enabled: boolean;
  filter: string;
  model: string;
  metric: string;
  condition: RuleCondition;
  for_s: number;
  severity: Severity;
  route: string;
  reactions: RuleReaction[];
}

export type ReactionKind = "pause_rollouts" | "roll_back" | "diagnostics";

export interface RuleReaction {
  do: ReactionKind;
  most_per_hour: number;
}

export type RuleSubject = "model" | "device" | "site" | "rollout";

/** What a rule did for one alert. */
export interface Reaction {
  id: number;
  alert: number;
  alert_message: string;
  rule: string;
  rule_version: number;
  do: ReactionKind;
  device_id: string | null;
  site: string | null;
  model: string;
  state: "waiting" | "done" | "left" | "failed";
  outcome: string;
  details: Record<string, unknown>;
  follow_up: string | null;
  attempts: number;
  created_at: string;
  ended_at: string | null;
}

export interface Rule extends RuleWish {
  subject: RuleSubject;
  judge: "engine" | "latency" | "certificates" | "own";
  version: number;
  shipped: boolean;
  changed: boolean;
  sentence: string;
  unit: string;
  updated_at: string;
  updated_by: string | null;
  pending: number;
  firing: number;
}

export interface RuleVersion {
  version: number;
  what: "shipped" | "created" | "changed" | "reset" | "deleted";
  changed_at: string;
  changed_by: string | null;
  rule: RuleWish;
}

export interface RulePreview {
  from: string;
  to: string;
  devices: number;
  looked: number;
  is_sample: boolean;
  figures: number;
  fired: number;
  fired_devices: number;
  items: { device_id: string; model: string; fired: number; firing_s: number; episodes: { from: string; to: string | null; value: number }[] }[];
}

export const useRules = () => useQuery({ queryKey: ["rules"], queryFn: () => call<{ items: Rule[] }>("/rules"), refetchInterval: 15_000 });

/** Of one rule, or to one alert; the newest first. */
export const useReactions = (of: { rule: string } | { alert: number }) => {
  const query = "rule" in of ? `rule=${path(of.rule)}` : `alert=${of.alert}`;
  return useQuery({ queryKey: ["reactions", query], queryFn: () => call<Page<Reaction>>(`/reactions?limit=20&${query}`), refetchInterval: 15_000 });
};

export const useRuleVersions = (name: string) => useQuery({ queryKey: ["rules", name, "versions"], queryFn: () => call<{ items: RuleVersion[] }>(`/rules/${path(name)}/versions`) });
