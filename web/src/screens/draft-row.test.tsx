// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import type { Role } from "../api/access";
import type { Draft } from "../api/models";
import { queryClient } from "../api/query-client";
import { me } from "../testing/documents";
import { FakeApi } from "../testing/fake-api";
import { button, eventually, openDialog, press, seen, show, text } from "../testing/screen";
import { DraftRow } from "./draft-row";

const DRAFT: Draft = { model: "digits", version: "1.4", notes: "Try it", variants: [], validation: null, created_by: "user:ada", updated_by: "user:bob", updated_at: "2026-01-01T00:00:00Z" };

async function showDraft(role: Role): Promise<FakeApi> {
  const api = new FakeApi().on("GET /me", me(role)).on("POST /models/digits/drafts/1.4/publish", {}).on("DELETE /models/digits/drafts/1.4", {});
  show(
    <table>
      <tbody>
        <DraftRow draft={DRAFT} />
      </tbody>
    </table>,
  );
  await eventually(() => expect(queryClient.getQueryData(["me"])).toBeDefined());
  return api;
}

describe("a draft among releases", () => {
  it("is marked, and is published as it is", async () => {
    const api = await showDraft("publisher");
    expect(text()).toContain("Draft");
    expect(text()).toContain("not published");
    press("Publish");
    await seen("Publish digits 1.4?");
    press("Publish");
    await eventually(() => expect(api.of("POST /models/digits/drafts/1.4/publish")).toHaveLength(1));
    await eventually(() => expect(openDialog()).toBeNull());
  });

  it("is thrown away after a question", async () => {
    const api = await showDraft("publisher");
    press("Discard");
    await seen("Discard the draft of digits 1.4?");
    expect(api.of("DELETE /models/digits/drafts/1.4")).toEqual([]);
    press("Discard");
    await eventually(() => expect(api.of("DELETE /models/digits/drafts/1.4")).toHaveLength(1));
  });

  it("is for publishers", async () => {
    await showDraft("operator");
    await eventually(() => expect(button("Publish").disabled).toBe(true));
    expect(button("Discard").disabled).toBe(true);
  });
});
