// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import type { Role } from "../api/access";
import type { Rule } from "../api/rules";
import { me } from "../testing/documents";
import { FakeApi, Problem } from "../testing/fake-api";
import { alertText, button, enter, eventually, field, openDialog, press, seen, show, text } from "../testing/screen";
import { NEW_RULE } from "./rule-form";
import Rules from "./rules";

const HOT: Rule = { ...NEW_RULE, name: "too_hot", title: "Too hot", judge: "engine", subject: "device", version: 3, shipped: true, changed: true, sentence: "health.cpu_temperature_c at 90 °C or more for 5 min, until 80 °C", unit: "°C", updated_at: "2026-01-01T00:00:00Z", updated_by: "user:ada", pending: 0, firing: 2 };
const PREVIEW = { from: "2026-01-01T00:00:00Z", to: "2026-01-08T00:00:00Z", devices: 40, looked: 40, is_sample: false, figures: 9000, fired: 3, fired_devices: 1, items: [{ device_id: "cam-7", model: "", fired: 3, firing_s: 600, episodes: [{ from: "2026-01-02T00:00:00Z", to: null, value: 91 }] }] };

async function showRules(role: Role = "operator"): Promise<FakeApi> {
  const api = new FakeApi()
    .on("GET /me", me(role))
    .on("GET /rules", { items: [HOT] })
    .on("GET /rules/too_hot/versions", { items: [] })
    .on("PATCH /rules/too_hot", HOT)
    .on("POST /rules/preview", PREVIEW);
  show(<Rules />, "/rules");
  await seen("Too hot");
  return api;
}

describe("rules", () => {
  it("shows each with what it fires for and how often it does", async () => {
    await showRules();
    expect(text()).toContain("at 90 °C or more for 5 min");
    expect(text()).toContain("warning");
  });

  it("previews a change before it is saved, and saves it under its version", async () => {
    const api = await showRules();
    press("Edit");
    await seen("Raises alerts");
    enter("At or above", "70");
    press("Preview");
    await seen("Would have fired 3 times on one device in the last 7 days.");
    expect(text()).toContain("cam-7");
    expect((api.of("POST /rules/preview")[0]!.body as { rule: Rule }).rule.condition).toEqual({ kind: "above", at: 70, clear_at: 80 });
    press("Save");
    await eventually(() => expect(openDialog()).toBeNull());
    const saved = api.of("PATCH /rules/too_hot")[0]!;
    expect(saved.headers["If-Match"]).toBe('"3"');
    expect((saved.body as Rule).condition).toEqual({ kind: "above", at: 70, clear_at: 80 });
  });

  it("says what the server does not take", async () => {
    const api = await showRules();
    api.on("PATCH /rules/too_hot", new Problem(412, "precondition-failed", "somebody changed it; look at it again"));
    press("Edit");
    await seen("Raises alerts");
    press("Save");
    await eventually(() => expect(alertText()).toContain("somebody changed it"));
  });

  it("acts by itself only once somebody ticks it, and warns of that", async () => {
    const api = await showRules();
    press("Edit");
    await seen("What it does by itself");
    expect(text()).not.toContain("without asking anybody");
    expect(text()).not.toContain("Roll the device back");
    field("Pause the rollouts that touch it").click();
    await seen("This rule will act without asking anybody.");
    enter("At most an hour", "2");
    press("Save");
    await eventually(() => expect(openDialog()).toBeNull());
    expect((api.of("PATCH /rules/too_hot")[0]!.body as Rule).reactions).toEqual([{ do: "pause_rollouts", most_per_hour: 2 }]);
  });

  it("is for operators to change", async () => {
    await showRules("viewer");
    press("Edit");
    await eventually(() => expect(button("Save").disabled).toBe(true));
    expect(button("Preview").disabled).toBe(false);
  });
});
