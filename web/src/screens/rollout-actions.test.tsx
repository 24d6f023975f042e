// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { queryClient } from "../api/query-client";
import type { Rollout } from "../api/rollouts";
import { me, rollout } from "../testing/documents";
import { FakeApi, Problem, UNREACHABLE } from "../testing/fake-api";
import { alertText, button, buttons, eventually, openDialog, press, seen, show, text } from "../testing/screen";
import { setCsrfToken } from "../api/client";
import { RolloutActions } from "./rollout-actions";

async function showActions(of: Rollout, role: "operator" | "viewer" = "operator"): Promise<FakeApi> {
  const api = new FakeApi().on("GET /me", me(role));
  setCsrfToken("csrf-of-ada");
  show(<RolloutActions rollout={of} />);
  await eventually(() => expect(queryClient.getQueryData(["me"])).toBeDefined());
  return api;
}

/** Asks for it, and says yes. */
async function confirm(label: string) {
  press(label);
  await seen(`${label} “Digits for all”?`);
  press(label);
}

describe("an action on a rollout", () => {
  it("asks first, says what it does, and how to do it from a terminal", async () => {
    const api = await showActions(rollout(["pause", "halt"]));
    press("Halt");
    await seen("Halt “Digits for all”?");
    expect(text()).toContain("devices that have it keep it. This cannot be taken back.");
    expect(text()).toContain("argosy rollout halt 3");
    press("Cancel");
    await eventually(() => expect(openDialog()).toBeNull());
    expect(api.of("POST /rollouts/3/halt")).toEqual([]);
  });

  it("goes out once, for the rollout as it was looked at", async () => {
    const api = await showActions(rollout(["pause"]));
    api.on("POST /rollouts/3/pause", rollout(["resume"], { state: "paused", etag: "18" }));
    await confirm("Pause");
    await eventually(() => expect(openDialog()).toBeNull());
    const sent = api.of("POST /rollouts/3/pause");
    expect(sent).toHaveLength(1);
    expect(sent[0]!.headers["If-Match"]).toBe('"17"');
    expect(sent[0]!.headers["X-CSRF-Token"]).toBe("csrf-of-ada");
    expect(queryClient.getQueryData<Rollout>(["rollout", "3"])?.state).toBe("paused");
  });

  it("lets a rollout stand, for the rollout as it was looked at", async () => {
    const api = await showActions(rollout(["assign", "rollback"], { state: "completed" }));
    expect(buttons("Let it stand no more")).toEqual([]);
    api.on("POST /rollouts/3/assign", rollout(["unassign", "rollback"], { state: "completed", standing: true, stands_since: "2026-01-01T00:00:00Z", etag: "18" }));
    await confirm("Let it stand");
    await eventually(() => expect(openDialog()).toBeNull());
    expect(api.of("POST /rollouts/3/assign")[0]!.headers["If-Match"]).toBe('"17"');
    expect(queryClient.getQueryData<Rollout>(["rollout", "3"])?.standing).toBe(true);
  });

  it("that crosses somebody else's says so, and has the rollout read again", async () => {
    const api = await showActions(rollout(["pause"]));
    queryClient.setQueryData(["rollout", "3"], rollout(["pause"]));
    api.on("POST /rollouts/3/pause", new Problem(412, "precondition-failed", "the etag is 18"));
    await confirm("Pause");
    await eventually(() => expect(alertText()).toBe("Somebody else changed this rollout meanwhile. Look at it again, then decide."));
    expect(openDialog()).not.toBeNull();
    expect(queryClient.getQueryState(["rollout", "3"])?.isInvalidated).toBe(true);
  });

  it("that the server refuses gives its reason, and may be tried again", async () => {
    const api = await showActions(rollout(["pause"]));
    api.on("POST /rollouts/3/pause", new Problem(409, "illegal-transition", "the rollout is completed"));
    await confirm("Pause");
    await eventually(() => expect(alertText()).toBe("the rollout is completed"));
    api.on("POST /rollouts/3/pause", rollout([], { state: "paused" }));
    press("Pause");
    await eventually(() => expect(openDialog()).toBeNull());
  });

  it("cannot be sent twice while the server thinks", async () => {
    const api = await showActions(rollout(["pause"]));
    let answer: (value: unknown) => void = () => {};
    api.on("POST /rollouts/3/pause", () => new Promise((resolve) => (answer = resolve)));
    await confirm("Pause");
    await eventually(() => expect(button("Pause").disabled).toBe(true));
    answer(rollout([], { state: "paused" }));
    await eventually(() => expect(openDialog()).toBeNull());
  });

  it("starts afresh after a failure that was closed", async () => {
    const api = await showActions(rollout(["pause"]));
    api.on("POST /rollouts/3/pause", UNREACHABLE);
    await confirm("Pause");
    await eventually(() => expect(alertText()).toContain("cannot be reached"));
    press("Cancel");
    press("Pause");
    await eventually(() => expect(alertText()).toBe(""));
  });
});

describe("the buttons of a rollout", () => {
  const labels = () => [...document.querySelectorAll('[role="group"] > button')].map((each) => each.textContent);

  it("are those that may be pressed, and those that one looks for, with the reason why not", async () => {
    await showActions(rollout(["pause", "halt", "rollback"], { allowed: { ...rollout(["pause", "halt", "rollback"]).allowed, promote: "wave 1 is the last one" } }));
    expect(labels()).toEqual(["Pause", "Resume", "Promote", "Retry failed", "Halt", "Roll back"]);
    expect(button("Promote").disabled).toBe(true);
    expect(button("Promote").title).toBe("wave 1 is the last one");
    expect(text()).toContain("Promote: wave 1 is the last one.");
  });

  it("are few for a draft", async () => {
    await showActions(rollout(["start"], { state: "draft" }));
    expect(labels()).toEqual(["Start", "Promote", "Roll back"]);
  });

  it("are all locked for who may only look, with one reason", async () => {
    await showActions(rollout(["pause", "halt"]), "viewer");
    await seen("You may look, but your role, viewer, may not plan or operate rollouts.");
    expect(buttons("Pause").every((each) => each.disabled)).toBe(true);
    expect(text()).not.toContain("it is not its time");
  });

  it("promotes all with a word beside, and only where promoting is allowed", async () => {
    const api = await showActions(rollout(["promote"]));
    api.on("POST /rollouts/3/promote", rollout([], { promote_all: true }));
    await confirm("Promote all");
    await eventually(() => expect(openDialog()).toBeNull());
    expect(api.of("POST /rollouts/3/promote")[0]!.body).toEqual({ all: true });
  });

  it("that may not be done has one button and one reason", async () => {
    await showActions(rollout([]));
    expect(buttons("Promote")).toHaveLength(1);
    expect(buttons("Promote all")).toHaveLength(0);
  });

  it("is not for whoever made the rollout to approve", async () => {
    const { user } = me("operator");
    await showActions(rollout(["approve", "refuse", "cancel"], { state: "awaiting_approval", created_by: `user:${user.name}` }));
    await eventually(() => expect(button("Approve").disabled).toBe(true));
    expect(button("Refuse").disabled).toBe(true);
    expect(text()).toContain("you made this rollout, so another account has to decide");
    expect(button("Cancel the start").disabled).toBe(false);
  });
});
