// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from "vitest";
import { App } from "./app";
import { queryClient } from "./api/query-client";
import { me } from "./testing/documents";
import { FakeApi, Problem, UNREACHABLE } from "./testing/fake-api";
import { alertText, enter, eventually, press, seen, show, text } from "./testing/screen";

const NOBODY = new Problem(401, "unauthenticated", "there is no session");

class SilentStream extends EventTarget {
  static CLOSED = 2;
  close() {}
}

const inside = () => [...document.querySelectorAll("nav a")].map((link) => link.textContent);

beforeEach(() => vi.stubGlobal("EventSource", SilentStream));

describe("who is not signed in", () => {
  it("is asked for name and password, and then sees the page that was asked for", async () => {
    const api = new FakeApi().on("GET /me", NOBODY).on("POST /login", me()).on("GET /alerts", { items: [], next_cursor: null, total: 0 });
    show(<App />, "/alerts");
    await seen("Sign in");
    expect(inside()).toEqual([]);
    enter("Name", "ada");
    enter("Password", "correct horse battery");
    press("Sign in");
    await eventually(() => expect(inside()).toEqual(["Overview", "Devices", "Rollouts", "Models", "Connectivity", "Alerts", "Explore", "Settings"]));
    expect(api.of("POST /login")[0]!.body).toEqual({ name: "ada", password: "correct horse battery" });
    expect(location.pathname).toBe("/alerts");
    expect(api.of("GET /me"), "what the login answered is not asked for again").toHaveLength(1);
  });

  it("stays outside with a wrong password, and is told so", async () => {
    new FakeApi().on("GET /me", NOBODY).on("POST /login", new Problem(401, "unauthenticated", "the name or the password is wrong"));
    show(<App />, "/");
    await seen("Sign in");
    enter("Name", "ada");
    enter("Password", "guess");
    press("Sign in");
    await eventually(() => expect(alertText()).toBe("the name or the password is wrong"));
    expect(inside()).toEqual([]);
  });

  it.each([
    ["cannot be reached", UNREACHABLE, "The server cannot be reached."],
    ["is ill", new Problem(503, "unavailable", "the database is away"), "the database is away"],
  ])("is not asked to sign in while the server %s", async (_, fault, said) => {
    const api = new FakeApi().on("GET /me", fault);
    show(<App />, "/alerts");
    await eventually(() => expect(alertText()).toContain(said));
    expect(text()).not.toContain("Password");
    api.on("GET /me", me()).on("GET /alerts", { items: [], next_cursor: null, total: 0 });
    press("Try again");
    await eventually(() => expect(inside()).toContain("Alerts"));
  });
});

describe("who is signed in", () => {
  const alerts = { items: [], next_cursor: null, total: 0 };

  it("is told when the server does not sign them out, and may try again", async () => {
    const api = new FakeApi().on("GET /me", me()).on("GET /alerts", alerts).on("POST /logout", new Problem(503, "unavailable", "the database is away"));
    show(<App />, "/alerts");
    await eventually(() => expect(inside()).toContain("Alerts"));
    press("Sign out");
    await eventually(() => expect(alertText()).toBe("You could not be signed out: the database is away"));
    api.on("POST /logout", () => new Promise(() => {}));
    press("Sign out");
    await eventually(() => expect(alertText()).toBe(""));
    expect(api.of("POST /logout")).toHaveLength(2);
  });

  it("finds the settings when that is an administrator, and nobody else", async () => {
    new FakeApi().on("GET /me", me("admin")).on("GET /alerts", alerts);
    show(<App />, "/alerts");
    await eventually(() => expect(inside()).toContain("Settings"));
  });

  it("is shown the way in when the session has ended, whatever screen notices it", async () => {
    const api = new FakeApi().on("GET /me", me()).on("GET /alerts", alerts);
    show(<App />, "/alerts");
    await eventually(() => expect(inside()).toContain("Alerts"));
    api.on("GET /me", NOBODY).on("GET /alerts", NOBODY);
    await queryClient.invalidateQueries({ queryKey: ["alerts"] });
    await seen("Sign in");
    expect(inside()).toEqual([]);
  });

  it("who may not read something stays inside", async () => {
    const api = new FakeApi().on("GET /me", me()).on("GET /alerts", new Problem(403, "forbidden", "this needs another role"));
    show(<App />, "/alerts");
    await eventually(() => expect(alertText()).toContain("this needs another role"));
    expect(inside()).toContain("Alerts");
    expect(api.of("GET /me")).toHaveLength(1);
  });
});

describe("the one-time link", () => {
  it("takes its token off the address, and sets the password", async () => {
    const api = new FakeApi().on("POST /login/link", me()).on("GET /me", me()).on("GET /overview", new Problem(503, "unavailable", "later"));
    show(<App />, "/login#token=once-only");
    await seen("Welcome aboard");
    await eventually(() => expect(location.hash).toBe(""));
    enter("New password", "correct horse battery");
    press("Set the password and sign in");
    await seen("You are signed in as ada");
    expect(api.of("POST /login/link")[0]!.body).toEqual({ token: "once-only", password: "correct horse battery" });
    press("Go to the fleet");
    await eventually(() => expect(inside()).toContain("Overview"));
  });

  it("signs in without a password, when asked to", async () => {
    const api = new FakeApi().on("POST /login/link", me());
    show(<App />, "/login#token=once-only");
    await seen("Welcome aboard");
    press("Sign in without a password this time");
    await seen("You are signed in as ada");
    expect(api.of("POST /login/link")[0]!.body).toEqual({ token: "once-only" });
  });

  it("that was used says so, and how to get another", async () => {
    new FakeApi().on("POST /login/link", new Problem(401, "link-used", "this link was used before"));
    show(<App />, "/login#token=once-only");
    await seen("Welcome aboard");
    press("Sign in without a password this time");
    await eventually(() => expect(alertText()).toBe("this link was used before"));
    expect(text()).toContain("argosyd --admin-link");
  });
});
