// The bars of a confidence histogram, and the parts of a tag's counts. Pure.

import { number, percent } from "../ui/format";

/** At least so sure is sure: the upper four of twenty bins. */
const SURE_PERCENT = 80;
const COLOURS = ["var(--accent)", "var(--series-2)", "var(--series-3)", "var(--series-4)"];

export interface ConfidenceBar {
  /** In percent. */
  from: number;
  to: number;
  count: number;
  /** Of the highest bar, 0 to 1. */
  height: number;
}

export function barsOfConfidence(bins: number[]): { bars: ConfidenceBar[]; label: string } {
  const width = 100 / bins.length;
  const most = Math.max(...bins, 1);
  const bars = bins.map((count, place) => ({ from: place * width, to: (place + 1) * width, count, height: count / most }));
  const total = bins.reduce((sum, count) => sum + count, 0);
  const sure = bars.filter(({ from }) => from >= SURE_PERCENT).reduce((sum, { count }) => sum + count, 0);
  const label = `${percent(total === 0 ? null : sure / total)} of ${number(total)} were at least ${SURE_PERCENT} % sure`;
  return { bars: bars.filter(({ count }) => count > 0), label };
}

/** The most frequent value first, what had no name of its own last. */
export function piecesOf({ values, other }: { values: Record<string, number>; other: number }) {
  const pieces = Object.entries(values)
    .sort(([one, oneCount], [another, anotherCount]) => anotherCount - oneCount || one.localeCompare(another))
    .map(([label, count], place) => ({ label, count, colour: COLOURS[place % COLOURS.length]! }));
  return other > 0 ? [...pieces, { label: "further values", count: other, colour: "var(--quiet)" }] : pieces;
}
