import { describe, expect, it } from "vitest";
import type { Delivery } from "../api/notifications";
import { noticeRoute as route } from "../testing/documents";
import { changesOf, deliveryState, healthOf, narrowedTo, placeOf, routeOf } from "./notice-text";

const NOW = Date.parse("2026-01-01T00:00:00Z");

const delivery = (changes: Partial<Delivery>) => ({ state: "waiting", due_at: null, ended_at: null, last_error: null, ...changes }) as Delivery;

const form = (values: Record<string, string>) => {
  const data = new FormData();
  for (const [name, value] of Object.entries(values)) data.set(name, value);
  return data;
};

describe("a route in words", () => {
  it("says where it leads", () => {
    expect(placeOf(route())).toBe("https://example.com/hook");
    expect(placeOf(route({ target: { kind: "slack", host: "hooks.slack.com" } }))).toBe("hooks.slack.com");
    expect(placeOf(route({ target: { kind: "email", host: "mail", to: ["a@b.c", "d@e.f"] } }))).toBe("a@b.c, d@e.f");
  });

  it("says what it leaves out, and nothing where that is nothing", () => {
    expect(narrowedTo(route())).toBe("");
    expect(narrowedTo(route({ least_severity: "critical", filter: 'labels.site = "berlin"', group_wait_s: 30 }))).toBe('critical at least, devices with labels.site = "berlin", gathered for 30 s by rule and site');
  });

  it("says how it fares", () => {
    expect(healthOf(route({ enabled: false })).text).toBe("Off");
    expect(healthOf(route()).text).toBe("Well");
    expect(healthOf(route({ last_error: "answered 500", rests_until: "2026-01-01T00:01:00Z" }), NOW)).toEqual({ tone: "bad", text: "Fails, again in 1 min", why: "answered 500" });
  });
});

describe("a delivery in words", () => {
  it("says what became of it", () => {
    expect(deliveryState(delivery({ state: "given_up", last_error: "answered 410" }), NOW)).toEqual({ tone: "bad", text: "Given up", why: "answered 410" });
    expect(deliveryState(delivery({}), NOW).text).toBe("Waits");
  });
});

describe("a form", () => {
  const common = { name: "x", kinds: "alert.*, rollout.halted", least_severity: "warning", group_wait_s: "30", filter: " " };

  it("makes a route to a webhook", () => {
    expect(routeOf(form({ ...common, target: "webhook", url: "https://example.com/" }))).toEqual({ name: "x", kinds: ["alert.*", "rollout.halted"], least_severity: "warning", group_wait_s: 30, target: { kind: "webhook", url: "https://example.com/" } });
  });

  it("makes a route to a mailbox", () => {
    const made = routeOf(form({ ...common, target: "email", host: "mail", port: "587", tls: "starttls", user: "", from: "a@b.c", to: "d@e.f g@h.i" }));
    expect(made.target).toEqual({ kind: "email", host: "mail", port: 587, tls: "starttls", from: "a@b.c", to: ["d@e.f", "g@h.i"] });
  });

  it("lets nothing be gathered for PagerDuty", () => {
    expect(routeOf(form({ ...common, target: "pagerduty", routing_key: "k" }))).toMatchObject({ group_wait_s: 0, target: { kind: "pagerduty", routing_key: "k" } });
  });
});

describe("a changed route", () => {
  const given = { name: "on-call", kinds: "alert.*", least_severity: "info", group_wait_s: "0", filter: "" };

  it("says what differs, and takes a filter away", () => {
    const form_of = (changes: Record<string, string>) => form({ ...given, url: "https://example.com/hook", ...changes });
    expect(changesOf(form_of({}), route())).toEqual({});
    expect(changesOf(form_of({ name: "night", least_severity: "critical" }), route())).toEqual({ name: "night", least_severity: "critical" });
    expect(changesOf(form_of({}), route({ filter: "labels.site = 1" }))).toEqual({ filter: "" });
    expect(changesOf(form_of({ url: "https://example.com/other" }), route())).toEqual({ target: { kind: "webhook", url: "https://example.com/other" } });
  });

  it("leaves a target alone whose secret nobody gave anew", () => {
    const mail = route({ target: { kind: "email", host: "mail", port: 587, tls: "starttls", user: "argosy", from: "a@b.c", to: ["d@e.f"] } });
    const of_mail = { ...given, host: "mail", port: "587", tls: "starttls", user: "argosy", password: "", from: "a@b.c", to: "d@e.f" };
    expect(changesOf(form(of_mail), mail)).toEqual({});
    expect(changesOf(form({ ...of_mail, password: "new" }), mail)).toHaveProperty("target.password", "new");
    expect(changesOf(form({ ...of_mail, user: "" }), mail)).toHaveProperty("target.host", "mail");
    const chat = route({ target: { kind: "slack", host: "hooks.slack.com" } });
    expect(changesOf(form({ ...given, url: "" }), chat)).toEqual({});
    expect(changesOf(form({ ...given, url: "https://hooks.slack.com/x" }), chat)).toEqual({ target: { kind: "slack", url: "https://hooks.slack.com/x" } });
  });
});
