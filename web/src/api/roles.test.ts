import { describe, expect, it } from "vitest";
import { refusalFor } from "./roles";

describe("roles", () => {
  it("include those below", () => {
    expect(refusalFor("admin", "operator")).toBeUndefined();
    expect(refusalFor("operator", "operator")).toBeUndefined();
  });
  it("name what is missing", () => expect(refusalFor("viewer", "operator")).toBe("this needs the role operator, and yours is viewer"));
});
