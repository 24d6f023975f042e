// Alerts: what fires, its history, what is told of it, and silences.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call, path, query, type Page } from "./client";
import type { Delivery } from "./notifications";

export interface Alert {
  id: number;
  rule: string;
  severity: "warning" | "critical";
  device_id: string | null; // null: it is about a site or a rollout
  site: string | null;
  rollout_id: number | null;
  model: string;
  state: "pending" | "firing" | "resolved";
  value: number | null;
  threshold: number | null;
  message: string;
  opened_at: string;
  fired_at: string | null;
  resolved_at: string | null;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
  // Of the alerts' own screens; the overview leaves them out.
  rollout?: string | null; // its name
  group?: string; // "site/berlin": those that are told together
  acknowledgement?: string;
  inhibited_by?: number | null; // the alert that stands for it
  silenced_by?: number | null;
  flapping?: boolean;
  told_at?: string | null;
  escalations?: number;
  details?: { metric?: string; baseline_p95_ms?: number } | null; // with what decided
}

export interface AlertMoment {
  id: number;
  alert: number;
  rule: string;
  subject: string; // "device/cam-7"
  model: string;
  at: string;
  change: string;
  actor: string | null;
  reason: string;
}

export interface AlertWithHistory extends Alert {
  history: AlertMoment[];
  stands_for: number;
}

/** To whom it was told, newest first, or why to nobody. */
export interface AlertTelling {
  items: Delivery[];
  total: number;
  untold: { reason: "waits" | "pending" | "silenced" | "inhibited" | "held_back" | "no_route"; message: string } | null;
}

export interface AlertGroup {
  key: string;
  severity: "warning" | "critical" | null;
  firing: number;
  pending: number;
  resolved: number;
  inhibited: number;
  silenced: number;
  acknowledged: number;
  rules: string[];
  newest_at: string;
}

export interface Weekly {
  days: string[];
  from: string;
  to: string;
  time_zone: string;
}

export interface Silence {
  id: number;
  filter: string;
  rule: string;
  model: string;
  severity: string;
  starts_at: string;
  ends_at: string;
  weekly: Weekly | null;
  author: string;
  comment: string;
  created_at: string;
  changed_at: string;
  changed_by: string;
  ended_at: string | null;
  ended_by: string | null;
  in_effect: boolean;
}

export const useAlerts = (state: string, device: string) =>
  useQuery({
    queryKey: ["alerts", state, device],
    queryFn: () => call<Page<Alert>>(`/alerts${query({ state, device, limit: 200 })}`),
    placeholderData: keepPreviousData,
    refetchInterval: 15_000,
  });

export const useAlertGroups = (state: string, by: string) =>
  useQuery({
    queryKey: ["alerts", "groups", state, by],
    queryFn: () => call<{ items: AlertGroup[] }>(`/alerts/groups${query({ state, by })}`),
    placeholderData: keepPreviousData,
    refetchInterval: 15_000,
  });

export const useAlert = (id: string) => useQuery({ queryKey: ["alerts", "one", id], queryFn: () => call<AlertWithHistory>(`/alerts/${path(id)}`), refetchInterval: 15_000 });

/** To whom it was told; `allowed`: whoever looks may know. */
export const useTelling = (id: number, allowed: boolean) =>
  useQuery({ queryKey: ["deliveries", "of-alert", id], queryFn: () => call<AlertTelling>(`/alerts/${id}/deliveries`), refetchInterval: 5_000, enabled: allowed });

export const useAlertHistory = () =>
  useQuery({ queryKey: ["alerts", "history"], queryFn: () => call<Page<AlertMoment>>("/alerts/history?limit=200"), refetchInterval: 15_000 });

export const useSilences = (ended: boolean) =>
  useQuery({
    queryKey: ["alerts", "silences", ended],
    queryFn: () => call<Page<Silence>>(`/silences${query({ state: ended ? "ended" : "live", limit: 500 })}`),
    refetchInterval: 15_000,
  });
