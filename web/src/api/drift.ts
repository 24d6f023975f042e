// How far inputs have moved from what a release, a device or the year knew.

import { useQuery } from "@tanstack/react-query";
import { call, path } from "./client";

export interface DriftFeature {
  model: string;
  version: string;
  feature: string;
  against: "last_year" | "own" | "training";
  psi: number;
  threshold: number; // of PSI, with what sampling alone gives
  samples: number;
  independent_samples: number;
  min_samples: number;
  peers: number;
  z: number | null; // against its peers; null: too few
  z_needed: number | null;
  envelope: number | null; // PSI beyond the release's reference; null: within it
  drifted: boolean;
  verdict: "drifted" | "moved" | "waiting" | "stable";
  scope: "none" | "device" | "fleet" | "unknown";
  message: string;
  since: string;
  edges: number[];
  reference: number[]; // empty: the release has none
  own: number[]; // of the device's first days; empty while these last
  last_year: number[]; // of the same weeks of the year before; empty: there are none
  present: number[];
}

export interface BrokenContract {
  device_id: string;
  model: string;
  version: string;
  breaches: { feature: string; fault: string; value: number; message: string }[];
  message: string;
  since: string;
}

export interface DeviceDrift {
  items: DriftFeature[];
  contracts: BrokenContract[];
}

export const useDrift = (id: string) =>
  useQuery({ queryKey: ["device", id, "drift"], queryFn: () => call<DeviceDrift>(`/devices/${path(id)}/drift`) });
