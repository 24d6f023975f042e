import { describe, expect, it } from "vitest";
import type { Rule } from "../api/rules";
import { changeOf, figureOf, kindOf, mayChange, mayReact, NEW_RULE, previewSentence, reactionsText, subjectOf, wishOf } from "./rule-form";

const TOO_HOT: Rule = { ...NEW_RULE, name: "too_hot", title: "Too hot", judge: "engine", subject: "device", version: 3, shipped: true, changed: false, sentence: "", unit: "°C", updated_at: "2026-01-01T00:00:00Z", updated_by: null, pending: 0, firing: 0 };

function formOf(values: Record<string, string>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(values)) form.set(name, value);
  return form;
}

describe("the form of a rule", () => {
  it("says what the API takes", () => {
    const wish = wishOf(formOf({ name: " gpu_hot ", title: "Hot", metric: "health.gpu_temperature_c", at: "85", clear_at: "75.5", for_min: "2.5", severity: "critical", enabled: "on" }), "above");
    expect(wish).toEqual({ name: "gpu_hot", title: "Hot", enabled: true, filter: "", model: "", metric: "health.gpu_temperature_c", condition: { kind: "above", at: 85, clear_at: 75.5 }, for_s: 150, severity: "critical", route: "", reactions: [] });
  });

  it("has the figures of the chosen condition alone", () => {
    const wish = wishOf(formOf({ at: "1", reaches: "0", within_h: "24" }), "trend");
    expect(wish.condition).toEqual({ kind: "trend", reaches: 0, within_h: 24 });
    expect(wish.enabled).toBe(false);
    expect(figureOf({ kind: "trend", reaches: 0, within_h: 24 }, "within_h", 48)).toBe(24);
  });

  it("turns what is usual around where less is what fires", () => {
    const figures = { ratio: "2", z: "6", clear_ratio: "1.5", least_change: "3" };
    const less = wishOf(formOf(figures), "under_usual").condition;
    expect(less).toEqual({ kind: "against_usual", direction: "below", ratio: 2, z: 6, clear_ratio: 1.5, least_change: 3 });
    expect(kindOf(less)).toBe("under_usual");
    expect(kindOf(wishOf(formOf(figures), "against_usual").condition)).toBe("against_usual");
  });

  it("does by itself what is ticked, no oftener than it may", () => {
    const wish = wishOf(formOf({ react_roll_back: "on", most_roll_back: "3", most_diagnostics: "9" }), "above");
    expect(wish.reactions).toEqual([{ do: "roll_back", most_per_hour: 3 }]);
    expect(reactionsText(wish.reactions)).toBe("rolls back (at most 3 an hour)");
    expect(reactionsText([])).toBe("");
  });

  it("offers what goes with what its alerts are about", () => {
    expect(subjectOf(undefined, "health.cpu_percent")).toBe("device");
    expect(subjectOf(undefined, "presence.offline_s")).toBe("device");
    expect(subjectOf(undefined, "latency_p95")).toBe("model");
    expect(subjectOf({ ...TOO_HOT, judge: "own", subject: "site" }, "")).toBe("site");
    expect(mayReact("roll_back", "device")).toBe(false);
    expect(mayReact("pause_rollouts", "site")).toBe(true);
    expect(mayReact("diagnostics", "rollout")).toBe(false);
  });

  it("changes of a judged rule neither metric nor condition, and of latency its figures", () => {
    const wish = { ...NEW_RULE, name: "x", condition: { kind: "against_usual" as const, ratio: 3, z: 6, clear_ratio: 2 } };
    expect(Object.keys(changeOf({ ...TOO_HOT, judge: "own" }, wish))).toEqual(["name", "title", "enabled", "filter", "model", "severity", "route", "reactions"]);
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
