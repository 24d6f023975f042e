import { describe, expect, it } from "vitest";
import type { Recall } from "../api/rollouts";
import { clock } from "../ui/format";
import { recallSentences, waitText, withdrawnText } from "./release-text";

const AT = "2026-01-01T12:00:00Z";

function recall(changes: Partial<Recall> = {}): Recall {
  return { model: "digits", version: "1.1", withdrawn: { at: AT, by: "user:ada", reason: "it overheats" }, running: { devices: 12, filter: 'model.digits = "1.1"' }, rollouts: [], ...changes };
}

describe("what taking a release back came to", () => {
  it("is said for each rollout, with the devices that go back", () => {
    const rollouts = [
      { id: 3, name: "spring", state: "completed" as const, did: "it is rolled back", going_back: 9 },
      { id: 4, name: "summer", state: "draft" as const, did: "it cannot be started", going_back: 0 },
    ];
    expect(recallSentences(recall({ rollouts }))).toEqual(["digits 1.1 runs on 12 devices.", "Rollout 3, “spring”: it is rolled back; 9 devices go back.", "Rollout 4, “summer”: it cannot be started."]);
  });

  it("names the devices that keep it", () => {
    expect(recallSentences(recall({ helpless: { devices: 1, first: ["cam-7"] } })).at(-1)).toBe("1 device keeps it, having no release to go back to: cam-7.");
    expect(recallSentences(recall({ helpless: { devices: 300, first: ["cam-1", "cam-2"] } })).at(-1)).toBe("300 devices keep it, having no release to go back to: cam-1, cam-2 and others.");
    expect(recallSentences(recall({ helpless: { devices: 0, first: [] } }))).toHaveLength(1);
  });

  it("says who, and why", () => {
    expect(withdrawnText(recall().withdrawn)).toBe("by ada: it overheats");
  });
});

describe("what a device waits for", () => {
  it("is its rest before its next try", () => {
    expect(waitText({ resting_until: null, retry_at: null })).toBeUndefined();
    expect(waitText({ resting_until: null, retry_at: AT })).toBe(`tries again at ${clock(AT)}`);
    expect(waitText({ resting_until: AT, retry_at: AT })).toBe(`failed again and again: rests until ${clock(AT)}`);
  });
});
