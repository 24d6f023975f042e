import { describe, expect, it } from "vitest";
import type { Rule } from "../api/types";
import { changeOf, figureOf, mayChange, NEW_RULE, previewSentence, wishOf } from "./rule-form";

const TOO_HOT: Rule = { ...NEW_RULE, name: "too_hot", title: "Too hot", judge: "engine", version: 3, shipped: true, changed: false, sentence: "", unit: "°C", updated_at: "2026-01-01T00:00:00Z", updated_by: null, pending: 0, firing: 0 };

function formOf(values: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) form.set(name, value);
  return form;
}

describe("the form of a rule", () => {
  it("says what the API takes", () => {
    const wish = wishOf(formOf({ name: " gpu_hot ", title: "Hot", metric: "health.gpu_temperature_c", at: "85", clear_at: "75.5", for_min: "2.5", severity: "critical", enabled: "on" }), "above");
    expect(wish).toEqual({ name: "gpu_hot", title: "Hot", enabled: true, filter: "", model: "", metric: "health.gpu_temperature_c", condition: { kind: "above", at: 85, clear_at: 75.5 }, for_s: 150, severity: "critical", route: "" });
  });

  it("has the figures of the chosen condition alone", () => {
    const wish = wishOf(formOf({ at: "1", reaches: "0", within_h: "24" }), "trend");
    expect(wish.condition).toEqual({ kind: "trend", reaches: 0, within_h: 24 });
    expect(wish.enabled).toBe(false);
    expect(figureOf({ kind: "trend", reaches: 0, within_h: 24 }, "within_h", 48)).toBe(24);
  });

  it("changes of a judged rule only who hears of it, and of latency its figures", () => {
    const wish = { ...NEW_RULE, name: "x", condition: { kind: "against_usual" as const, ratio: 3, z: 6, clear_ratio: 2 } };
    expect(Object.keys(changeOf({ ...TOO_HOT, judge: "own" }, wish))).toEqual(["name", "title", "enabled", "severity", "route"]);
    expect(changeOf({ ...TOO_HOT, judge: "latency" }, wish).condition).toEqual(wish.condition);
    expect(changeOf(TOO_HOT, wish)).toBe(wish);
    expect(mayChange(undefined)).toEqual({ figures: true, rest: true });
  });

  it("tells a preview in a sentence", () => {
    const preview = { from: "2026-01-01T00:00:00Z", to: "2026-01-08T00:00:00Z", fired: 3, fired_devices: 2, looked: 40, devices: 40, is_sample: false };
    expect(previewSentence(preview)).toBe("Would have fired 3 times on 2 devices in the last 7 days. All 40 devices were looked at.");
    expect(previewSentence({ ...preview, fired: 0, is_sample: true, devices: 900 })).toBe("Would not have fired in the last 7 days. 40 of 900 devices were looked at, a sample.");
    expect(previewSentence({ ...preview, devices: 0 })).toBe("No device matches the filter.");
  });
});
