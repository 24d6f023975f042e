// What the screens read, by resource. Keys match what the live stream invalidates (live.ts).

import { QueryCache, QueryClient, keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { ApiError, call, query } from "./client";
import { markFresh } from "./freshness";
import type { Alert, AlertGroup, AlertMoment, AlertTelling, AlertWithHistory, Assignment, AuditEntry, Claim, Connectivity, Decision, Delivery, DeliveryInFull, Device, DeviceDiagnostics, DeviceDrift, Draft, FacetCounts, FieldAccuracy, FleetEvent, GroupedSeries, InventoryField, LabelStatus, Me, Model, NoticeRoute, Overview, Page, Patch, PresenceTimeline, QuarantineRow, Reaction, Release, Replacement, Rollout, RolloutDevice, Rule, RuleVersion, Series, Silence, TelemetryEpoch, Token, User, ValidationNumbers, WorstDevices } from "./types";

export const queryClient = new QueryClient({
  queryCache: new QueryCache({
    onSuccess: () => markFresh(),
    // A session that has ended shows the way in, from whatever screen notices it first.
    onError: (error, failed) => {
      if (error instanceof ApiError && error.status === 401 && failed.queryKey[0] !== "me") void queryClient.resetQueries({ queryKey: ["me"] });
    },
  }),
  defaultOptions: {
    queries: {
      staleTime: 1000,
      retry: (count, error) => count < 3 && !(error instanceof ApiError && error.status < 500),
      refetchOnWindowFocus: true,
    },
  },
});

const path = encodeURIComponent;

export const useMe = () => useQuery({ queryKey: ["me"], queryFn: () => call<Me>("/me"), retry: false, staleTime: Infinity });

export const useOverview = () => useQuery({ queryKey: ["overview"], queryFn: () => call<Overview>("/overview"), refetchInterval: 10_000 });

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

export const useSeries = (id: string, model: string | undefined, rangeS: number) =>
  useQuery({
    queryKey: ["device", id, "series", model, rangeS],
    queryFn: ({ signal }) => {
      const to = new Date();
      const from = new Date(to.getTime() - rangeS * 1000);
      return call<Series>(`/devices/${path(id)}/series${query({ from: from.toISOString(), to: to.toISOString(), points: 400, model })}`, { signal });
    },
    placeholderData: keepPreviousData,
    refetchInterval: 5000,
  });

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

/** What a question to telemetry asks, behind its question mark; the range ends now. */
export type TelemetryQuestion = Record<string, string | number | undefined>;
const untilNow = (rangeS: number) => {
  const to = new Date();
  return { from: new Date(to.getTime() - rangeS * 1000).toISOString(), to: to.toISOString() };
};

export const useGroupedSeries = (question: TelemetryQuestion, rangeS: number) =>
  useQuery({
    queryKey: ["telemetry", "series", question, rangeS],
    queryFn: ({ signal }) => call<GroupedSeries>(`/telemetry/series${query({ ...question, ...untilNow(rangeS) })}`, { signal }),
    placeholderData: keepPreviousData,
    staleTime: 15_000,
  });

export const useWorst = (question: TelemetryQuestion, rangeS: number) =>
  useQuery({
    queryKey: ["telemetry", "worst", question, rangeS],
    queryFn: ({ signal }) => call<WorstDevices>(`/telemetry/worst${query({ ...question, ...untilNow(rangeS) })}`, { signal }),
    placeholderData: keepPreviousData,
    staleTime: 15_000,
  });

export const useFieldAccuracy = (model: string, rangeS: number) =>
  useQuery({
    queryKey: ["telemetry", "accuracy", model, rangeS],
    queryFn: ({ signal }) => call<FieldAccuracy>(`/telemetry/accuracy${query({ model, ...untilNow(rangeS) })}`, { signal }),
    staleTime: 300_000,
  });

export const useLabelStatus = (device: string) =>
  useQuery({ queryKey: ["device", device, "labels"], queryFn: () => call<LabelStatus>(`/labels/status${query({ device })}`), staleTime: 10_000 });

export const useFacets = (filter: string) =>
  useQuery({
    queryKey: ["telemetry", "facets", filter],
    queryFn: ({ signal }) => call<FacetCounts>(`/telemetry/facets${query({ filter })}`, { signal }),
    placeholderData: keepPreviousData,
    staleTime: 15_000,
  });

export const exportPath = (question: TelemetryQuestion, rangeS: number) => `/telemetry/export${query({ ...question, ...untilNow(rangeS) })}`;

export const useDrift = (id: string) =>
  useQuery({ queryKey: ["device", id, "drift"], queryFn: () => call<DeviceDrift>(`/devices/${path(id)}/drift`) });

export const useDeviceEvents = (id: string) =>
  useQuery({ queryKey: ["device", id, "events"], queryFn: () => call<Page<FleetEvent>>(`/devices/${path(id)}/events?limit=50`) });

export const useIntegrity = (id: string) =>
  useQuery({ queryKey: ["integrity", id], queryFn: () => call<{ items: TelemetryEpoch[] }>(`/devices/${path(id)}/telemetry-integrity`), staleTime: 30_000 });

export const useQuarantine = (id: string) =>
  useQuery({ queryKey: ["device", id, "quarantine"], queryFn: () => call<{ items: QuarantineRow[] }>(`/devices/${path(id)}/quarantine`), staleTime: 15_000 });

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

/** The series of a device around a time that is over. */
export const useSeriesAround = (id: string, model: string | undefined, from: string, to: string, enabled: boolean) =>
  useQuery({
    queryKey: ["device", id, "series-around", model, from, to],
    queryFn: ({ signal }) => call<Series>(`/devices/${path(id)}/series${query({ from, to, points: 200, model })}`, { signal }),
    staleTime: 60_000,
    enabled,
  });

export const useRules = () => useQuery({ queryKey: ["rules"], queryFn: () => call<{ items: Rule[] }>("/rules"), refetchInterval: 15_000 });
/** Of one rule, or to one alert; the newest first. */
export const useReactions = (of: { rule: string } | { alert: number }) => {
  const query = "rule" in of ? `rule=${path(of.rule)}` : `alert=${of.alert}`;
  return useQuery({ queryKey: ["reactions", query], queryFn: () => call<Page<Reaction>>(`/reactions?limit=20&${query}`), refetchInterval: 15_000 });
};
export const useDiagnostics = (device: string) => useQuery({ queryKey: ["devices", device, "diagnostics"], queryFn: () => call<{ items: DeviceDiagnostics[] }>(`/devices/${path(device)}/diagnostics`), refetchInterval: 5_000 });
export const useRuleVersions = (name: string) => useQuery({ queryKey: ["rules", name, "versions"], queryFn: () => call<{ items: RuleVersion[] }>(`/rules/${path(name)}/versions`) });

export const useModels = () => useQuery({ queryKey: ["models"], queryFn: () => call<Page<Model>>("/models?limit=200") });

export const useReleases = (model: string) =>
  useQuery({
    queryKey: ["models", model, "releases"],
    queryFn: () => call<Page<Release>>(`/models/${path(model)}/releases?limit=200`),
    enabled: model !== "",
  });

export const useDrafts = (model: string) =>
  useQuery({ queryKey: ["models", model, "drafts"], queryFn: () => call<Page<Draft>>(`/models/${path(model)}/drafts`), refetchInterval: 15_000, enabled: model !== "" });

export const usePatches = (model: string) =>
  useQuery({ queryKey: ["models", model, "patches"], queryFn: () => call<Page<Patch>>(`/models/${path(model)}/patches`) });

export const useClaims = () => useQuery({ queryKey: ["claims"], queryFn: () => call<Page<Claim>>("/claims") });
export const useTokens = () => useQuery({ queryKey: ["tokens"], queryFn: () => call<Page<Token>>("/tokens") });
export const useUsers = () => useQuery({ queryKey: ["users"], queryFn: () => call<Page<User>>("/users") });
export const useAudit = () => useQuery({ queryKey: ["audit"], queryFn: () => call<Page<AuditEntry>>("/audit?limit=100"), refetchInterval: 15_000 });

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
