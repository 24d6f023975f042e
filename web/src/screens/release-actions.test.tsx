// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import type { Role } from "../api/access";
import type { Release } from "../api/models";
import { queryClient } from "../api/query-client";
import { me } from "../testing/documents";
import { FakeApi } from "../testing/fake-api";
import { alertText, button, buttons, enter, eventually, openDialog, press, seen, show, text } from "../testing/screen";
import { ReleaseActions } from "./release-actions";

const WITHDRAWN = { at: "2026-01-01T00:00:00Z", by: "user:ada", reason: "it overheats" };
const ANSWER = { model: "digits", version: "1.1", withdrawn: WITHDRAWN, running: { devices: 2, filter: 'model.digits = "1.1"' }, rollouts: [{ id: 3, name: "spring", state: "running", did: "it pauses, and can be rolled back", going_back: 0 }] };

async function showRelease(role: Role, withdrawn: Release["withdrawn"] = null): Promise<FakeApi> {
  const api = new FakeApi().on("GET /me", me(role)).on("POST /models/digits/releases/1.1/withdraw", ANSWER);
  const release: Release = { model: "digits", version: "1.1", notes: "", variants: [], validation: null, created_by: "user:ada", published_at: "2026-01-01T00:00:00Z", running: [], withdrawn };
  show(<ReleaseActions release={release} />);
  await eventually(() => expect(queryClient.getQueryData(["me"])).toBeDefined());
  return api;
}

describe("taking a release back", () => {
  it("asks why, and says what came of it", async () => {
    const api = await showRelease("admin");
    press("Withdraw");
    await seen("Withdraw digits 1.1?");
    press("Withdraw");
    await eventually(() => expect(alertText()).toContain("Say why"));
    expect(api.of("POST /models/digits/releases/1.1/withdraw")).toEqual([]);
    enter("Why", "it overheats");
    press("Withdraw");
    await eventually(() => expect(openDialog()).toBeNull());
    expect(api.of("POST /models/digits/releases/1.1/withdraw")[0]!.body).toEqual({ reason: "it overheats" });
    expect(text()).toContain("Rollout 3, “spring”: it pauses, and can be rolled back.");
  });

  it("is for publishers, and a recall for operators", async () => {
    await showRelease("operator");
    await eventually(() => expect(button("Withdraw").disabled).toBe(true));
    expect(button("Recall").disabled).toBe(false);
  });

  it("offers no second withdrawal", async () => {
    await showRelease("admin", WITHDRAWN);
    expect(buttons("Withdraw")).toEqual([]);
    expect(button("Recall").disabled).toBe(false);
  });
});
