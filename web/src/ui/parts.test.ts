import { describe, expect, it } from "vitest";
import { failuresOf, partsOf } from "./parts";

describe("the bar of a wave", () => {
  it("gathers states in the order in which an update proceeds", () => {
    const parts = partsOf({ queued: 3, downloading: 1, validating: 2, probation: 1, succeeded: 5 });
    expect(parts.map((p) => [p.kind, p.count])).toEqual([
      ["ok", 5],
      ["probation", 1],
      ["working", 3],
      ["queued", 3],
    ]);
  });

  it("counts devices without a state yet as queued", () => {
    expect(partsOf({ succeeded: 1 }, 4)).toEqual([
      { kind: "ok", label: "Updated", count: 1 },
      { kind: "queued", label: "Queued", count: 3 },
    ]);
  });

  it("keeps apart who went back and who was left out", () => {
    expect(partsOf({ rolled_back: 2, rolling_back: 1, cancelled: 4, superseded: 1 }).map((p) => [p.kind, p.count])).toEqual([
      ["back", 3],
      ["out", 5],
    ]);
    expect(failuresOf({ rolled_back: 2, cancelled: 4 })).toEqual([]);
  });

  it("takes every cause it does not know for a failure", () => {
    expect(failuresOf({ succeeded: 2, download: 1, validate_rejected: 3 })).toEqual([
      ["validate_rejected", 3],
      ["download", 1],
    ]);
  });
});
