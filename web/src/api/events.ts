// What happened, as the journal tells it.

import { useQuery } from "@tanstack/react-query";
import { call, path, type Page } from "./client";

export interface FleetEvent {
  id: number;
  at: string;
  kind: string;
  severity: "info" | "warning" | "critical";
  device_id: string | null;
  rollout_id: number | null;
  model: string | null;
  message: string;
  details: Record<string, unknown>;
}

export const useDeviceEvents = (id: string) =>
  useQuery({ queryKey: ["device", id, "events"], queryFn: () => call<Page<FleetEvent>>(`/devices/${path(id)}/events?limit=50`) });
