// Heights of two histograms over the same bins, on one scale. Pure.

/** Shares of each bin, scaled so that the highest of both is 1; the shorter one is filled up with empty bins. */
export function histogramHeights(reference: number[], present: number[]): { bins: number; a: number[]; b: number[] } {
  const bins = Math.max(reference.length, present.length);
  const shares = (counts: number[]) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    return Array.from({ length: bins }, (_, index) => (total === 0 ? 0 : (counts[index] ?? 0) / total));
  };
  const a = shares(reference);
  const b = shares(present);
  const highest = Math.max(...a, ...b, Number.MIN_VALUE);
  return { bins, a: a.map((share) => share / highest), b: b.map((share) => share / highest) };
}
