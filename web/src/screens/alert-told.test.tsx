// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { me } from "../testing/documents";
import { FakeApi } from "../testing/fake-api";
import { eventually, seen, show, text } from "../testing/screen";
import { AlertTold } from "./alert-told";

const delivery = { id: 17, key: "msg_abc", route_id: 1, route: "on-call", state: "given_up", severity: "critical", title: "cam-7 is dark", event_count: 1, test: false, attempts: 4, created_at: "2026-01-01T00:00:00Z", due_at: null, ended_at: "2026-01-01T00:00:00Z", last_error: "the receiver answered 410", kinds: ["alert.firing", "alert.resolved"] };

describe("to whom an alert was told", () => {
  it("names each message, what it tells and what became of it", async () => {
    new FakeApi().on("GET /me", me("operator")).on("GET /alerts/12/deliveries", { items: [delivery], total: 1, untold: null });
    show(<AlertTold alert={12} />);
    await seen("on-call");
    for (const each of ["fires, resolved", "Given up", "the receiver answered 410"]) expect(text()).toContain(each);
    expect(document.querySelector("a[href='/settings/notifications?delivery=17']")).not.toBeNull();
    expect(document.querySelector("a[href='/settings/notifications?alert=12']")).not.toBeNull();
  });

  it("says why nobody was", async () => {
    new FakeApi().on("GET /me", me("operator")).on("GET /alerts/12/deliveries", { items: [], total: 0, untold: { reason: "silenced", message: "Silence 5 covers it." } });
    show(<AlertTold alert={12} />);
    await seen("Nobody was told. Silence 5 covers it.");
  });

  it("asks nothing for who may not know", async () => {
    const api = new FakeApi().on("GET /me", me("viewer"));
    show(<AlertTold alert={12} />);
    await eventually(() => expect(api.of("GET /me")).toHaveLength(1));
    await eventually(() => expect(text()).toBe(""));
    expect(api.of("GET /alerts/12/deliveries")).toHaveLength(0);
  });
});
