// How right versions are in the field, as rows of a table: measured by labels and estimated without, never mixed. Pure.

import type { LabelStatus } from "../api/labels";
import type { FieldAccuracy } from "../api/telemetry";
import { number, percent, plural, span, words } from "../ui/format";

export interface AccuracyRow {
  version: string;
  kind: "measured" | "estimated";
  value: string;
  interval: string;
  from: string; // what it is of, and how late that came
}

/** Versions in the order of the answer, `first` before all others. */
export function accuracyRows(accuracy: FieldAccuracy, first?: string): AccuracyRow[] {
  const inOrder = [...accuracy.versions].sort((one, other) => Number(other.version === first) - Number(one.version === first));
  return inOrder.flatMap(({ version, devices, measured, estimated }) => {
    const on = ` on ${plural(devices, "device")}`;
    const rows: AccuracyRow[] = [];
    if (measured) rows.push({ version, kind: "measured", value: percent(measured.value), interval: intervalOf(measured), from: `${labelsText(measured.labels, measured.later, measured.delay_s)}${on}` });
    if (estimated) rows.push({ version, kind: "estimated", value: percent(estimated.value), interval: intervalOf(estimated), from: `the confidence of ${plural(estimated.answers, "answer")}${on}` });
    return rows;
  });
}

/** "120 labels, 20 of them after 3 h": how many came later, and how late. */
export function labelsText(labels: number, later: number, delayS: number | null): string {
  if (later === 0) return `${plural(labels, "label")} at inference`;
  const which = later === labels ? (labels === 1 ? "it came" : "all") : `${number(later)} of them`;
  return `${plural(labels, "label")}, ${which} after ${span((delayS ?? 0) * 1000)}`;
}

/** What became of the labels that people and other systems told; nothing where none were. */
export function toldLabels(status: LabelStatus): [string, string][] {
  const lines = status.counts.map(({ model, state, labels, message }): [string, string] => [`${words(state)}, ${model}`, `${number(labels)}: ${message}`]);
  if (status.waiting > 0) lines.unshift(["Waiting", `${number(status.waiting)}, for the device to fetch them`]);
  return lines;
}

function intervalOf({ lower, upper }: { lower?: number; upper?: number }): string {
  return lower === undefined || upper === undefined ? "–" : `${number(100 * lower, 1)} to ${percent(upper)}`;
}
