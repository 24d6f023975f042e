import { describe, expect, it } from "vitest";

import type { FieldAccuracy } from "../api/telemetry";
import { accuracyRows, labelsText, toldLabels } from "./field-accuracy";

const found: FieldAccuracy = {
  model: "digits", from: "2026-11-23T00:00:00Z", to: "2026-11-30T00:00:00Z", devices: 3,
  versions: [
    { version: "1.0", devices: 2, measured: { value: 0.95, lower: 0.93, upper: 0.965, labels: 400, later: 100, delay_s: 7200 }, estimated: { value: 0.94, lower: 0.939, upper: 0.941, answers: 90_000 } },
    { version: "1.1", devices: 1, measured: null, estimated: { value: 0.97, lower: 0.96, upper: 0.98, answers: 1 } },
  ],
};

describe("accuracyRows", () => {
  it("tells the kinds apart, each with its interval and what it is of", () => {
    expect(accuracyRows(found)).toEqual([
      { version: "1.0", kind: "measured", value: "95.0 %", interval: "93.0 to 96.5 %", from: "400 labels, 100 of them after 2 h on 2 devices" },
      { version: "1.0", kind: "estimated", value: "94.0 %", interval: "93.9 to 94.1 %", from: "the confidence of 90,000 answers on 2 devices" },
      { version: "1.1", kind: "estimated", value: "97.0 %", interval: "96.0 to 98.0 %", from: "the confidence of 1 answer on 1 device" },
    ]);
  });

  it("puts the version that is asked about first", () => {
    expect(accuracyRows(found, "1.1").map(({ version }) => version)).toEqual(["1.1", "1.0", "1.0"]);
  });
});

describe("labelsText", () => {
  it.each([
    [5, 0, null, "5 labels at inference"],
    [5, 5, 90, "5 labels, all after 1 min"],
    [1, 1, 3600, "1 label, it came after 1 h"],
    [5, 2, 86_400, "5 labels, 2 of them after 1 d"],
  ])("of %d labels, %d later", (labels, later, delay, text) => expect(labelsText(labels, later, delay)).toBe(text));
});

describe("toldLabels", () => {
  it("begins with what waits and says what each outcome means", () => {
    const counts = [{ model: "digits", state: "other_model" as const, message: "another model predicted under this id", labels: 1200, newest_at: "2026-11-30T00:00:00Z" }];
    expect(toldLabels({ waiting: 2, waiting_since: null, takes_labels: true, counts })).toEqual([
      ["Waiting", "2, for the device to fetch them"],
      ["Other model, digits", "1,200: another model predicted under this id"],
    ]);
    expect(toldLabels({ waiting: 0, waiting_since: null, takes_labels: true, counts: [] })).toEqual([]);
  });
});
