import { describe, expect, it } from "vitest";
import { ago, bytes, duration, firstSentence, milliseconds, percent, span, words } from "./format";

describe("numbers for people", () => {
  it("scales bytes by a thousand", () => {
    expect(bytes(999)).toBe("999 B");
    expect(bytes(154_074)).toBe("154.1 KB");
    expect(bytes(4_200_000_000)).toBe("4.2 GB");
    expect(bytes(null)).toBe("–");
  });

  it("shows nothing rather than a false zero", () => {
    expect(percent(null)).toBe("–");
    expect(milliseconds(undefined)).toBe("–");
    expect(milliseconds(Number.NaN)).toBe("–");
  });

  it("keeps three figures of a latency", () => {
    expect(milliseconds(0.314)).toBe("0.31 ms");
    expect(milliseconds(12.34)).toBe("12.3 ms");
    expect(milliseconds(512.4)).toBe("512 ms");
  });

  it("tells a span in its largest whole unit", () => {
    expect(span(59_000)).toBe("59 s");
    expect(span(61 * 60_000)).toBe("1 h");
    expect(ago("2026-01-01T00:00:00Z", Date.parse("2026-01-03T01:00:00Z"))).toBe("2 d ago");
  });

  it("tells a span that somebody set in the unit they thought in", () => {
    expect([0, 60, 90, 300, 7200, 86400].map(duration)).toEqual(["0 s", "60 s", "90 s", "5 min", "2 h", "1 d"]);
  });

  it("ends a sentence at a full stop, not at a version", () => {
    expect(firstSentence('All 12 devices are online. Rollout "digits 1.1" is in wave 1 of 2.')).toEqual(["All 12 devices are online.", 'Rollout "digits 1.1" is in wave 1 of 2.']);
    expect(firstSentence("All is well.")).toEqual(["All is well.", ""]);
  });

  it("turns identifiers into words", () => {
    expect(words("probation_rolled_back")).toBe("Probation rolled back");
  });
});
