// What routes and deliveries say of themselves, in words; and what a form makes of a route. Pure.

import type { Delivery, DeliveryState, NoticeRoute, TargetKind } from "../api/notifications";
import { ago, span } from "../ui/format";
import type { Tone } from "../ui/status";

export const TARGETS: [TargetKind, string][] = [
  ["webhook", "Webhook"],
  ["email", "E-mail"],
  ["slack", "Slack"],
  ["teams", "Teams"],
  ["pagerduty", "PagerDuty"],
  ["alertmanager", "Alertmanager"],
];

export function targetName(kind: TargetKind): string {
  return TARGETS.find(([each]) => each === kind)?.[1] ?? kind;
}

/** Where a route leads. */
export function placeOf({ target }: NoticeRoute): string {
  if (target.kind === "email") return (target.to ?? []).join(", ");
  return target.host ?? target.url ?? "";
}

/** What a route tells, beside its kinds. */
export function narrowedTo(route: NoticeRoute): string {
  const parts = [
    route.least_severity !== "info" && `${route.least_severity} at least`,
    route.filter && `devices with ${route.filter}`,
    route.model && `model ${route.model}`,
    route.rollout_id !== null && `rollout ${route.rollout_id}`,
    route.group_wait_s > 0 && `gathered for ${route.group_wait_s} s by ${route.group_by.join(" and ") || "kind"}`,
  ];
  return parts.filter(Boolean).join(", ");
}

export function healthOf(route: NoticeRoute, now = Date.now()): { tone: Tone; text: string; why?: string } {
  if (!route.enabled) return { tone: "quiet", text: "Off" };
  if (route.last_error === null) return { tone: "good", text: "Well" };
  const rests = route.rests_until === null ? 0 : Date.parse(route.rests_until) - now;
  return { tone: "bad", text: rests > 0 ? `Fails, again in ${span(rests)}` : "Fails", why: route.last_error };
}

const DELIVERY_TONE: Record<DeliveryState, Tone> = { waiting: "warn", delivered: "good", given_up: "bad" };

export function deliveryState(delivery: Delivery, now = Date.now()): { tone: Tone; text: string; why?: string } {
  const tone = DELIVERY_TONE[delivery.state];
  if (delivery.state === "delivered") return { tone, text: `Arrived ${ago(delivery.ended_at, now)}` };
  if (delivery.state === "given_up") return { tone, text: "Given up", why: delivery.last_error ?? undefined };
  const wait = delivery.due_at === null ? 0 : Date.parse(delivery.due_at) - now;
  return { tone, text: wait > 0 ? `Waits ${span(wait)}` : "Waits", why: delivery.last_error ?? undefined };
}

const listed = (value: FormDataEntryValue | null): string[] =>
  String(value ?? "")
    .split(/[\s,]+/)
    .filter((word) => word !== "");

function targetOf(form: FormData, kind: TargetKind): Record<string, unknown> {
  const target: Record<string, unknown> = { kind };
  const take = (...names: string[]) => names.forEach((name) => form.get(name) && (target[name] = String(form.get(name))));
  if (kind === "email") {
    take("host", "tls", "user", "password", "from");
    target.port = Number(form.get("port"));
    target.to = listed(form.get("to"));
  } else if (kind === "pagerduty") {
    take("routing_key");
  } else {
    take("url");
  }
  return target;
}

/** The body of POST /routes. */
export function routeOf(form: FormData): Record<string, unknown> {
  const kind = String(form.get("target")) as TargetKind;
  const filter = String(form.get("filter") ?? "").trim();
  return {
    name: form.get("name"),
    kinds: listed(form.get("kinds")),
    least_severity: form.get("least_severity"),
    group_wait_s: kind === "pagerduty" ? 0 : Number(form.get("group_wait_s")),
    ...(filter === "" ? {} : { filter }),
    target: targetOf(form, kind),
  };
}

/** The body of PATCH /routes/{id}: what differs. A target that is not touched keeps its secrets. */
export function changesOf(form: FormData, route: NoticeRoute): Record<string, unknown> {
  const { kind } = route.target;
  const wanted: Record<string, unknown> = {
    name: form.get("name"),
    kinds: listed(form.get("kinds")),
    least_severity: form.get("least_severity"),
    filter: String(form.get("filter") ?? "").trim(),
    group_wait_s: kind === "pagerduty" ? 0 : Number(form.get("group_wait_s")),
  };
  const present: Record<string, unknown> = { ...route, filter: route.filter ?? "" };
  const changes = Object.fromEntries(Object.entries(wanted).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(present[name])));
  const target = targetOf(form, kind);
  const known: Record<string, unknown> = { ...route.target };
  const differs = (name: string) => JSON.stringify(target[name] ?? null) !== JSON.stringify(known[name] || null);
  const is_touched = Object.keys(target).some(differs) || (kind === "email" && differs("user"));
  return is_touched ? { ...changes, target } : changes;
}
