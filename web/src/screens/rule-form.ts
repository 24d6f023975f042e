// A rule as a form has it, and back. Pure.

import type { Rule, RuleCondition, RuleWish, Severity } from "../api/types";

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
];

export const SEVERITIES: Severity[] = ["info", "warning", "critical"];
export type Kind = RuleCondition["kind"];

export const KINDS: [Exclude<Kind, "by_judge">, string][] = [
  ["above", "is at or above a figure"],
  ["below", "is at or below a figure"],
  ["trend", "will reach a figure soon"],
  ["against_usual", "is so many times what is usual at this hour"],
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
};

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
    condition: { kind, ...figures } as RuleCondition,
    for_s: Math.round(Number(text("for_min") || "0") * 60),
    severity: text("severity") as Severity,
    route: text("route"),
  };
}

/** What may be changed of it: of a rule with a judge of its own, who hears of it alone. */
export function mayChange(rule: Rule | undefined): { figures: boolean; rest: boolean } {
  if (rule === undefined || rule.judge === "engine") return { figures: true, rest: true };
  return { figures: rule.judge !== "own", rest: false };
}

/** The part of a wish that this rule takes. */
export function changeOf(rule: Rule, wish: RuleWish): Partial<RuleWish> {
  const may = mayChange(rule);
  const { name, title, enabled, severity, route } = wish;
  if (may.rest) return wish;
  return { name, title, enabled, severity, route, ...(may.figures ? { condition: wish.condition } : {}) };
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
