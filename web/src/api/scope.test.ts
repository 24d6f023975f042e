import { describe, expect, it } from "vitest";
import { scopeOf } from "./scope";

describe("what a screen watches", () => {
  it("is its device", () => expect(scopeOf("/devices/cam-7")).toBe("device:cam-7"));
  it("is its rollout", () => expect(scopeOf("/rollouts/3")).toBe("rollout:3"));
  it("is the fleet elsewhere", () => {
    for (const path of ["/", "/devices", "/rollouts", "/alerts", "/models/digits"]) expect(scopeOf(path)).toBe("overview");
  });
});
