// Models, their releases and drafts, and the patches between these.

import { useQuery } from "@tanstack/react-query";
import { call, path, type Page } from "./client";

export interface WhereItRuns {
  version: string;
  digest: string | null;
  devices: number;
}

export interface Model {
  name: string;
  description: string;
  releases: number;
  latest_version: string | null;
  running: WhereItRuns[];
}

/** What `argosy release compact` reports about the file it made. Kept by the server as it came: anything may be missing. */
export interface Compact {
  base_version?: string;
  bits?: number;
  automatic?: boolean;
  samples?: number | null;
  agreement?: number | null;
  max_difference?: number | null;
  metric?: { name: string; exact: number; compact: number } | null;
  full_bytes?: number;
  patch_bytes?: number | null;
  exact_patch_bytes?: number | null;
  tolerance?: Record<string, number | null>;
  settings?: { bits: number; agreement?: number | null; max_difference?: number | null; patch_bytes?: number | null; accepted: boolean }[];
}

export interface Part {
  name: string;
  digest: string;
  size: number;
}

export interface Variant {
  name: string;
  digest: string;
  size: number;
  format: string;
  parts: Part[]; // files beside the model
  selector: Record<string, string | number | string[]>;
  onnx: { opset: number; ir: number } | null;
  priority: number;
  compact: Compact | null;
}

export interface Withdrawal {
  at: string;
  by: string;
  reason: string;
}

export interface Release {
  model: string;
  version: string;
  notes: string;
  variants: Variant[];
  validation: { metric: string; direction: "higher" | "lower"; threshold: number; max_loss?: number | null; max_latency_ratio?: number | null } | null;
  signature?: { statement: string; bundle: string; key_sets: string[] } | null;
  created_by: string;
  published_at: string;
  running: WhereItRuns[];
  withdrawn: Withdrawal | null;
}

/** What may become a release: no list of those has it. */
export type Draft = Omit<Release, "published_at" | "running" | "withdrawn"> & { updated_by: string; updated_at: string };

export interface Patch {
  from_version: string;
  to_version: string;
  variant: string;
  part: string | null; // null: the model
  from_digest: string;
  to_digest: string;
  state: "pending" | "making" | "ready" | "declined" | "failed" | "cancelled";
  codec: string | null;
  size: number | null;
  full_size: number;
  ratio: number | null;
  patch_seconds: number | null;
  full_seconds: number;
  encode_ms: number | null;
  trials: { codec: string; bytes: number | null; seconds: number; failure: string | null }[];
  demand: number;
  attempts: number;
  will_retry: boolean;
  asked_by: string | null;
  reason: string | null;
}

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
