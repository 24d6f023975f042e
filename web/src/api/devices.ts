// Devices: what they are and run, how they come in, what they are asked, and what is not taken from them.

import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { call, path, query, type Page } from "./client";
import type { Presence, PresenceCause } from "./connectivity";

export interface Slot {
  slot: string;
  role: "serving" | "previous" | "staging" | "empty";
  version: string;
  digest: string;
  size: number;
}

export interface Update {
  rollout: number;
  version: string;
  state: string;
  progress: number;
  source: string;
  bytes: number;
  full_bytes: number;
  cause: string;
  message: string;
  metric_value?: number;
  metric_threshold?: number;
  serving_value?: number;
  serving_p95_ms?: number;
  latency_p95_ms?: number;
  baseline_p95_ms?: number;
  peak_memory_mb?: number;
  samples?: number;
}

export interface DeviceModel {
  model: string;
  version: string | null;
  digest: string | null;
  previous_version: string | null;
  update_state: string;
  update_version: string | null;
  slots?: Slot[];
  update?: Update | null;
}

export interface Device {
  id: string;
  hardware_class: string;
  labels: Record<string, string>;
  capabilities: Record<string, unknown>;
  agent_version: string | null;
  presence: Presence;
  presence_since: string;
  presence_cause: PresenceCause;
  presence_reason: string;
  intermittent: boolean; // it goes and comes too often
  last_seen_at: string | null;
  enrolled_at: string;
  revoked_at: string | null;
  certificate_not_after: string | null;
  health: Record<string, number>;
  health_at: string | null;
  readings_fault?: string | null;
  conditions?: { kind: string; message: string }[]; // what is not as it should be with the device itself
  suggested?: { hardware_class?: string; because?: string; labels: Record<string, string | null> } | null; // by its own configuration
  replacement?: Replacement | null; // another board that asks for its place
  models: DeviceModel[];
  drifted: string[];
  open_alerts: number;
}

export interface InventoryField {
  field: string; // capabilities.board
  values: { value: string; devices: number }[]; // those that most devices have
  different: number;
}

export interface Replacement {
  device_id: string;
  state: "asking" | "accepted" | "turned_down";
  key: string;
  hardware_class: string;
  board: string | null; // as it says itself
  address: string;
  claim: number;
  asked_at: string;
  last_asked_at: string;
  settled_at: string | null;
  settled_by: string | null;
}

/** What a device sent and the server does not take, one row a kind of message. */
export interface QuarantineRow {
  kind: "state" | "report" | "telemetry" | "event" | "rate" | "allowance";
  reason: string;
  count: number;
  first_at: string;
  last_at: string;
  ended_at: string | null;
  retry_at: string | null;
}

export interface Claim {
  id: number;
  hardware_class: string | null;
  labels: Record<string, string>;
  max_uses: number;
  uses: number;
  expires_at: string;
  created_by: string;
  created_at: string;
  revoked_at: string | null;
}

export interface DeviceDiagnostics {
  id: number;
  device_id: string;
  asked_at: string;
  asked_by: string;
  reason: string;
  state: "waiting" | "answered" | "unanswered";
  answered_at: string | null;
  bytes: number;
  document?: unknown;
}

export const useDevices = (filter: string, limit = 100) =>
  useInfiniteQuery({
    queryKey: ["devices", filter, limit],
    queryFn: ({ pageParam, signal }) => call<Page<Device>>(`/devices${query({ filter, limit, cursor: pageParam })}`, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });

export const useInventory = () => useQuery({ queryKey: ["inventory"], queryFn: () => call<{ items: InventoryField[] }>("/inventory"), staleTime: 60_000 });
export const useReplacements = () => useQuery({ queryKey: ["replacements"], queryFn: () => call<Page<Replacement>>("/replacements"), refetchInterval: 60_000 });

/** How many devices match; asked once `enabled`, so that more important answers come first. */
export const useDeviceCount = (filter: string, enabled = true) =>
  useQuery({
    queryKey: ["device-count", filter],
    queryFn: ({ signal }) => call<Page<Device>>(`/devices${query({ filter, limit: 1 })}`, { signal }).then((page) => page.total ?? 0),
    staleTime: 10_000,
    retry: false,
    enabled,
  });

export const useDevice = (id: string) => useQuery({ queryKey: ["device", id], queryFn: () => call<Device>(`/devices/${path(id)}`) });

export const useQuarantine = (id: string) =>
  useQuery({ queryKey: ["device", id, "quarantine"], queryFn: () => call<{ items: QuarantineRow[] }>(`/devices/${path(id)}/quarantine`), staleTime: 15_000 });

export const useDiagnostics = (device: string) => useQuery({ queryKey: ["devices", device, "diagnostics"], queryFn: () => call<{ items: DeviceDiagnostics[] }>(`/devices/${path(device)}/diagnostics`), refetchInterval: 5_000 });
export const useClaims = () => useQuery({ queryKey: ["claims"], queryFn: () => call<Page<Claim>>("/claims") });
