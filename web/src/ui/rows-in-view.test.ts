import { describe, expect, it } from "vitest";
import { rowsInView } from "./rows-in-view";

describe("the rows that a window shows", () => {
  it("are all of a short list", () => expect(rowsInView(5, 40, 300, 800)).toEqual({ first: 0, last: 5 }));
  it("are those from the top on, and some beyond", () => expect(rowsInView(5000, 40, 300, 800)).toEqual({ first: 0, last: 25 }));
  it("move with the scroll", () => expect(rowsInView(5000, 40, -40_000, 800)).toEqual({ first: 988, last: 1032 }));
  it("end with the list", () => expect(rowsInView(100, 40, -3600, 800)).toEqual({ first: 78, last: 100 }));
  it("are none of none", () => expect(rowsInView(0, 40, 100, 800)).toEqual({ first: 0, last: 0 }));
});
