import { describe, expect, it } from "vitest";
import { errorColumn, hasTerm, withTerm } from "./filter";

const online = 'presence = "online"';
const offline = 'presence = "offline"';

describe("a quick filter", () => {
  it("starts a filter", () => expect(withTerm("", "presence", online)).toBe(online));
  it("joins what is there", () => expect(withTerm('id = "a"', "presence", online)).toBe(`id = "a" AND ${online}`));
  it("takes the place of its field's other term", () => expect(withTerm(online, "presence", offline)).toBe(offline));
  it("goes when pressed again", () => expect(withTerm(`id = "a" AND ${online}`, "presence", online)).toBe('id = "a"'));
  it("keeps alternatives together", () => expect(withTerm('id = "a" OR id = "b"', "presence", online)).toBe(`(id = "a" OR id = "b") AND ${online}`));
  it("leaves an AND inside of a value alone", () => {
    expect(withTerm('labels.site = "here AND there"', "presence", online)).toBe(`labels.site = "here AND there" AND ${online}`);
    expect(withTerm(String.raw`labels.site = "a \" AND b"`, "presence", online)).toBe(String.raw`labels.site = "a \" AND b" AND ` + online);
  });
  it("leaves parentheses alone", () => expect(withTerm(`(id = "a" AND ${offline})`, "presence", online)).toBe(`(id = "a" AND ${offline}) AND ${online}`));
  it("knows when it is on", () => {
    expect(hasTerm(`id = "a" AND ${online}`, online)).toBe(true);
    expect(hasTerm(`NOT ${online}`, online)).toBe(false);
  });
});

describe("a syntax error", () => {
  it("points at its column", () => expect(errorColumn("filter, column 14: expected a value")).toBe(14));
  it("may have none", () => expect(errorColumn("something else")).toBeNull());
});
