// A rule as a form has it, and back. Pure.

import type { ReactionKind, Rule, RuleCondition, RuleReaction, RuleSubject, RuleWish, Severity } from "../api/rules";

export const METRICS = [
  "latency_p50",
  "latency_p95",
  "latency_p99",
  "throughput",
  "error_rate",
  "accuracy",
  "confidence",
  "health.cpu_percent",
  "health.cpu_temperature_c",
  "health.gpu_temperature_c",
  "health.memory_used_percent",
  "health.disk_free_percent",
  "health.disk_free_mb",
  "health.disk_wear_percent",
  "health.clock_error_ms",
  "health.outbox_records",
  "health.throttled",
  "health.under_voltage",
  "health.battery_percent",
  "presence.offline_s",
  "presence.late_s",
  "presence.intermittent",
  "presence.availability_percent",
];

export const SEVERITIES: Severity[] = ["info", "warning", "critical"];
/** A condition as a person chooses it: what is usual is two choices, more and less. */
export type Kind = RuleCondition["kind"] | "under_usual";

export const KINDS: [Exclude<Kind, "by_judge">, string][] = [
  ["above", "is at or above a figure"],
  ["below", "is at or below a figure"],
  ["trend", "will reach a figure soon"],
  ["against_usual", "is so many times what is usual at this hour"],
  ["under_usual", "is so many times less than usual at this hour"],
];

/** Its figures: name, label, and what a new one begins with. */
export const FIGURES: Record<Kind, [string, string, number][]> = {
  above: [
    ["at", "At or above", 90],
    ["clear_at", "Over once at or below", 80],
  ],
  below: [
    ["at", "At or below", 10],
    ["clear_at", "Over once at or above", 20],
  ],
  trend: [
    ["reaches", "Reaches", 0],
    ["within_h", "Within hours", 48],
  ],
  against_usual: [
    ["ratio", "Times the usual", 2],
    ["z", "And sigmas over it", 6],
    ["clear_ratio", "Over once under", 1.5],
    ["least_change", "And so much more", 1],
  ],
  under_usual: [
    ["ratio", "Times less", 2],
    ["z", "And sigmas under it", 6],
    ["clear_ratio", "Over once under", 1.5],
    ["least_change", "And so much less", 1],
  ],
  by_judge: [],
};

export const NEW_RULE: RuleWish = {
  name: "",
  title: "",
  enabled: true,
  filter: "",
  model: "",
  metric: "health.cpu_temperature_c",
  condition: { kind: "above", at: 90, clear_at: 80 },
  for_s: 300,
  severity: "warning",
  route: "",
  reactions: [],
};

export const kindOf = (condition: RuleCondition): Kind => (condition.kind === "against_usual" && condition.direction === "below" ? "under_usual" : condition.kind);

const conditionOf = (kind: Kind, figures: Record<string, number>): RuleCondition =>
  (kind === "under_usual" ? { kind: "against_usual", direction: "below", ...figures } : kind === "against_usual" ? { kind, direction: "above", ...figures } : { kind, ...figures }) as RuleCondition;

/** What a rule can do by itself: the word, what it means, and what to think of before. */
export const REACTIONS: [ReactionKind, string, string][] = [
  ["pause_rollouts", "Pause the rollouts that touch it", "They wait until a person resumes them."],
  ["roll_back", "Roll the device back", "It goes back to the release that the model had before; a rollout that runs is left to decide itself."],
  ["diagnostics", "Ask the device for diagnostics", "Its state, its log and its readings are kept for whoever looks into it."],
];
export const USUAL_PER_HOUR = 5;

/** What its alerts are about: of a rule that a person writes, by its metric. */
export const subjectOf = (rule: Rule | undefined, metric: string): RuleSubject => (rule !== undefined && rule.judge !== "engine" ? rule.subject : /^(health|presence)\./.test(metric) ? "device" : "model");

export function mayReact(kind: ReactionKind, subject: RuleSubject): boolean {
  if (kind === "roll_back") return subject === "model";
  return kind === "pause_rollouts" ? subject !== "rollout" : subject === "model" || subject === "device";
}

/** "pauses rollouts, rolls back (at most 3 an hour)"; empty: it tells people, and does no more. */
export function reactionsText(reactions: RuleReaction[]): string {
  const words: Record<ReactionKind, string> = { pause_rollouts: "pauses rollouts", roll_back: "rolls back", diagnostics: "asks for diagnostics" };
  return reactions.map((reaction) => `${words[reaction.do]} (at most ${reaction.most_per_hour} an hour)`).join(", ");
}

export function figureOf(condition: RuleCondition, name: string, otherwise: number): number {
  const known = (condition as unknown as Record<string, unknown>)[name];
  return typeof known === "number" ? known : otherwise;
}

/** What the form says, as the API takes it. */
export function wishOf(form: FormData, kind: Kind): RuleWish {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const figures = Object.fromEntries(FIGURES[kind].map(([name]) => [name, Number(text(name))]));
  return {
    name: text("name"),
    title: text("title"),
    enabled: form.get("enabled") !== null,
    filter: text("filter"),
    model: text("model"),
    metric: text("metric"),
    condition: conditionOf(kind, figures),
    for_s: Math.round(Number(text("for_min") || "0") * 60),
    severity: text("severity") as Severity,
    route: text("route"),
    reactions: REACTIONS.filter(([each]) => form.get(`react_${each}`) !== null).map(([each]) => ({ do: each, most_per_hour: Number(text(`most_${each}`)) || USUAL_PER_HOUR })),
  };
}

/** What may be changed of it: of a rule with a judge of its own, neither metric nor condition. */
export function mayChange(rule: Rule | undefined): { figures: boolean; rest: boolean } {
  if (rule === undefined || rule.judge === "engine") return { figures: true, rest: true };
  return { figures: rule.judge !== "own", rest: false };
}

/** The part of a wish that this rule takes. */
export function changeOf(rule: Rule, wish: RuleWish): Partial<RuleWish> {
  const may = mayChange(rule);
  const { name, title, enabled, filter, model, severity, route, reactions } = wish;
  if (may.rest) return wish;
  return { name, title, enabled, filter, model, severity, route, reactions, ...(may.figures ? { condition: wish.condition } : {}) };
}

/** "Would have fired 3 times on 2 devices in these 7 days." */
export function previewSentence(preview: { from: string; to: string; fired: number; fired_devices: number; looked: number; devices: number; is_sample: boolean }): string {
  const days = Math.round((Date.parse(preview.to) - Date.parse(preview.from)) / 86_400_000);
  const of = preview.is_sample ? `${preview.looked} of ${preview.devices} devices were looked at, a sample.` : `All ${preview.devices} devices were looked at.`;
  if (preview.devices === 0) return "No device matches the filter.";
  if (preview.fired === 0) return `Would not have fired in the last ${days} days. ${of}`;
  const times = preview.fired === 1 ? "once" : `${preview.fired} times`;
  return `Would have fired ${times} on ${preview.fired_devices === 1 ? "one device" : `${preview.fired_devices} devices`} in the last ${days} days. ${of}`;
}
