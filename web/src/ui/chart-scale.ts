// What a chart's axes and its legend say. Pure.

/** Null breaks a line, undefined does not. */
export type Values = (number | null | undefined)[];

export interface ValueAxis {
  from?: "zero" | "data"; // where it begins
  most?: number; // the highest value there can be
}

/** From the lowest to the highest value of the axis, with some room; of no values at all something that can be drawn. */
export function valueRange(low: number | null, high: number | null, { from, most }: ValueAxis): [number, number] {
  const top = high ?? 1;
  if (from !== "data") return [0, Math.min(top * 1.12 || 1, most ?? Infinity)];
  const bottom = low ?? 0;
  const room = Math.max((top - bottom) * 0.15, Math.abs(top) * 0.02, 1e-6);
  return [bottom - room, Math.min(top + room, most ?? Infinity)];
}

/** Of a tick `t` seconds after 1970, of ticks so many seconds apart. */
export function timeLabel(t: number, step: number): string {
  const at = new Date(t * 1000);
  if (step >= 86400) return at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return at.toLocaleTimeString("en-GB", step < 60 ? { hour: "2-digit", minute: "2-digit", second: "2-digit" } : { hour: "2-digit", minute: "2-digit" });
}

/** The last value that was measured. */
export function newest(values: Values): number | null {
  for (let at = values.length - 1; at >= 0; at -= 1) if (values[at] !== null && values[at] !== undefined) return values[at]!;
  return null;
}

/** The newest of each line, for those who cannot see them. */
export function spokenLast(lines: { label: string; values: Values }[], format: (value: number) => string): string {
  const last = (values: Values) => {
    const value = newest(values);
    return value === null ? "nothing measured" : format(value);
  };
  return lines.map((line) => `${lines.length > 1 ? `${line.label} ` : ""}${last(line.values)}`).join(", ");
}

/** Where a value stands between two that are null: a line has no other way to show it than a dot. */
export function alone(values: Values): number[] {
  const isBroken = (at: number) => at < 0 || at >= values.length || values[at] === null;
  return values.flatMap((value, at) => (value !== null && value !== undefined && isBroken(at - 1) && isBroken(at + 1) ? [at] : []));
}

/** A single empty step is jitter: the line goes on over it, as over what is undefined. */
export function bridged(values: Values): Values {
  const isThere = (at: number) => values[at] !== null && values[at] !== undefined;
  return values.map((value, at) => (value === null && isThere(at - 1) && isThere(at + 1) ? undefined : value));
}
