import { describe, expect, it } from "vitest";
import type { Alert } from "../api/alerts";
import { asksText, countsText, grouped, groupTitle, hoursText, marksOf, silenceCommand, silenceOf, subjectName } from "./alert-text";

const alert = (id: number, values: Partial<Alert> = {}): Alert => ({
  id,
  rule: "gone_dark",
  severity: "critical",
  device_id: `cam-${id}`,
  site: null,
  rollout_id: null,
  model: "",
  state: "firing",
  value: null,
  threshold: null,
  message: "",
  opened_at: "2026-01-01T00:00:00Z",
  fired_at: "2026-01-01T00:00:00Z",
  resolved_at: null,
  acknowledged_at: null,
  acknowledged_by: null,
  group: "site/berlin",
  ...values,
});

describe("the groups of alerts", () => {
  it("are those that are told together, what stands for others first", () => {
    const groups = grouped([alert(3, { inhibited_by: 1 }), alert(2, { group: "rule/drift", rule: "drift" }), alert(1)], "told");
    expect(groups.map((group) => group.key)).toEqual(["site/berlin", "rule/drift"]);
    expect(groups[0]!.alerts.map((each) => each.id)).toEqual([1]);
    expect(groups[0]!.under.map((each) => each.id)).toEqual([3]);
  });

  it("may be those of a rule", () => {
    expect(grouped([alert(2, { rule: "drift" }), alert(1)], "rule").map((group) => group.key)).toEqual(["rule/drift", "rule/gone_dark"]);
  });

  it("have titles and counts", () => {
    expect(["site/berlin", "site/a/b", "rollout/12", "rule/gone_dark", ""].map(groupTitle)).toEqual(["Site berlin", "Site a/b", "Rollout 12", "Gone dark", "Other alerts"]);
    expect(countsText({ key: "", severity: null, firing: 3, pending: 0, resolved: 0, inhibited: 8, silenced: 1, acknowledged: 0, rules: [], newest_at: "" })).toBe("3 firing, 8 under another, 1 silenced");
  });
});

describe("an alert", () => {
  it("says why nobody is told of it", () => {
    expect(marksOf(alert(1))).toEqual([]);
    expect(marksOf(alert(1, { inhibited_by: 7, silenced_by: 3, flapping: true, escalations: 2 }))).toEqual(["Alert 7 stands for it", "Silence 3 covers it", "It comes and goes", "Told again 2 times, nobody came"]);
  });

  it("fills the form of a silence with what it is", () => {
    expect(silenceOf(alert(1, { model: "digits" }))).toBe("/alerts?view=silences&filter=id+%3D+%22cam-1%22&rule=gone_dark&model=digits");
    expect(silenceOf(alert(1, { device_id: null, site: "berlin" }))).toBe("/alerts?view=silences&rule=gone_dark");
  });

  it("is named by what it is about", () => {
    expect(["device/cam-7", "site/berlin", "rollout/12"].map((subject) => subjectName({ subject }))).toEqual(["cam-7", "site berlin", "rollout 12"]);
  });
});

describe("a silence", () => {
  it("says what it covers, and in which hours", () => {
    expect(asksText({ filter: "", rule: "", model: "", severity: "" })).toBe("Every alert");
    expect(asksText({ filter: 'labels.site = "berlin"', rule: "gone_dark", model: "digits", severity: "critical" })).toBe('Gone dark, model digits, critical alone, devices labels.site = "berlin"');
    expect(hoursText({ weekly: null })).toBe("");
    expect(hoursText({ weekly: { days: ["sun"], from: "02:00", to: "04:00", time_zone: "UTC" } })).toBe("Sun 02:00–04:00 UTC");
  });

  it("is made from a terminal, too", () => {
    expect(silenceCommand({ filter: 'id = "cam-1"', rule: "drift", model: "", severity: "", hours: "1.5", comment: "it's cleaned" })).toBe(
      `argosy alert silence --filter 'id = "cam-1"' --rule 'drift' --for 90m --comment 'it'\\''s cleaned'`,
    );
  });
});
