// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { me } from "../testing/documents";
import { FakeApi, Problem } from "../testing/fake-api";
import { alertText, button, enter, eventually, press, seen, show, text } from "../testing/screen";
import Settings from "./settings";

const EMPTY = { items: [], next_cursor: null, total: 0 };

function server(who = me("admin")): FakeApi {
  const api = new FakeApi().on("GET /me", who);
  for (const list of ["claims", "tokens", "users", "audit"]) api.on(`GET /${list}`, EMPTY);
  return api;
}

describe("the settings", () => {
  it("are what the caller may set, and ask the server for no more", async () => {
    const api = server({ ...me("viewer"), permissions: ["read_audit"] });
    show(<Settings />, "/settings");
    await seen("Audit log");
    expect(text()).not.toContain("Claims");
    await eventually(() => expect(api.of("GET /audit")).toHaveLength(1));
    for (const list of ["claims", "tokens", "users"]) expect(api.of(`GET /${list}`)).toEqual([]);
  });

  it("say so to whom nothing of them is open", async () => {
    server(me("viewer"));
    show(<Settings />, "/settings");
    await seen("Nothing here is for the role viewer");
  });

  it.each([
    ["Make a claim", "/claims", { claim: "the-secret" }],
    ["Make a token", "/tokens", { token: "the-secret" }],
    ["Add a person", "/users", { link: "the-secret" }],
  ])("%s: one, however often one clicks, and its secret is shown", async (label, path, made) => {
    let answer: (value: unknown) => void = () => {};
    const api = server().on(`POST ${path}`, () => new Promise((resolve) => (answer = resolve)));
    show(<Settings />, "/settings");
    await seen(label);
    press(label);
    if (path !== "/claims") enter("Name", "grace");
    const send = button(label);
    send.click();
    send.click();
    await eventually(() => expect(send.disabled).toBe(true));
    answer(made);
    await seen("the-secret");
    expect(api.of(`POST ${path}`)).toHaveLength(1);
  });

  it("forget a refusal when the next try goes well", async () => {
    const api = server().on("POST /tokens", new Problem(409, "conflict", "there is a token of this name"));
    show(<Settings />, "/settings");
    await seen("Make a token");
    press("Make a token");
    enter("Name", "ci");
    press("Make a token");
    await eventually(() => expect(alertText()).toBe("there is a token of this name"));
    api.on("POST /tokens", { token: "the-secret" });
    press("Make a token");
    await seen("the-secret");
    expect(alertText()).toBe("");
  });
});
