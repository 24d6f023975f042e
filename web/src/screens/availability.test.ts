import { describe, expect, it } from "vitest";
import { blocksOf, gradeOf, nextCell, shareText, sharesByBlock, siteFilter, spanText } from "./availability";

const hours = (count: number) => Array.from({ length: count }, (_, hour) => new Date(Date.UTC(2026, 2, 1, hour)).toISOString());

describe("grades", () => {
  it("begin where they say", () => {
    expect([1, 0.999, 0.9989, 0.99, 0.95, 0.949, 0.7, 0.69, 0].map((share) => gradeOf(share).fill)).toEqual([0, 0, 0.2, 0.2, 0.4, 0.7, 0.7, 1, 1]);
    expect(gradeOf(null).name).toBe("Not known");
  });
  it("never round up to all", () => {
    expect(shareText(1)).toBe("100 %");
    expect(shareText(0.99999)).toBe("99.99 %");
    expect(shareText(0.5)).toBe("50.00 %");
    expect(shareText(null)).toBe("not known");
  });
});

describe("blocks of hours", () => {
  it("are hours where there is room, and end with the range", () => {
    expect(blocksOf(hours(24), 28)).toHaveLength(24);
    const week = blocksOf(hours(169), 28);
    expect(week).toHaveLength(25);
    expect(week[0]!.hours).toBe(1);
    expect(week.slice(1).every((block) => block.hours === 7)).toBe(true);
    expect(blocksOf([], 28)).toEqual([]);
  });
  it("have the mean of what is known", () => {
    expect(sharesByBlock([1, null, 0.5, null, null, 1, 0], [{ from: "", hours: 3 }, { from: "", hours: 2 }, { from: "", hours: 2 }])).toEqual([0.75, null, 0.5]);
  });
});

describe("the keyboard", () => {
  it("stays within the grid", () => {
    expect(nextCell("ArrowRight", 0, 0, 2, 3)).toEqual([0, 1]);
    expect(nextCell("ArrowRight", 0, 2, 2, 3)).toBeUndefined();
    expect(nextCell("ArrowUp", 0, 2, 2, 3)).toBeUndefined();
    expect(nextCell("End", 1, 0, 2, 3)).toEqual([1, 2]);
    expect(nextCell("x", 0, 0, 2, 3)).toBeUndefined();
  });
});

it("a span tells state, length and reason", () => {
  const told = spanText({ from: "2026-03-01T12:00:00Z", to: "2026-03-01T12:12:00Z", state: "offline", cause: "beats_missed", reason: "50 s silent", changes: 1, online_s: 0 });
  expect(told).toMatch(/^Offline for 12 min, from .* to .*: 50 s silent$/);
});

it("a site's filter quotes what it must", () => {
  expect(siteFilter("site", 'a "b"')).toBe('labels.site = "a \\"b\\""');
  expect(siteFilter("site", "a", ' AND presence = "offline"')).toBe('labels.site = "a" AND presence = "offline"');
  expect(siteFilter("site", null)).toBeNull();
});
