import { describe, expect, it } from "vitest";
import { alone, bridged, newest, spokenLast, timeLabel, valueRange } from "./chart-scale";

describe("the value axis", () => {
  it("begins at zero and leaves room above the highest value", () => expect(valueRange(40, 100, {})).toEqual([0, 112.00000000000001]));
  it("ends at the most that there can be", () => {
    expect(valueRange(90, 100, { most: 100.5 })).toEqual([0, 100.5]);
    expect(valueRange(99, 100, { from: "data", most: 100.5 })[1]).toBeLessThanOrEqual(100.5);
  });
  it("begins near the lowest value when asked to", () => {
    const [bottom, top] = valueRange(40, 60, { from: "data" });
    expect([bottom, top]).toEqual([37, 63]);
  });
  it("has room around a value that never changes", () => {
    const [bottom, top] = valueRange(50, 50, { from: "data" });
    expect(bottom).toBeLessThan(50);
    expect(top).toBeGreaterThan(50);
  });
  it("can be drawn without any value, and of zeros", () => {
    for (const [low, high] of [[null, null], [0, 0]] as const) {
      for (const from of ["zero", "data"] as const) {
        const [bottom, top] = valueRange(low, high, { from });
        expect(top, `${low} ${from}`).toBeGreaterThan(bottom);
      }
    }
  });
});

describe("a tick of the time axis", () => {
  const noon = new Date(2026, 2, 14, 12, 5, 30).getTime() / 1000;
  it("is as exact as its neighbours are far", () => {
    expect(timeLabel(noon, 10)).toBe("12:05:30");
    expect(timeLabel(noon, 300)).toBe("12:05");
    expect(timeLabel(noon, 86400)).toBe("14 Mar");
  });
});

describe("the newest value", () => {
  it("is the last that was measured", () => {
    expect(newest([1, 2, null, null])).toBe(2);
    expect(newest([3, 0])).toBe(0);
    expect(newest([null])).toBeNull();
    expect(newest([])).toBeNull();
  });
  it("is said of each line, by name where there are several", () => {
    const format = (value: number) => `${value} ms`;
    expect(spokenLast([{ label: "p50", values: [1, null] }, { label: "p95", values: [] }], format)).toBe("p50 1 ms, p95 nothing measured");
    expect(spokenLast([{ label: "CPU", values: [0] }], format)).toBe("0 ms");
  });
});

describe("a value alone", () => {
  it("is one without a neighbour", () => {
    expect(alone([1, null, 2, 3, null, null, 4])).toEqual([0, 6]);
    expect(alone([5])).toEqual([0]);
    expect(alone([null, 1, undefined, 2])).toEqual([]);
  });
});

describe("a single empty step", () => {
  it("breaks no line, and more of them do", () => {
    expect(bridged([null, 1, null, 2, null, null, 3, null])).toEqual([null, 1, undefined, 2, null, null, 3, null]);
    expect(alone(bridged([1, null, 2, null, 3]))).toEqual([]);
  });
});
