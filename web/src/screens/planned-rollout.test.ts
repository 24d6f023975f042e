import { describe, expect, it } from "vitest";
import { rollout } from "../testing/documents";
import { earlierTroubles, plannedRollout } from "./planned-rollout";

function planned(values: Record<string, string>, filter = "") {
  const form = new FormData();
  for (const [name, value] of Object.entries({ name: "", version: "1.1", canary: "5", bake: "60", ...values })) form.set(name, value);
  return plannedRollout(form, "digits", filter);
}

describe("a planned rollout", () => {
  it("opens with the canaries, then all", () => expect(planned({ canary: "2.5" }).policy.waves).toEqual([{ share: 0.025 }, { share: 1 }]));
  it("is one wave when the canaries are everybody", () => expect(planned({ canary: "100" }).policy.waves).toEqual([{ share: 1 }]));
  it("bakes for so many minutes, in whole seconds", () => {
    expect(planned({ bake: "60" }).policy.gate.bake_s).toBe(3600);
    expect(planned({ bake: "0.01" }).policy.gate.bake_s).toBe(1);
    expect(planned({ bake: "0" }).policy.gate.bake_s).toBe(0);
  });
  it("waits for an operator when the box is ticked", () => {
    expect(planned({}).policy.gate.manual).toBe(false);
    expect(planned({ manual: "on" }).policy.gate.manual).toBe(true);
  });
  it("takes the canaries as a count", () => expect(planned({ canary: "5", unit: "devices" }).policy.waves).toEqual([{ devices: 5 }, { share: 1 }]));
  it("has a pace, approval and a time only where they are asked for", () => {
    const plain = planned({ pace: "", start: "" });
    expect(plain.policy).not.toHaveProperty("pace");
    expect(plain.policy).not.toHaveProperty("approval");
    expect(plain).not.toHaveProperty("start_at");
    expect(plain).not.toHaveProperty("standing");
    expect(planned({ standing: "on" }).standing).toBe(true);
    const full = planned({ pace: "30", approval: "on", start: "2027-01-15T08:00" });
    expect(full.policy).toMatchObject({ pace: { per_minute: 30 }, approval: { required: true } });
    expect(full.start_at).toBe(new Date(2027, 0, 15, 8).toISOString());
  });
  it("is called after its release unless it is named", () => {
    expect(planned({}).name).toBe("digits 1.1");
    expect(planned({ name: "For Oslo" }).name).toBe("For Oslo");
  });
  it("is for the devices of the filter", () => expect(planned({}, 'labels.site = "oslo"').filter).toBe('labels.site = "oslo"'));
});

describe("earlier rollouts of a release", () => {
  const troubles = (changes: Parameters<typeof rollout>[1]) => earlierTroubles([rollout([], changes)], "digits", "1.1");
  it("are told of when they were stopped, or devices refused the release", () => {
    expect(troubles({ state: "rolled_back" })).toEqual(["Rollout 3, “Digits for all”, of this release: rolled back."]);
    expect(troubles({ state: "completed", counts: { succeeded: 9, validate_rejected: 2 } })).toEqual(["Rollout 3, “Digits for all”, of this release: completed; 2 devices refused it."]);
  });
  it("are not when nothing went wrong, or the release is another", () => {
    expect(troubles({ state: "completed", counts: { succeeded: 9 } })).toEqual([]);
    expect(troubles({ state: "halted", version: "1.0" })).toEqual([]);
    expect(troubles({ state: "halted", model: "waves" })).toEqual([]);
  });
});
