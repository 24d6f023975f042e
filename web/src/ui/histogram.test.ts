import { describe, expect, it } from "vitest";
import { histogramHeights } from "./histogram";

describe("two histograms on one scale", () => {
  it("compares shares, not counts", () => {
    expect(histogramHeights([10, 10], [1, 1])).toEqual({ bins: 2, a: [1, 1], b: [1, 1] });
  });
  it("scales by the highest of both", () => {
    expect(histogramHeights([1, 1], [0, 8])).toEqual({ bins: 2, a: [0.5, 0.5], b: [0, 1] });
  });
  it("stays empty without counts", () => {
    expect(histogramHeights([], [0, 0])).toEqual({ bins: 2, a: [0, 0], b: [0, 0] });
  });
});
