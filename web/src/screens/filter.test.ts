import { describe, expect, it } from "vitest";
import { withTerm } from "./filter";

const online = 'presence = "online"';
const offline = 'presence = "offline"';

describe("a quick filter", () => {
  it("starts a filter", () => expect(withTerm("", "presence", online)).toBe(online));
  it("joins what is there", () => expect(withTerm('id = "a"', "presence", online)).toBe(`id = "a" AND ${online}`));
  it("takes the place of its field's other term", () => expect(withTerm(online, "presence", offline)).toBe(offline));
  it("goes when pressed again", () => expect(withTerm(`id = "a" AND ${online}`, "presence", online)).toBe('id = "a"'));
});
