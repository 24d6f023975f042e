import { describe, expect, it } from "vitest";
import type { Patch, Release } from "../api/models";
import { compactSentence } from "./compact-text";
import { MAX_VERSIONS, gridOf, isOpen, leadsForward, patchableVariants, step, trialOutcome } from "./patch-grid";

const release = (version: string, ...variants: string[]) => ({ version, variants: variants.map((name) => ({ name, compact: null })) }) as unknown as Release;
const patch = (from_version: string, to_version: string, more: Partial<Patch> = {}) => ({ from_version, to_version, variant: "fp32", state: "ready", codec: "tensor", will_retry: false, ...more }) as Patch;

const RELEASES = [release("1.2", "fp32", "int8"), release("1.1", "fp32", "int8", "cuda"), release("1.0", "fp32")];

describe("the patch matrix", () => {
  it("has a build that two releases share", () => {
    expect(patchableVariants(RELEASES)).toEqual(["fp32", "int8"]);
    expect(patchableVariants([release("1.0", "fp32")])).toEqual([]);
  });

  it("is a grid over the releases that have the build, newest first", () => {
    const rows = [patch("1.0", "1.1"), patch("1.1", "1.2", { variant: "int8" })];
    const grid = gridOf(RELEASES, rows, "fp32");
    expect(grid.versions).toEqual(["1.2", "1.1", "1.0"]);
    expect(grid.cell("1.0", "1.1")).toBe(rows[0]);
    expect(grid.cell("1.1", "1.2")).toBeUndefined();
    expect(gridOf(RELEASES, rows, "int8").cell("1.1", "1.2")).toBe(rows[1]);
  });

  it("has the patch of the largest file in a cell, and those of the others behind it", () => {
    const rows = [patch("1.0", "1.1", { part: null, full_size: 10 }), patch("1.0", "1.1", { part: "weights.data", full_size: 900 })];
    const grid = gridOf(RELEASES, rows, "fp32");
    expect(grid.cell("1.0", "1.1")).toBe(rows[1]);
    expect(grid.files("1.0", "1.1")).toEqual([rows[1], rows[0]]);
    expect(grid.files("1.1", "1.2")).toEqual([]);
  });

  it("shows no more versions than can be read", () => {
    const many = Array.from({ length: 40 }, (_, index) => release(`1.${40 - index}`, "fp32"));
    expect(gridOf(many, [], "fp32").versions).toHaveLength(MAX_VERSIONS);
  });

  it("asks for patches to newer versions alone", () => {
    const grid = gridOf(RELEASES, [], "fp32");
    expect(leadsForward(grid, "1.0", "1.2")).toBe(true);
    expect(leadsForward(grid, "1.2", "1.0")).toBe(false);
  });

  it("lets go of what is open", () => {
    expect(isOpen(patch("1.0", "1.1", { state: "making" }))).toBe(true);
    expect(isOpen(patch("1.0", "1.1", { state: "failed", will_retry: true }))).toBe(true);
    expect(isOpen(patch("1.0", "1.1", { state: "failed" }))).toBe(false);
    expect(isOpen(patch("1.0", "1.1"))).toBe(false);
  });

  it("says what became of each codec", () => {
    const trial = { codec: "zstd", bytes: 90, seconds: 0.1, failure: null };
    expect(trialOutcome(trial, patch("1.0", "1.1"))).toBe("Larger than tensor");
    expect(trialOutcome({ ...trial, codec: "tensor" }, patch("1.0", "1.1"))).toBe("Chosen");
    expect(trialOutcome(trial, patch("1.0", "1.1", { state: "declined" }))).toBe("Saves too little");
    expect(trialOutcome({ ...trial, bytes: null, failure: "needs 2 GB" }, patch("1.0", "1.1"))).toBe("needs 2 GB");
  });

  it("is walked by arrow keys, past the empty diagonal, to its edges", () => {
    expect(step("ArrowRight", 0, 1, 3)).toEqual([0, 2]);
    expect(step("ArrowRight", 1, 0, 3)).toEqual([1, 2]);
    expect(step("ArrowDown", 0, 1, 3)).toEqual([2, 1]);
    expect(step("ArrowLeft", 1, 0, 3)).toBeUndefined();
    expect(step("ArrowLeft", 0, 1, 3)).toBeUndefined();
    expect(step("Enter", 0, 1, 3)).toBeUndefined();
  });
});

describe("a compact release", () => {
  it("is summed up in a sentence, from what the report holds", () => {
    expect(compactSentence({ bits: 4, full_bytes: 1000, patch_bytes: 112, agreement: 0.998 })).toBe("Compact at 4 bits: patch 11.2 % of the file, 99.8 % equal predictions");
    expect(compactSentence({ bits: 4, agreement: 1 })).toBe("Compact at 4 bits: 100.0 % equal predictions");
    expect(compactSentence({ bits: 3, agreement: null, patch_bytes: null, full_bytes: 1000 })).toBe("Compact at 3 bits");
    expect(compactSentence({})).toBe("Compact");
  });
});
