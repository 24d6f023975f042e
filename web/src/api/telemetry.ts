// Windows as series, groups and worst lists, and whether all of them came.

import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { call, path, query } from "./client";

type Column = (number | null)[];

export interface Series {
  model: string;
  t: number[];
  step_s: number;
  latency: { p50: Column; p95: Column; p99: Column; min: Column; max: Column };
  throughput_hz: Column;
  error_rate: Column;
  accuracy: Column; // of labels at inference and of those that came later
  accuracy_lower: Column; // Wilson's 95 % interval, as the others
  accuracy_upper: Column;
  labelled: Column;
  labelled_later: Column; // of labelled
  label_delay_s: Column; // the mean of those
  estimated_accuracy: Column; // without labels, by confidence
  estimated_accuracy_lower: Column;
  estimated_accuracy_upper: Column;
  confidence: Column;
  confidence_bins: number[] | null;
  entropy: Column;
  tags: Record<string, { values: Record<string, number>; other: number }>;
  numbers: Record<string, Column>;
  version: (string | null)[];
  health: { t: number[] } & Record<string, Column>;
  markers: { t: number; kind: string; label: string }[];
}

/** Of one group of devices, a value a step. */
export interface GroupLine {
  group: string; // empty: devices without the label
  devices: number;
  n: number;
  value: Column;
  min: Column; // of its devices
  max: Column;
  samples: number[];
  reporting: number[]; // devices that have a value in the step
  p50?: Column;
  p95?: Column;
  p99?: Column;
}

export interface GroupedSeries {
  metric: string;
  unit: string;
  by: string;
  step_s: number;
  devices: number; // that match the filter
  rows: number; // that were read
  t: number[];
  groups: GroupLine[];
  other: (GroupLine & { groups: number }) | null;
}

export interface WorstDevices {
  metric: string;
  unit: string;
  worse: "higher" | "lower";
  least_samples: number;
  devices: number;
  measured: number;
  with_too_few: number;
  // Of accuracies the 95 % interval; of those by labels, how many came later, and after how long.
  items: { device_id: string; value: number; n: number; lower?: number; upper?: number; later?: number; delay_s?: number | null }[];
}

/** Of each version of a model: by labels, and by the confidence of answers. */
export interface FieldAccuracy {
  model: string;
  from: string;
  to: string;
  devices: number;
  versions: {
    version: string;
    devices: number;
    measured: { value: number; lower?: number; upper?: number; labels: number; later: number; delay_s: number | null } | null;
    estimated: { value: number; lower?: number; upper?: number; answers: number } | null;
  }[];
}

export interface FacetCounts {
  devices: number;
  facets: { field: string; values: { value: string; devices: number }[]; more: number }[]; // values that are left out
}

export interface TelemetryEpoch {
  epoch: string;
  stored: number;
  first_seq: number;
  last_seq: number;
  lost: number;
  duplicates: number;
  gaps: number;
  refused: number;
  unread: number;
  forks: number;
  forked_at: string | null;
  received_at: string | null;
}

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

export const useFacets = (filter: string) =>
  useQuery({
    queryKey: ["telemetry", "facets", filter],
    queryFn: ({ signal }) => call<FacetCounts>(`/telemetry/facets${query({ filter })}`, { signal }),
    placeholderData: keepPreviousData,
    staleTime: 15_000,
  });

export const exportPath = (question: TelemetryQuestion, rangeS: number) => `/telemetry/export${query({ ...question, ...untilNow(rangeS) })}`;

export const useIntegrity = (id: string) =>
  useQuery({ queryKey: ["integrity", id], queryFn: () => call<{ items: TelemetryEpoch[] }>(`/devices/${path(id)}/telemetry-integrity`), staleTime: 30_000 });

/** The series of a device around a time that is over. */
export const useSeriesAround = (id: string, model: string | undefined, from: string, to: string, enabled: boolean) =>
  useQuery({
    queryKey: ["device", id, "series-around", model, from, to],
    queryFn: ({ signal }) => call<Series>(`/devices/${path(id)}/series${query({ from, to, points: 200, model })}`, { signal }),
    staleTime: 60_000,
    enabled,
  });
