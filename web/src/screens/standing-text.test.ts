import { describe, expect, it } from "vitest";
import { standingText } from "./standing-text";

describe("what is said of a rollout that stands", () => {
  it("says nothing when it does not, nor will", () => {
    expect(standingText({ standing: false, stands_since: null, newcomers: 0 })).toBe("");
    expect(standingText({})).toBe(""); // a server of before
  });

  it("says when it will", () => {
    expect(standingText({ standing: true, stands_since: null, newcomers: 0 })).toBe("It stands once it has completed: devices that come later get the release.");
  });

  it("says who came", () => {
    const stands_since = new Date(Date.now() - 3_600_000).toISOString();
    expect(standingText({ standing: true, stands_since, newcomers: 0 })).toMatch(/^It stands, assigned 1 h ago: .* Nobody has come yet\.$/);
    expect(standingText({ standing: true, stands_since, newcomers: 2 })).toContain("2 devices joined since.");
  });
});
