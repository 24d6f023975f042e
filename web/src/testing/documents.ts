// Documents as the server gives them, for tests: ordinary ones, of which a test changes what it is about.

import type { Me, Permission, Role } from "../api/access";
import type { Device } from "../api/devices";
import type { NoticeRoute } from "../api/notifications";
import type { Rollout, RolloutAction } from "../api/rollouts";
import type { GroupedSeries, GroupLine, Series } from "../api/telemetry";

const EVERYBODY: Permission[] = ["use_own_account", "read_fleet"];
const OPERATOR: Permission[] = [...EVERYBODY, "prepare_patches", "manage_devices", "label_observations", "operate_rollouts", "acknowledge_alerts", "manage_rules", "read_notifications"];
const PERMISSIONS: Record<Role, Permission[]> = {
  viewer: EVERYBODY,
  publisher: [...EVERYBODY, "publish_releases", "prepare_patches", "label_observations"],
  operator: OPERATOR,
  admin: [...OPERATOR, "publish_releases", "admit_devices", "manage_people", "read_audit", "manage_notifications"],
};

export const me = (role: Role = "operator"): Me => ({ user: { name: "ada", role }, permissions: PERMISSIONS[role], csrf: "csrf-of-ada" });

export function device(id: string, changes: Partial<Device> = {}): Device {
  return {
    id,
    hardware_class: "cpu-fp32",
    labels: {},
    capabilities: {},
    agent_version: "1.0",
    presence: "online",
    presence_since: "2026-01-01T00:00:00Z",
    presence_cause: "heard",
    presence_reason: "",
    intermittent: false,
    last_seen_at: "2026-01-01T00:00:00Z",
    enrolled_at: "2026-01-01T00:00:00Z",
    revoked_at: null,
    certificate_not_after: null,
    health: {},
    health_at: null,
    models: [],
    drifted: [],
    open_alerts: 0,
    ...changes,
  };
}

const NOT_NOW = "it is not its time";
const NOTHING_ALLOWED: Rollout["allowed"] = { start: NOT_NOW, approve: NOT_NOW, refuse: NOT_NOW, cancel: NOT_NOW, pause: NOT_NOW, resume: NOT_NOW, promote: NOT_NOW, retry: NOT_NOW, halt: NOT_NOW, rollback: NOT_NOW, assign: NOT_NOW, unassign: NOT_NOW };

/** A running one, of which these actions are allowed. */
export function rollout(allowed: RolloutAction[] = [], changes: Partial<Rollout> = {}): Rollout {
  return {
    id: 3,
    name: "Digits for all",
    model: "digits",
    version: "1.1",
    filter: "",
    policy: {},
    state: "running",
    reason: "",
    fault: null,
    withdrawn: null,
    wave: 0,
    etag: "17",
    created_by: "user:ada",
    approved_by: null,
    created_at: "2026-01-01T00:00:00Z",
    start_at: null,
    started_at: null,
    ended_at: null,
    promote_all: false,
    counts: {},
    waves: [],
    planning: null,
    bytes: { sent: 0, full: 0 },
    allowed: { ...NOTHING_ALLOWED, ...Object.fromEntries(allowed.map((action) => [action, true])) },
    ...changes,
  };
}

export function series(changes: Partial<Series> = {}): Series {
  return {
    model: "digits",
    t: [],
    step_s: 60,
    latency: { p50: [], p95: [], p99: [], min: [], max: [] },
    throughput_hz: [],
    error_rate: [],
    accuracy: [],
    accuracy_lower: [],
    accuracy_upper: [],
    labelled: [],
    labelled_later: [],
    label_delay_s: [],
    estimated_accuracy: [],
    estimated_accuracy_lower: [],
    estimated_accuracy_upper: [],
    confidence: [],
    confidence_bins: null,
    entropy: [],
    tags: {},
    numbers: {},
    version: [],
    health: { t: [] },
    markers: [],
    ...changes,
  };
}

export function groupLine(overrides: Partial<GroupLine>): GroupLine {
  return { group: "", devices: 2, n: 120, value: [10, 12], min: [9, 11], max: [14, 15], samples: [60, 60], reporting: [2, 2], ...overrides };
}

export function groupedSeries(overrides: Partial<GroupedSeries>): GroupedSeries {
  return { metric: "latency_p95", unit: "ms", by: "", step_s: 60, devices: 2, rows: 4, t: [0, 60], groups: [groupLine({})], other: null, ...overrides };
}

export const noticeRoute = (changes: Partial<NoticeRoute> = {}): NoticeRoute => ({
  id: 1,
  name: "on-call",
  enabled: true,
  kinds: ["alert.*"],
  least_severity: "info",
  filter: null,
  model: null,
  rollout_id: null,
  group_by: ["rule", "site"],
  group_wait_s: 0,
  target: { kind: "webhook", url: "https://example.com/hook" },
  version: 1,
  created_by: "user:ada",
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  rests_until: null,
  last_error: null,
  waiting: 0,
  ...changes,
});
