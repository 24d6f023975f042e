// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { me, noticeRoute as route } from "../testing/documents";
import { FakeApi } from "../testing/fake-api";
import { button, enter, eventually, openDialog, press, seen, show, text } from "../testing/screen";
import Notifications from "./notifications";

const page = (items: unknown[]) => ({ items, next_cursor: null, total: items.length });
const delivery = { id: 17, key: "msg_abc", route_id: 1, route: "on-call", state: "given_up", severity: "critical", title: "cam-7 is dark", event_count: 3, test: false, attempts: 4, created_at: "2026-01-01T00:00:00Z", due_at: null, ended_at: "2026-01-01T00:00:00Z", last_error: "the receiver answered 410" };

function server(who = me("admin")): FakeApi {
  return new FakeApi()
    .on("GET /me", who)
    .on("GET /routes", page([route()]))
    .on("GET /deliveries", page([delivery]));
}

describe("the notifications", () => {
  it("tell who is told of what and what became of it", async () => {
    server();
    show(<Notifications />, "/settings/notifications");
    await seen("cam-7 is dark");
    for (const each of ["on-call", "alert.*", "https://example.com/hook", "Given up", "the receiver answered 410", "and 2 others"]) expect(text()).toContain(each);
  });

  it("may be read by who may not change them", async () => {
    server(me("operator"));
    show(<Notifications />, "/settings/notifications");
    await seen("on-call");
    for (const label of ["Make a route", "Send a test", "Delete", "Send again"]) expect(button(label).disabled, label).toBe(true);
  });

  it("show a webhook's secret once", async () => {
    const api = server().on("POST /routes", { ...route(), secret: "whsec_once" });
    show(<Notifications />, "/settings/notifications");
    await seen("Make a route");
    press("Make a route");
    enter("Name", "new");
    enter("Address", "https://example.com/");
    press("Make it");
    await seen("whsec_once");
    expect(api.of("POST /routes")).toHaveLength(1);
    press("Close");
    press("Make a route");
    await eventually(() => expect(text()).not.toContain("whsec_once"));
  });

  it("say whether a test arrived", async () => {
    server()
      .on("POST /routes/1/test", { ...delivery, id: 18, state: "waiting" })
      .on("GET /deliveries/18", { ...delivery, id: 18, events: [], log: [] });
    show(<Notifications />, "/settings/notifications");
    await seen("Send a test");
    press("Send a test");
    await seen("It did not arrive");
  });

  it("change what differs of a route, and tell before what that would have told", async () => {
    const preview = { from: "2026-01-01T00:00:00Z", to: "2026-01-08T00:00:00Z", is_cut: false, events: 12, messages: 3, kinds: { "alert.firing": 12 }, newest: [{ at: "2026-01-07T00:00:00Z", kind: "alert.firing", severity: "warning", message: "cam-9 is slow" }] };
    const api = server().on("POST /routes/1/preview", preview).on("PATCH /routes/1", route());
    show(<Notifications />, "/settings/notifications");
    await seen("on-call");
    press("Change");
    enter("Of devices", 'labels.site = "oslo"');
    press("What would it have told?");
    await seen("it would have told 12 events in 3 messages");
    expect(text()).toContain("cam-9 is slow");
    press("Change it");
    await eventually(() => expect(openDialog()).toBeNull());
    expect(api.of("PATCH /routes/1").map(({ body }) => body)).toEqual([{ filter: 'labels.site = "oslo"' }]);
  });

  it("show the one delivery that an alert leads to, and its alerts", async () => {
    server().on("GET /deliveries/17", { ...delivery, events: [{ id: 5, at: "2026-01-01T00:00:00Z", kind: "alert.firing", message: "cam-7 has gone dark", details: { alert: 12 } }], log: [] });
    show(<Notifications />, "/settings/notifications?delivery=17");
    await seen("cam-7 has gone dark");
    expect(document.querySelector("a[href='/alerts/12']")).not.toBeNull();
    expect(text()).toContain("and 2 others");
  });
});
