import { describe, expect, it } from "vitest";
import type { GuardReach, Reach } from "../api/rollouts";
import { canaryText, reachStatus } from "./reach";

const guard: GuardReach = { metric: "latency_p95", mode: "automatic", scale: "ratio", worse: "higher", measurable: true, reported_by: 12, can_fail: true, can_pass: true, needed: 3, visible: 0.1, looks: [], message: "this canary can" };
const reach: Reach = { canaries: 3, controls: 9, widened_from: null, classes: [{ class: "fp32", devices: 6, canaries: 2 }, { class: "int8", devices: 6, canaries: 1 }, { class: "tpu", devices: 1, canaries: 0 }], looked_at: 12, summary: "", guards: [guard] };

describe("what a canary can find out", () => {
  it("is said of a guard in a word", () => {
    expect(reachStatus(guard)).toEqual({ tone: "good", text: "In reach" });
    expect(reachStatus({ ...guard, can_fail: false })).toEqual({ tone: "warn", text: "Can never roll back" });
    expect(reachStatus({ ...guard, can_pass: false })).toEqual({ tone: "warn", text: "Can never pass" });
    expect(reachStatus({ ...guard, measurable: false })).toEqual({ tone: "warn", text: "Not measurable" });
    expect(reachStatus({ ...guard, mode: "advisory", can_fail: false }).tone).toBe("quiet");
  });

  it("names the classes that have canaries, and what the policy asked for", () => {
    expect(canaryText(reach)).toBe("3 canaries (2 fp32, 1 int8) beside 9 devices that wait.");
    expect(canaryText({ ...reach, widened_from: 1 })).toBe("3 canaries (2 fp32, 1 int8) beside 9 devices that wait; the policy asked for 1.");
  });
});
