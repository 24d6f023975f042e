// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";
import { Account } from "./account";
import { setCsrfToken } from "./api/client";
import { me } from "./testing/documents";
import { FakeApi, Problem, UNREACHABLE } from "./testing/fake-api";
import { alertText, button, enter, eventually, field, openDialog, press, seen, show, text } from "./testing/screen";

const CHANGED = "The password was changed";

beforeEach(() => setCsrfToken("csrf-of-ada"));

function open(answer: unknown): FakeApi {
  const api = new FakeApi().on("PUT /me/password", answer);
  show(<Account me={me()} />);
  press("ada");
  expect(openDialog()).not.toBeNull();
  return api;
}

describe("the password", () => {
  it("is changed with the present one, and forgotten by the form", async () => {
    const api = open({});
    enter("Current password", "the old one");
    enter("New password", "correct horse battery");
    press("Change the password");
    await seen(CHANGED);
    expect(api.of("PUT /me/password")[0]).toMatchObject({ body: { current: "the old one", password: "correct horse battery" }, headers: { "X-CSRF-Token": "csrf-of-ada" } });
    expect(field("New password").value).toBe("");
  });

  it("that is the first needs no present one", async () => {
    const api = open({});
    enter("New password", "correct horse battery");
    press("Change the password");
    await seen(CHANGED);
    expect(api.of("PUT /me/password")[0]!.body).toEqual({ password: "correct horse battery" });
  });

  it("stays when the present one is wrong, and what was typed too", async () => {
    open(new Problem(401, "unauthenticated", "the present password is wrong"));
    enter("Current password", "a guess");
    enter("New password", "correct horse battery");
    press("Change the password");
    await eventually(() => expect(alertText()).toBe("the present password is wrong"));
    expect(text()).not.toContain(CHANGED);
    expect(field("New password").value).toBe("correct horse battery");
  });

  it("is not sent while it is missing", () => {
    const api = open({});
    press("Change the password");
    expect(api.of("PUT /me/password")).toEqual([]);
  });

  it("that could not be sent is forgiven when the dialog is opened anew", async () => {
    open(UNREACHABLE);
    enter("New password", "correct horse battery");
    press("Change the password");
    await eventually(() => expect(alertText()).toContain("cannot be reached"));
    press("Close");
    press("ada");
    await eventually(() => expect(alertText()).toBe(""));
  });
});

describe("signing out everywhere", () => {
  it("cannot be sent while the password is being changed", async () => {
    const api = open(() => new Promise(() => {}));
    enter("New password", "correct horse battery");
    const change = button("Change the password");
    change.click();
    change.click();
    await eventually(() => expect(button("Sign out everywhere").disabled).toBe(true));
    expect(api.of("PUT /me/password")).toHaveLength(1);
  });

  it("that fails says so, and leaves the session", async () => {
    const api = open({}).on("DELETE /me/sessions", new Problem(503, "unavailable", "the database is away"));
    press("Sign out everywhere");
    await eventually(() => expect(alertText()).toBe("the database is away"));
    expect(api.of("DELETE /me/sessions")).toHaveLength(1);
    expect(button("ada")).toBeDefined();
  });
});
