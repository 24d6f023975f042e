// Routes by which people and systems are told, and what went through them.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call, query, type Page } from "./client";

export type TargetKind = "webhook" | "email" | "slack" | "teams" | "pagerduty" | "alertmanager";

export interface NoticeTarget {
  kind: TargetKind;
  url?: string;
  host?: string; // the mail server; of Slack and Teams all that is shown of the address
  port?: number;
  tls?: "starttls" | "implicit" | "none";
  user?: string | null;
  from?: string;
  to?: string[];
}

export interface NoticeRoute {
  id: number;
  name: string;
  enabled: boolean;
  kinds: string[];
  least_severity: "info" | "warning" | "critical";
  filter: string | null;
  model: string | null;
  rollout_id: number | null;
  group_by: string[];
  group_wait_s: number;
  target: NoticeTarget;
  version: number;
  created_by: string;
  created_at: string;
  updated_at: string;
  rests_until: string | null;
  last_error: string | null;
  waiting: number;
}

export type DeliveryState = "waiting" | "delivered" | "given_up";

export interface Delivery {
  id: number;
  key: string;
  route_id: number;
  route: string;
  state: DeliveryState;
  severity: string;
  title: string;
  event_count: number;
  test: boolean;
  attempts: number;
  created_at: string;
  due_at: string | null;
  ended_at: string | null;
  last_error: string | null;
  kinds?: string[]; // asked for one alert: what it tells of that
}

/** What a route would have told of the last days. */
export interface RoutePreview {
  from: string;
  to: string;
  is_cut: boolean;
  events: number;
  messages: number;
  kinds: Record<string, number>;
  newest: { at: string; kind: string; severity: string; message: string }[];
}

export interface DeliveryInFull extends Delivery {
  events: { id: number; at: string; kind: string; message: string; details: { alert?: number } | null }[];
  log: { at: string; took_ms: number; delivered: boolean; status: number | null; answer: string | null; error: string | null }[];
}

export const useRoutes = () => useQuery({ queryKey: ["routes"], queryFn: () => call<Page<NoticeRoute>>("/routes"), refetchInterval: 15_000 });

export const useDeliveries = (alert: string, state: string) =>
  useQuery({
    queryKey: ["deliveries", "list", alert, state],
    queryFn: () => call<Page<Delivery>>(`/deliveries${query({ alert, state, limit: 100 })}`),
    placeholderData: keepPreviousData,
    refetchInterval: 5_000,
  });

/** Asked again each second while `isOpen` says so of what is known. */
export const useDelivery = (id: number, isOpen: (known?: DeliveryInFull) => boolean = () => false) =>
  useQuery({
    queryKey: ["deliveries", id],
    queryFn: () => call<DeliveryInFull>(`/deliveries/${id}`),
    refetchInterval: ({ state }) => (isOpen(state.data) ? 1000 : false),
  });
