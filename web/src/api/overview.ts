// The fleet at one look.

import { useQuery } from "@tanstack/react-query";
import type { Alert } from "./alerts";
import { call } from "./client";
import type { Presence } from "./connectivity";
import type { RolloutState } from "./rollouts";

export interface WorstDevice {
  device_id: string;
  model: string;
  version: string;
  value: number;
  usual: number | null; // its own usual p95, or the release's threshold
  lower?: number; // of accuracy, the 95 % interval
  upper?: number;
  feature?: string;
}

export interface ActiveRollout {
  id: number;
  name: string;
  model: string;
  version: string;
  state: RolloutState;
  reason: string;
  wave: number;
  waves: number;
  planned: number;
  counts: Record<string, number>;
  started_at: string | null;
}

export interface Overview {
  verdict: string;
  presence: Record<Presence | "total", number> | null; // null, here and below: not available now
  models: { model: string; versions: { version: string | null; devices: number }[] }[] | null;
  rollouts: ActiveRollout[] | null;
  alerts: { firing: number; by_rule: Record<string, number>; items: Alert[] } | null;
  worst: { latency: WorstDevice[] | null; accuracy: WorstDevice[] | null; drift: WorstDevice[] | null };
  windows_last_minute: number | null;
  unavailable: Record<string, string>; // panel -> why
  updated_at: string;
}

export const useOverview = () => useQuery({ queryKey: ["overview"], queryFn: () => call<Overview>("/overview"), refetchInterval: 10_000 });
