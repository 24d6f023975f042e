// What the screens read, by resource. Keys match what the live stream invalidates (live.ts).

import { QueryClient, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { ApiError, call, query } from "./client";
import type { Alert, Decision, Device, FleetEvent, Me, Page, Rollout, RolloutDevice, Series } from "./types";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 1000,
      retry: (count, error) => count < 3 && !(error instanceof ApiError && error.status < 500),
      refetchOnWindowFocus: true,
    },
  },
});

export interface WorstDevice {
  device_id: string;
  model?: string;
  version?: string;
  value: number;
  feature?: string;
}

export interface Overview {
  verdict: string;
  presence: Record<"online" | "late" | "offline" | "never_seen", number>;
  models: { model: string; versions: { version: string | null; devices: number }[] }[];
  rollouts: Pick<Rollout, "id" | "name" | "model" | "version" | "state" | "counts">[];
  alerts: { firing: number; items: Alert[] };
  worst: { latency: WorstDevice[]; accuracy: WorstDevice[]; drift: WorstDevice[] };
  windows_last_minute: number;
  updated_at: string;
}

export interface DriftFeature {
  model: string;
  version: string;
  feature: string;
  psi: number;
  samples: number;
  drifted: boolean;
  since: string;
  edges: number[];
  reference: number[];
  present: number[];
}

export const useMe = () => useQuery({ queryKey: ["me"], queryFn: () => call<Me>("/me"), retry: false, staleTime: Infinity });

export const useOverview = () =>
  useQuery({ queryKey: ["overview"], queryFn: () => call<Overview>("/overview"), refetchInterval: 10_000 });

export const useDevices = (filter: string, limit = 100) =>
  useInfiniteQuery({
    queryKey: ["devices", filter, limit],
    queryFn: ({ pageParam }) => call<Page<Device>>(`/devices${query({ filter, limit, cursor: pageParam })}`),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: (before) => before,
  });

export const useDevice = (id: string) =>
  useQuery({ queryKey: ["device", id], queryFn: () => call<Device>(`/devices/${encodeURIComponent(id)}`) });

export const useSeries = (id: string, model: string | undefined, rangeS: number) =>
  useQuery({
    queryKey: ["device", id, "series", model, rangeS],
    queryFn: () => {
      const to = new Date();
      const from = new Date(to.getTime() - rangeS * 1000);
      return call<Series>(
        `/devices/${encodeURIComponent(id)}/series${query({ from: from.toISOString(), to: to.toISOString(), points: 400, model })}`,
      );
    },
    placeholderData: (before) => before,
    refetchInterval: 5000,
  });

export const useDrift = (id: string) =>
  useQuery({
    queryKey: ["device", id, "drift"],
    queryFn: () => call<{ items: DriftFeature[] }>(`/devices/${encodeURIComponent(id)}/drift`),
  });

export const useDeviceEvents = (id: string) =>
  useQuery({
    queryKey: ["device", id, "events"],
    queryFn: () => call<Page<FleetEvent>>(`/devices/${encodeURIComponent(id)}/events?limit=50`),
  });

export const useRollouts = () =>
  useQuery({ queryKey: ["rollouts"], queryFn: () => call<Page<Rollout>>("/rollouts?limit=100"), refetchInterval: 15_000 });

export const useRollout = (id: string) =>
  useQuery({ queryKey: ["rollout", id], queryFn: () => call<Rollout>(`/rollouts/${id}`), refetchInterval: 5000 });

export const useDecisions = (id: string) =>
  useQuery({ queryKey: ["rollout", id, "decisions"], queryFn: () => call<Page<Decision>>(`/rollouts/${id}/decisions?limit=200`) });

export const useRolloutDevices = (id: string) =>
  useQuery({
    queryKey: ["rollout", id, "devices"],
    queryFn: () => call<Page<RolloutDevice>>(`/rollouts/${id}/devices?limit=200`),
  });

export const useAlerts = (state: string) =>
  useQuery({
    queryKey: ["alerts", state],
    queryFn: () => call<Page<Alert>>(`/alerts${query({ state, limit: 200 })}`),
    refetchInterval: 15_000,
  });

export interface Release {
  version: string;
  created_at: string;
  notes: string;
}

export const useModels = () =>
  useQuery({ queryKey: ["models"], queryFn: () => call<Page<{ name: string }>>("/models?limit=200") });

export const useReleases = (model: string) =>
  useQuery({
    queryKey: ["releases", model],
    queryFn: () => call<Page<Release>>(`/models/${encodeURIComponent(model)}/releases?limit=200`),
    enabled: model !== "",
  });
