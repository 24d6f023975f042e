import { describe, expect, it } from "vitest";
import { barsOfConfidence, piecesOf } from "./model-answers-text";

describe("the confidence histogram", () => {
  it("has a bar for each bin that is not empty, and says how many inferences were sure", () => {
    const bins = Array.from({ length: 20 }, () => 0);
    bins[9] = 1;
    bins[16] = 2;
    bins[19] = 1;
    const { bars, label } = barsOfConfidence(bins);
    expect(bars.map(({ from }) => from)).toEqual([45, 80, 95]);
    expect(bars[1]).toEqual({ from: 80, to: 85, count: 2, height: 1 });
    expect(bars[2]!.height).toBe(0.5);
    expect(label).toBe("75.0 % of 4 were at least 80 % sure");
  });
  it("is empty where nothing was counted", () => expect(barsOfConfidence([0, 0]).bars).toEqual([]));
});

describe("the values of a tag", () => {
  it("come in the order of their counts, those without a name last", () => {
    const pieces = piecesOf({ values: { right: 2, left: 40, up: 2 }, other: 9 });
    expect(pieces.map(({ label, count }) => [label, count])).toEqual([
      ["left", 40],
      ["right", 2],
      ["up", 2],
      ["further values", 9],
    ]);
    expect(piecesOf({ values: { left: 1 }, other: 0 })).toHaveLength(1);
  });
});
