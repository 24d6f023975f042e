// What the alert screens say of alerts, groups and silences. Pure.

import type { Alert, AlertGroup, AlertMoment, Silence } from "../api/alerts";
import { plural, words } from "../ui/format";
import type { Tone } from "../ui/status";
import { withSearch } from "./paths";

export function toneOf(alert: Pick<Alert, "state" | "severity">): Tone {
  if (alert.state === "resolved") return "quiet";
  return alert.severity === "critical" ? "bad" : "warn";
}

/** "site/berlin" -> "Site berlin"; `rollouts` are names by number. */
export function groupTitle(key: string): string {
  const [kind = "", ...rest] = key.split("/");
  const name = rest.join("/");
  if (name === "") return "Other alerts";
  return kind === "rule" ? words(name) : `${words(kind)} ${name}`;
}

export interface Grouped {
  key: string;
  alerts: Alert[]; // that nothing stands for
  under: Alert[]; // that another alert stands for
}

/** In the order in which each first comes. */
export function grouped(alerts: Alert[], by: string): Grouped[] {
  const groups = new Map<string, Grouped>();
  for (const alert of alerts) {
    const key = by === "rule" ? `rule/${alert.rule}` : (alert.group ?? "");
    const group = groups.get(key) ?? { key, alerts: [], under: [] };
    groups.set(key, group);
    (alert.inhibited_by ? group.under : group.alerts).push(alert);
  }
  return [...groups.values()];
}

/** "3 firing, 8 under another, 1 silenced". */
export function countsText(group: AlertGroup): string {
  const parts: [number, string][] = [
    [group.firing, "firing"],
    [group.pending, "pending"],
    [group.resolved, "resolved"],
    [group.inhibited, "under another"],
    [group.silenced, "silenced"],
    [group.acknowledged, "acknowledged"],
  ];
  return parts
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(", ");
}

/** Why nobody is told of it, and what else there is to know. */
export function marksOf(alert: Alert): string[] {
  const marks: string[] = [];
  if (alert.inhibited_by) marks.push(`Alert ${alert.inhibited_by} stands for it`);
  if (alert.silenced_by) marks.push(`Silence ${alert.silenced_by} covers it`);
  if (alert.flapping) marks.push("It comes and goes");
  if (alert.escalations) marks.push(`Told again ${plural(alert.escalations, "time")}, nobody came`);
  return marks;
}

const CHANGES: Record<string, string> = {
  pending: "Suspected",
  firing: "Fires",
  told: "Told",
  inhibited: "Under another alert",
  uninhibited: "On its own again",
  silenced: "Silenced",
  unsilenced: "Silence over",
  flapping: "Comes and goes",
  calm: "Calm again",
  acknowledged: "Acknowledged",
  unacknowledged: "Acknowledgement taken back",
  escalated: "Escalated",
  resolved: "Resolved",
};

export function changeText(change: string): string {
  return CHANGES[change] ?? words(change);
}

export function changeTone(change: string): Tone {
  if (change === "firing" || change === "escalated") return "bad";
  if (change === "resolved" || change === "calm") return "good";
  if (["pending", "flapping", "unacknowledged"].includes(change)) return "warn";
  return change === "told" || change === "acknowledged" ? "accent" : "quiet";
}

/** "device/cam-7" -> "cam-7". */
export function subjectName(moment: Pick<AlertMoment, "subject">): string {
  return moment.subject.startsWith("device/") ? moment.subject.slice("device/".length) : moment.subject.replace("/", " ");
}

/** What a silence asks of alerts. */
export function asksText(silence: Pick<Silence, "filter" | "rule" | "model" | "severity">): string {
  const parts = [silence.rule && words(silence.rule), silence.model && `model ${silence.model}`, silence.severity && `${silence.severity} alone`, silence.filter && `devices ${silence.filter}`].filter(Boolean);
  return parts.length === 0 ? "Every alert" : parts.join(", ");
}

export function hoursText(silence: Pick<Silence, "weekly">): string {
  if (silence.weekly === null) return "";
  const { days, from, to, time_zone } = silence.weekly;
  return `${days.length === 7 ? "daily" : days.map(words).join(" ")} ${from}–${to} ${time_zone}`;
}

/** The silence form, filled with what this alert is. */
export function silenceOf(alert: Alert): string {
  const filter = alert.device_id === null ? "" : `id = "${alert.device_id}"`;
  return withSearch("/alerts", { view: "silences", filter, rule: alert.rule, model: alert.model });
}

/** The same from a terminal. */
export function silenceCommand(wanted: { filter: string; rule: string; model: string; severity: string; hours: string; comment: string }): string {
  const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const parts = Object.entries({ filter: wanted.filter, rule: wanted.rule, model: wanted.model, severity: wanted.severity }).filter(([, value]) => value !== "");
  return `argosy alert silence ${parts.map(([name, value]) => `--${name} ${quoted(value)} `).join("")}--for ${Math.round(Number(wanted.hours) * 60)}m --comment ${quoted(wanted.comment || "…")}`;
}
