// Whether devices are there: each one's time line, and the fleet's by site.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call, path, query } from "./client";

export type Presence = "online" | "late" | "offline" | "never_seen";
export type PresenceCause = "never_seen" | "heard" | "beats_missed" | "connection_broke" | "said_goodbye" | "restart_grace";
export type TimelineState = "online" | "late" | "offline" | "unsettled" | "unknown";

export interface PresenceSpan {
  from: string;
  to: string;
  state: TimelineState;
  cause: PresenceCause | null;
  reason: string;
  changes: number;
  online_s: number;
}

export interface PresenceTimeline {
  device: string;
  from: string;
  to: string;
  presence: Presence;
  intermittent: boolean;
  availability: number | null; // null: nothing was expected
  online_s: number;
  expected_s: number;
  unknown_s: number; // nobody watched
  spans: PresenceSpan[];
}

interface AvailabilityCounts {
  devices: number; // that were ever seen
  online: number; // or late
  offline: number;
  availability: number | null;
  lost_s: number; // device time
}

export interface SiteAvailability extends AvailabilityCounts {
  site: string | null; // null: those without one
  hours: (number | null)[];
  alert: number | null; // that it has gone dark
}

export interface Connectivity {
  label: string; // whose value is a device's site
  from: string;
  to: string;
  hours: string[];
  fleet: AvailabilityCounts & { hours: (number | null)[] };
  sites: SiteAvailability[]; // the least available first
  others: (AvailabilityCounts & { sites: number }) | null;
  intermittent: { devices: number; items: { id: string; presence: Presence; site: string | null }[] };
}

const lastSeconds = (rangeS: number) => ({ from: new Date(Date.now() - rangeS * 1000).toISOString() });

export const usePresence = (id: string, rangeS: number) =>
  useQuery({
    queryKey: ["device", id, "presence", rangeS],
    queryFn: ({ signal }) => call<PresenceTimeline>(`/devices/${path(id)}/presence${query(lastSeconds(rangeS))}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 30_000,
  });

export const useConnectivity = (rangeS: number) =>
  useQuery({
    queryKey: ["connectivity", rangeS],
    queryFn: ({ signal }) => call<Connectivity>(`/connectivity${query(lastSeconds(rangeS))}`, { signal }),
    placeholderData: keepPreviousData,
    refetchInterval: 15_000,
  });
