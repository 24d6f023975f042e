// What became of labels that came after the prediction.

import { useQuery } from "@tanstack/react-query";
import { call, query } from "./client";

export type LabelState = "waiting" | "counted" | "labelled_before" | "unknown" | "too_late" | "other_model" | "expired" | "revoked";

/** What became of labels that were told, of the fleet or of one device. */
export interface LabelStatus {
  waiting: number;
  waiting_since: string | null;
  takes_labels: boolean | null; // of a device; null: not known
  counts: { model: string; state: LabelState; message: string; labels: number; newest_at: string }[];
}

export const useLabelStatus = (device: string) =>
  useQuery({ queryKey: ["device", device, "labels"], queryFn: () => call<LabelStatus>(`/labels/status${query({ device })}`), staleTime: 10_000 });
