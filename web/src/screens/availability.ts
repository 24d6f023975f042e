// How available something was, as a screen shows it: grades, blocks of hours, spans of a strip. Pure.

import type { PresenceCause, PresenceSpan, TimelineState } from "../api/connectivity";
import { clock, percent, span, words } from "../ui/format";
import type { Tone } from "../ui/status";

export interface Grade {
  name: string;
  tone: Tone;
  fill: number; // how full a cell is drawn, so that the colour is not the only sign
}

const GRADES: [least: number, Grade][] = [
  [0.999, { name: "99.9 % and more", tone: "good", fill: 0 }],
  [0.99, { name: "99 to 99.9 %", tone: "good", fill: 0.2 }],
  [0.95, { name: "95 to 99 %", tone: "warn", fill: 0.4 }],
  [0.7, { name: "70 to 95 %", tone: "bad", fill: 0.7 }],
  [0, { name: "under 70 %", tone: "bad", fill: 1 }],
];
const NO_FIGURE: Grade = { name: "Not known", tone: "quiet", fill: 0 };

export const gradesShown = (): Grade[] => [...GRADES.map(([, grade]) => grade), NO_FIGURE];

export function gradeOf(share: number | null): Grade {
  return share === null ? NO_FIGURE : (GRADES.find(([least]) => share >= least)?.[1] ?? NO_FIGURE);
}

/** Two digits, and never "100.00 %" of what is less. */
export function shareText(share: number | null | undefined): string {
  if (share === null || share === undefined) return "not known";
  return percent(share < 1 ? Math.min(share, 0.9999) : share, share === 1 ? 0 : 2);
}

export interface Block {
  from: string;
  hours: number;
}

/** Whole ranges of hours that make at most `most` columns; the last one ends with the range, and the first may be short. */
export function blocksOf(hours: string[], most: number): Block[] {
  const size = Math.max(1, Math.ceil(hours.length / most));
  const blocks: Block[] = [];
  for (let end = hours.length; end > 0; end -= size) {
    const start = Math.max(0, end - size);
    blocks.unshift({ from: hours[start]!, hours: end - start });
  }
  return blocks;
}

/** The mean over the hours of each block of which something is known. */
export function sharesByBlock(shares: (number | null)[], blocks: Block[]): (number | null)[] {
  let at = 0;
  return blocks.map((block) => {
    const known = shares.slice(at, (at += block.hours)).filter((share) => share !== null);
    return known.length === 0 ? null : known.reduce((sum, share) => sum + share, 0) / known.length;
  });
}

export function blockText(block: Block): string {
  const hour = (at: Date) => at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const from = new Date(block.from);
  const day = from.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" });
  return `${day}, ${hour(from)} to ${hour(new Date(from.getTime() + block.hours * 3_600_000))}`;
}

/** Where an arrow key leads from a cell of a grid; nothing for another key, or at the edge. */
export function nextCell(key: string, row: number, column: number, rows: number, columns: number): [number, number] | undefined {
  const moves: Record<string, [number, number]> = {
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    Home: [row, 0],
    End: [row, columns - 1],
  };
  const to = moves[key];
  return to && to[0] >= 0 && to[0] < rows && to[1] >= 0 && to[1] < columns ? to : undefined;
}

const CAUSES: Record<PresenceCause, string> = {
  never_seen: "never seen",
  heard: "heard",
  beats_missed: "beats missed",
  connection_broke: "the connection broke",
  said_goodbye: "it said goodbye",
  restart_grace: "judging was suspended",
};

export const causeText = (cause: PresenceCause | null): string => (cause === null ? "" : CAUSES[cause]);

export const STATE_TONE: Record<TimelineState, Tone> = { online: "good", late: "warn", offline: "bad", unsettled: "accent", unknown: "quiet" };

/** "Offline for 12 min, from 01 Mar 12:00:00 to 01 Mar 12:12:00: 50 s silent, expected every 10 s". */
export function spanText(each: PresenceSpan): string {
  const length = Date.parse(each.to) - Date.parse(each.from);
  return `${words(each.state)} for ${span(length)}, from ${clock(each.from)} to ${clock(each.to)}${each.reason ? `: ${each.reason}` : ""}`;
}

/** The filter that names the devices of a site; nothing for those without one. */
export function siteFilter(label: string, site: string | null, more = ""): string | null {
  return site === null ? null : `labels.${label} = "${site.replaceAll(/["\\]/g, "\\$&")}"${more}`;
}
