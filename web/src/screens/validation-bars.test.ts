import { describe, expect, it } from "vitest";
import type { ValidationNumbers } from "../api/rollouts";
import { barsOf } from "./validation-bars";

const numbers: ValidationNumbers = {
  metric: "accuracy",
  threshold: 0.94,
  higher_is_better: true,
  missed: 1,
  measured: 5,
  smallest: 0.9,
  median: 0.96,
  largest: 1,
  histogram: [
    { from: 0.9, to: 0.92, devices: 1 },
    { from: 0.92, to: 0.98, devices: 0 },
    { from: 0.98, to: 1, devices: 4 },
  ],
};

describe("barsOf", () => {
  it("shows the bins that hold devices, and which of them miss the threshold", () => {
    const shown = barsOf(numbers)!;
    expect(shown.bars.map((bar) => [bar.devices, bar.misses])).toEqual([
      [1, true],
      [4, false],
    ]);
    expect(shown.bars[1]!.height).toBe(1);
    expect(shown.threshold).toBeGreaterThan(shown.bars[0]!.left + shown.bars[0]!.width);
    expect(shown.threshold).toBeLessThan(shown.bars[1]!.left);
  });

  it("has room for a threshold that nobody came near", () => {
    const shown = barsOf({ ...numbers, threshold: 0.5 })!;
    expect(shown.threshold).toBeGreaterThan(0);
    expect(shown.bars[0]!.left).toBeGreaterThan(0.5);
    expect(shown.bars.every((bar) => !bar.misses)).toBe(true);
  });

  it("shows one value as one bar, and nothing where nobody measured", () => {
    const one = barsOf({ ...numbers, smallest: 0.9, largest: 0.9, threshold: null, histogram: [{ from: 0.9, to: 0.9, devices: 3 }] })!;
    expect(one.bars).toHaveLength(1);
    expect(one.bars[0]!.width).toBeGreaterThan(0);
    expect(barsOf({ ...numbers, measured: 0, smallest: null, median: null, largest: null, histogram: [] })).toBeNull();
  });
});
