// The documents of /api/v1 as docs/protocol.md describes them.

export type Presence = "online" | "late" | "offline" | "never_seen";
export type PresenceCause = "never_seen" | "heard" | "beats_missed" | "connection_broke" | "said_goodbye" | "restart_grace";
export type TimelineState = "online" | "late" | "offline" | "unsettled" | "unknown";
export type Role = "admin" | "operator" | "publisher" | "viewer";
export type Permission =
  | "use_own_account"
  | "read_fleet"
  | "publish_releases"
  | "prepare_patches"
  | "manage_devices"
  | "label_observations"
  | "operate_rollouts"
  | "acknowledge_alerts"
  | "manage_rules"
  | "admit_devices"
  | "manage_people"
  | "read_audit"
  | "read_notifications"
  | "manage_notifications";

export interface Page<T> {
  items: T[];
  next_cursor: string | null;
  total?: number;
}

export interface Me {
  user: { name: string; role: Role };
  permissions: Permission[];
  csrf: string;
}

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

export type LabelState = "waiting" | "counted" | "labelled_before" | "unknown" | "too_late" | "other_model" | "expired" | "revoked";

/** What became of labels that were told, of the fleet or of one device. */
export interface LabelStatus {
  waiting: number;
  waiting_since: string | null;
  takes_labels: boolean | null; // of a device; null: not known
  counts: { model: string; state: LabelState; message: string; labels: number; newest_at: string }[];
}

export interface FacetCounts {
  devices: number;
  facets: { field: string; values: { value: string; devices: number }[]; more: number }[]; // values that are left out
}

export interface Wave {
  share: number;
  planned: number;
  counts: Record<string, number>;
  probation_too_few?: number;
  opened_at: string | null;
  bake_started_at: string | null;
  passed_at: string | null;
}

/** What devices measured of the release's metric before it served there. */
export interface ValidationNumbers {
  metric: string | null;
  threshold: number | null;
  higher_is_better: boolean;
  missed: number;
  measured: number;
  smallest: number | null;
  median: number | null;
  largest: number | null;
  histogram: { from: number; to: number; devices: number }[];
}

/** What a guard says. Changes are + for harm: logarithms where the scale is a ratio, else differences. */
export interface Guard {
  metric: string;
  mode: "automatic" | "required" | "advisory";
  scale: "ratio" | "difference";
  worse: "higher" | "lower";
  verdict: "pass" | "fail" | "waiting" | "unknown" | "skipped";
  estimate: number | null; // of the canary's change over that of the controls; null before the first look
  lower: number | null; // one-sided bounds
  upper: number | null;
  rollback_margin: number;
  promotion_margin: number;
  canaries: number; // compared
  controls: number;
  unmeasured: number; // canaries with too little to compare yet
  first_installs: number; // of the canaries
  canary: number | null; // medians, in the metric's unit
  control: number | null;
  before: number | null;
  look: number;
  wave: number;
  at: string | null;
  final: boolean;
  by_permutation: boolean;
  driven_by: string | null; // the class of hardware that fails by itself
  missing_canaries: number | null; // about so many more would bring a pass
  message: string;
}

/** What one guard can find out in the first wave, told before the start. */
export interface GuardReach {
  metric: string;
  mode: "automatic" | "required" | "advisory";
  scale: "ratio" | "difference";
  worse: "higher" | "lower";
  measurable: boolean; // somebody reported it on a release before
  reported_by: number;
  can_fail: boolean;
  can_pass: boolean;
  needed: number | null; // the fewest canaries that can do both
  visible: number | null; // harm seen within a day; of ratios the logarithm
  looks: { number: number; after_s: number; alpha: number; least_p: number; can_fail: boolean; can_pass: boolean }[];
  message: string;
}

export interface Reach {
  canaries: number;
  controls: number;
  widened_from: number | null;
  classes: { class: string; devices: number; canaries: number }[];
  looked_at: number;
  summary: string;
  guards: GuardReach[];
}

/** What a rollout would be, that was not made. */
export interface RolloutPreview {
  devices: number;
  away: number;
  unexamined: number;
  waves: { share: number; planned: number; classes: Record<string, number> }[];
  variants: { name: string; suits: number; takes: number; unsuited: { devices: number; message: string }[] }[];
  reach: Reach | null;
  refused: string | null;
  download: { bytes: number; full_bytes: number; by_patch: { devices: number; bytes: number }; whole: { devices: number; bytes: number }; in_other_slot: number; patches_to_make: number };
  left_out: { reason: string; devices: number; message: string }[];
  warnings: string[];
}

export type RolloutState = "draft" | "awaiting_approval" | "scheduled" | "running" | "paused" | "completed" | "halted" | "rolling_back" | "rolled_back";
export type RolloutAction = "start" | "approve" | "refuse" | "cancel" | "pause" | "resume" | "promote" | "retry" | "halt" | "rollback" | "assign" | "unassign";

export interface Rollout {
  id: number;
  name: string;
  model: string;
  version: string;
  filter: string;
  policy: Record<string, unknown>;
  state: RolloutState;
  reason: string;
  withdrawn: Withdrawal | null; // its release was: it can only be stopped
  warnings?: string[]; // what went wrong in earlier rollouts of its release; not of the list
  fault: string | null; // why it can only be stopped: what is stored of it cannot be read
  wave: number;
  etag: string;
  created_by: string;
  approved_by: string | null;
  created_at: string;
  start_at: string | null; // not before
  started_at: string | null;
  ended_at: string | null;
  standing?: boolean; // it stands, or will once it has completed
  stands_since?: string | null;
  newcomers?: number; // devices that joined while it stood
  notes?: string[]; // what else stands for devices of its model; not of the list
  promote_all: boolean; // the waves that are left open without their bakes
  counts: Record<string, number>;
  waves: Wave[];
  planning: { done: number; total: number | null } | null; // while its devices are being planned
  guards?: Guard[]; // of one rollout, not of the list
  reach?: Reach | null; // what its canary can find out; not of the list
  gate?: string | null; // what the open wave waits for
  bytes: { sent: number; full: number };
  allowed: Record<RolloutAction, true | string>;
}

/** Of inputs that a device asked both versions. */
export interface ShadowCounts {
  samples: number;
  unanswered: number;
  agreed: number;
  labelled: number;
  old_right: number;
  new_right: number;
  both_right: number;
}

export interface RolloutDevice {
  device: string;
  wave: number;
  state: string;
  cause: string | null;
  message: string;
  attempt: number;
  source: string | null;
  bytes: number | null;
  full_bytes: number | null;
  numbers: Record<string, number>;
  notified_at: string | null;
  started_at: string | null;
  finished_at: string | null;
  retry_at: string | null; // when it tries again by itself
  resting_until: string | null; // it failed again and again, and is told no sooner
  shadow: ShadowCounts | null; // of its shadow run
  joined_at?: string | null; // while the rollout stood
}

/** What a rollout has to say of a device. */
export interface Assignment {
  model: string;
  version: string; // of the rollout
  rollout: number;
  rollout_name: string;
  stands: boolean;
  told_version: string | null; // none: it told nothing
  told_at: string | null;
  state: string | null;
  cause: string | null;
  message: string;
  joined_at: string | null;
  resting_until: string | null;
  why: string;
}

export interface Decision {
  id: number;
  at: string;
  actor: string;
  rule: string;
  decision: string;
  message: string;
  inputs: Record<string, unknown>;
}

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

export interface WorstDevice {
  device_id: string;
  model: string;
  version: string;
  value: number;
  usual: number | null; // its own usual p95, or the release's threshold
  lower?: number; // of accuracy, the 95 % interval
  upper?: number;
  feature?: string;
}

export interface ActiveRollout {
  id: number;
  name: string;
  model: string;
  version: string;
  state: RolloutState;
  reason: string;
  wave: number;
  waves: number;
  planned: number;
  counts: Record<string, number>;
  started_at: string | null;
}

export interface Overview {
  verdict: string;
  presence: Record<Presence | "total", number> | null; // null, here and below: not available now
  models: { model: string; versions: { version: string | null; devices: number }[] }[] | null;
  rollouts: ActiveRollout[] | null;
  alerts: { firing: number; by_rule: Record<string, number>; items: Alert[] } | null;
  worst: { latency: WorstDevice[] | null; accuracy: WorstDevice[] | null; drift: WorstDevice[] | null };
  windows_last_minute: number | null;
  unavailable: Record<string, string>; // panel -> why
  updated_at: string;
}

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

/** What withdrawing or recalling a release came to. */
export interface Recall {
  model: string;
  version: string;
  withdrawn: Withdrawal;
  running: { devices: number; filter: string };
  rollouts: { id: number; name: string; state: RolloutState; did: string; going_back: number }[];
  helpless?: { devices: number; first: string[] }; // of a recall: devices that keep it
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

export interface Alert {
  id: number;
  rule: string;
  severity: "warning" | "critical";
  device_id: string | null; // null: it is about a site or a rollout
  site: string | null;
  rollout_id: number | null;
  model: string;
  state: "pending" | "firing" | "resolved";
  value: number | null;
  threshold: number | null;
  message: string;
  opened_at: string;
  fired_at: string | null;
  resolved_at: string | null;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
  // Of the alerts' own screens; the overview leaves them out.
  rollout?: string | null; // its name
  group?: string; // "site/berlin": those that are told together
  acknowledgement?: string;
  inhibited_by?: number | null; // the alert that stands for it
  silenced_by?: number | null;
  flapping?: boolean;
  told_at?: string | null;
  escalations?: number;
  details?: { metric?: string; baseline_p95_ms?: number } | null; // with what decided
}

export interface AlertMoment {
  id: number;
  alert: number;
  rule: string;
  subject: string; // "device/cam-7"
  model: string;
  at: string;
  change: string;
  actor: string | null;
  reason: string;
}

export interface AlertWithHistory extends Alert {
  history: AlertMoment[];
  stands_for: number;
}

/** To whom it was told, newest first, or why to nobody. */
export interface AlertTelling {
  items: Delivery[];
  total: number;
  untold: { reason: "waits" | "pending" | "silenced" | "inhibited" | "held_back" | "no_route"; message: string } | null;
}

export interface AlertGroup {
  key: string;
  severity: "warning" | "critical" | null;
  firing: number;
  pending: number;
  resolved: number;
  inhibited: number;
  silenced: number;
  acknowledged: number;
  rules: string[];
  newest_at: string;
}

export interface Weekly {
  days: string[];
  from: string;
  to: string;
  time_zone: string;
}

export interface Silence {
  id: number;
  filter: string;
  rule: string;
  model: string;
  severity: string;
  starts_at: string;
  ends_at: string;
  weekly: Weekly | null;
  author: string;
  comment: string;
  created_at: string;
  changed_at: string;
  changed_by: string;
  ended_at: string | null;
  ended_by: string | null;
  in_effect: boolean;
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

export interface Token {
  id: number;
  name: string;
  role: Role;
  effective_role: Role; // what its maker may still do of it
  created_by: string;
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
}

export interface User {
  id: number;
  name: string;
  role: Role;
  has_password: boolean;
  created_at: string;
  disabled_at: string | null;
}

export interface AuditEntry {
  id: number;
  at: string;
  actor: string;
  action: string;
  object: string;
  address: string; // from where; empty: the server itself
  details: Record<string, unknown>;
}

export type TargetKind = "webhook" | "email" | "slack" | "teams" | "pagerduty" | "alertmanager";

export interface NoticeTarget {
  kind: TargetKind;
  url?: string;
  host?: string; // the mail server; of Slack and Teams all that is shown of the address
  port?: number;
  tls?: "starttls" | "implicit" | "none";
  user?: string | null;
  from?: string;
  to?: string[];
}

export interface NoticeRoute {
  id: number;
  name: string;
  enabled: boolean;
  kinds: string[];
  least_severity: "info" | "warning" | "critical";
  filter: string | null;
  model: string | null;
  rollout_id: number | null;
  group_by: string[];
  group_wait_s: number;
  target: NoticeTarget;
  version: number;
  created_by: string;
  created_at: string;
  updated_at: string;
  rests_until: string | null;
  last_error: string | null;
  waiting: number;
}

export type DeliveryState = "waiting" | "delivered" | "given_up";

export interface Delivery {
  id: number;
  key: string;
  route_id: number;
  route: string;
  state: DeliveryState;
  severity: string;
  title: string;
  event_count: number;
  test: boolean;
  attempts: number;
  created_at: string;
  due_at: string | null;
  ended_at: string | null;
  last_error: string | null;
  kinds?: string[]; // asked for one alert: what it tells of that
}

/** What a route would have told of the last days. */
export interface RoutePreview {
  from: string;
  to: string;
  is_cut: boolean;
  events: number;
  messages: number;
  kinds: Record<string, number>;
  newest: { at: string; kind: string; severity: string; message: string }[];
}

export interface DeliveryInFull extends Delivery {
  events: { id: number; at: string; kind: string; message: string; details: { alert?: number } | null }[];
  log: { at: string; took_ms: number; delivered: boolean; status: number | null; answer: string | null; error: string | null }[];
}

export type Severity = "info" | "warning" | "critical";
export type RuleCondition =
  | { kind: "above" | "below"; at: number; clear_at: number }
  | { kind: "against_usual"; direction?: "above" | "below"; ratio: number; z: number; clear_ratio: number; least_change?: number }
  | { kind: "trend"; reaches: number; within_h: number }
  | { kind: "by_judge" };

/** What a person says of a rule. */
export interface RuleWish {
  name: string;
  title: string;
  enabled: boolean;
  filter: string;
  model: string;
  metric: string;
  condition: RuleCondition;
  for_s: number;
  severity: Severity;
  route: string;
  reactions: RuleReaction[];
}

export type ReactionKind = "pause_rollouts" | "roll_back" | "diagnostics";
export interface RuleReaction {
  do: ReactionKind;
  most_per_hour: number;
}
export type RuleSubject = "model" | "device" | "site" | "rollout";

/** What a rule did for one alert. */
export interface Reaction {
  id: number;
  alert: number;
  alert_message: string;
  rule: string;
  rule_version: number;
  do: ReactionKind;
  device_id: string | null;
  site: string | null;
  model: string;
  state: "waiting" | "done" | "left" | "failed";
  outcome: string;
  details: Record<string, unknown>;
  follow_up: string | null;
  attempts: number;
  created_at: string;
  ended_at: string | null;
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

export interface Rule extends RuleWish {
  subject: RuleSubject;
  judge: "engine" | "latency" | "certificates" | "own";
  version: number;
  shipped: boolean;
  changed: boolean;
  sentence: string;
  unit: string;
  updated_at: string;
  updated_by: string | null;
  pending: number;
  firing: number;
}

export interface RuleVersion {
  version: number;
  what: "shipped" | "created" | "changed" | "reset" | "deleted";
  changed_at: string;
  changed_by: string | null;
  rule: RuleWish;
}

export interface RulePreview {
  from: string;
  to: string;
  devices: number;
  looked: number;
  is_sample: boolean;
  figures: number;
  fired: number;
  fired_devices: number;
  items: { device_id: string; model: string; fired: number; firing_s: number; episodes: { from: string; to: string | null; value: number }[] }[];
}
