// The histogram of what devices measured in validation, as bars on an axis that also holds the threshold. Pure.

import type { ValidationNumbers } from "../api/rollouts";

export interface Bar {
  /** Shares of the axis, 0 to 1. */
  left: number;
  width: number;
  /** Of the highest bar. */
  height: number;
  devices: number;
  from: number;
  to: number;
  misses: boolean;
}

export interface Bars {
  from: number;
  to: number;
  bars: Bar[];
  /** Where the threshold lies, 0 to 1. */
  threshold: number | null;
}

export function barsOf(numbers: ValidationNumbers): Bars | null {
  if (numbers.smallest === null || numbers.largest === null) return null;
  const { threshold } = numbers;
  let from = Math.min(numbers.smallest, threshold ?? numbers.smallest);
  let to = Math.max(numbers.largest, threshold ?? numbers.largest);
  const room = to > from ? (to - from) * 0.03 : Math.max(Math.abs(to), 1) * 0.01;
  from -= room;
  to += room;
  const place = (value: number) => (value - from) / (to - from);
  const most = Math.max(...numbers.histogram.map((bin) => bin.devices), 1);
  const narrowest = 0.01;
  return {
    from,
    to,
    threshold: threshold === null ? null : place(threshold),
    bars: numbers.histogram
      .filter((bin) => bin.devices > 0)
      .map((bin) => ({
        left: place(bin.from),
        width: Math.max(place(bin.to) - place(bin.from), narrowest),
        height: bin.devices / most,
        devices: bin.devices,
        from: bin.from,
        to: bin.to,
        misses: threshold !== null && (numbers.higher_is_better ? bin.to < threshold : bin.from > threshold),
      })),
  };
}
