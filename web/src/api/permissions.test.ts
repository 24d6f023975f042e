import { describe, expect, it } from "vitest";
import { me } from "../testing/documents";
import { may, refusalFor } from "./permissions";

describe("what a caller may do", () => {
  it("is what the server says, whatever the role is called", () => {
    expect(refusalFor({ ...me("viewer"), permissions: ["operate_rollouts"] }, "operate_rollouts")).toBeUndefined();
    expect(refusalFor({ ...me("admin"), permissions: [] }, "operate_rollouts")).toBe("your role, admin, may not plan or operate rollouts");
  });

  it("is not more for one role because it is more than another: operators publish nothing, publishers operate nothing", () => {
    expect(refusalFor(me("operator"), "publish_releases")).toBe("your role, operator, may not publish releases");
    expect(refusalFor(me("publisher"), "operate_rollouts")).toBe("your role, publisher, may not plan or operate rollouts");
    for (const role of ["operator", "publisher"] as const) expect(refusalFor(me(role), "prepare_patches")).toBeUndefined();
  });

  it("may be any of several things", () => {
    expect(may(me("admin"), "manage_people", "read_audit")).toBe(true);
    expect(may(me("operator"), "manage_people", "read_audit")).toBe(false);
  });
});
