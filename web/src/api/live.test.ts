import { describe, expect, it } from "vitest";
import { keysTouchedBy } from "./live";

describe("what a message of the live stream makes stale", () => {
  it("is the thing that a hint names", () => {
    expect(keysTouchedBy("device", { id: "cam-7" })).toEqual([["device", "cam-7"]]);
    expect(keysTouchedBy("rollout", { id: 3 })).toEqual([["rollout", "3"], ["rollouts"]]);
    expect(keysTouchedBy("overview", { id: null })).toEqual([["overview"]]);
  });
  it("is everything that an event's device shows in", () => {
    expect(keysTouchedBy("event", { kind: "update.state", device_id: "cam-7", rollout_id: null })).toEqual([["events"], ["device", "cam-7"], ["devices"], ["overview"]]);
  });
  it("is the list of alerts when one fires", () => {
    expect(keysTouchedBy("event", { kind: "alert.firing", device_id: "cam-7" })).toContainEqual(["alerts"]);
  });
  it("is the models when a release or a patch comes", () => {
    expect(keysTouchedBy("event", { kind: "release.published" })).toContainEqual(["models"]);
    expect(keysTouchedBy("event", { kind: "patch.ready" })).toContainEqual(["models"]);
  });
});
