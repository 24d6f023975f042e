// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { device, me } from "../testing/documents";
import { FakeApi, Problem, UNREACHABLE } from "../testing/fake-api";
import { alertText, button, enter, eventually, field, press, seen, show, text } from "../testing/screen";
import { Devices } from "./devices";

const filterOf = (path: string) => new URLSearchParams(path.split("?")[1]).get("filter") ?? "";
const isList = (path: string) => new URLSearchParams(path.split("?")[1]).get("limit") === "100";
const listed = (api: FakeApi) => api.of("GET /devices").filter(({ path }) => isList(path));
const rows = () => [...document.querySelectorAll("tbody tr:not([aria-hidden]) td:first-child")].map((cell) => cell.textContent);

/** A fleet of these devices; the server's filter is the test's. */
function fleet(devices = [device("cam-1"), device("cam-2", { labels: { site: "oslo" } })], matches: (id: string, filter: string) => boolean = () => true): FakeApi {
  return new FakeApi().on("GET /overview", { models: [] }).on("GET /devices", ({ path }: { path: string }) => {
    const items = devices.filter(({ id }) => matches(id, filterOf(path)));
    return { items, next_cursor: null, total: items.length };
  });
}

describe("the list of devices", () => {
  it.each([
    ["operator", true],
    ["publisher", false],
  ] as const)("leads the %s to a rollout for these: %s", async (role, leads) => {
    fleet().on("GET /me", me(role));
    show(<Devices />, "/devices");
    await seen("2 devices");
    await eventually(() => expect(text().includes("Plan a rollout for all")).toBe(leads));
  });

  it("shows what each serves and what it does, and links to it", async () => {
    fleet([
      device("cam-1", { models: [{ model: "digits", version: "1.0", digest: null, previous_version: null, update_state: "downloading", update_version: "1.1" }] }),
      device("cam-2", { open_alerts: 2, drifted: ["brightness"] }),
      device("cam-3", { revoked_at: "2026-01-01T00:00:00Z", open_alerts: 1 }),
    ]);
    show(<Devices />, "/devices");
    await seen("3 devices");
    const lines = [...document.querySelectorAll("tbody tr")].map((row) => row.textContent);
    expect(lines[0]).toContain("digits 1.0");
    expect(lines[0]).toContain("Downloading 1.1");
    expect(lines[1]).toContain("2 alerts");
    expect(lines[1]).toContain("Drift");
    expect(lines[2]).toContain("Revoked");
    expect(lines[2]).not.toContain("alert");
    expect(document.querySelector("tbody a")?.getAttribute("href")).toBe("/devices/cam-1");
  });

  it("names the devices whose places other boards ask for", async () => {
    const asking = { device_id: "cam-9", state: "asking" };
    fleet().on("GET /replacements", { items: [asking, { device_id: "cam-8", state: "accepted" }], next_cursor: null, total: 2 });
    show(<Devices />, "/devices");
    await seen("1 board asks to take a device's place");
    expect(document.querySelector('a[href="/devices/cam-9"]')).not.toBeNull();
    expect(document.querySelector('a[href="/devices/cam-8"]')).toBeNull();
  });

  it("fetches the next page when the rows in view near the end, and asks for each page once", async () => {
    const page = (first: number) => Array.from({ length: 100 }, (_, at) => device(`cam-${first + at}`));
    const api = new FakeApi().on("GET /overview", { models: [] }).on("GET /devices", ({ path }: { path: string }) => {
      const cursor = new URLSearchParams(path.split("?")[1]).get("cursor");
      return cursor === "second" ? { items: page(100), next_cursor: null, total: 200 } : { items: page(0), next_cursor: "second", total: 200 };
    });
    show(<Devices />, "/devices");
    await seen("100 of 200 loaded");
    expect(listed(api)).toHaveLength(1);
    expect(document.querySelector("table")?.getAttribute("aria-rowcount")).toBe("201");
    document.querySelector("tbody")!.getBoundingClientRect = () => ({ top: -80 * 42 }) as DOMRect; // scrolled down
    dispatchEvent(new Event("scroll"));
    await seen("200 of 200 loaded");
    expect(listed(api).map(({ path }) => new URLSearchParams(path.split("?")[1]).get("cursor"))).toEqual([null, "second"]);
    expect(rows()).not.toContain("cam-0");
  });

  it("tells an empty fleet how its first device comes, and an empty result that it is one", async () => {
    fleet([]);
    show(<Devices />, "/devices");
    await seen("argosy device claim");
    enter("Filter", 'id = "ghost"');
    press("Filter");
    await seen("No device matches.");
  });
});

describe("the filter", () => {
  it("is the address, and what was typed becomes it", async () => {
    const api = fleet(undefined, (id, filter) => filter === "" || id === "cam-2");
    show(<Devices />, `/devices?filter=${encodeURIComponent('labels.site = "oslo"')}`);
    await seen("1 matches");
    expect(field("Filter").value).toBe('labels.site = "oslo"');
    enter("Filter", '  id = "cam-2"  ');
    press("Filter");
    await eventually(() => expect(listed(api).map(({ path }) => filterOf(path))).toEqual(['labels.site = "oslo"', 'id = "cam-2"']));
    expect(new URLSearchParams(location.search).get("filter")).toBe('id = "cam-2"');
  });

  it("undoes what was typed, then clears", async () => {
    fleet();
    show(<Devices />, "/devices?filter=presence");
    await seen("2 match");
    enter("Filter", "something else");
    await eventually(() => expect(button("Undo").disabled).toBe(false));
    press("Undo");
    await eventually(() => expect(field("Filter").value).toBe("presence"));
    press("Clear");
    await eventually(() => expect(location.search).toBe(""));
    await seen("2 devices");
  });

  it("that is wrong shows the column, and keeps the words to mend", async () => {
    const api = fleet();
    api.on("GET /devices", ({ path }: { path: string }) =>
      filterOf(path) === "presence ==" ? new Problem(400, "filter-syntax", "expected a value at column 11") : { items: [], next_cursor: null, total: 0 },
    );
    show(<Devices />, "/devices?filter=presence%20%3D%3D");
    await eventually(() => expect(alertText()).toContain("expected a value at column 11"));
    const input = field("Filter") as HTMLInputElement;
    expect(input.value).toBe("presence ==");
    expect(input.getAttribute("aria-invalid")).toBe("true");
    await eventually(() => expect([input.selectionStart, input.selectionEnd]).toEqual([10, 11]));
    expect(document.querySelector("pre")?.textContent).toBe(`presence ==\n${" ".repeat(10)}^`);
  });

  it("is not blamed for a server that is not there", async () => {
    fleet().on("GET /devices", UNREACHABLE);
    show(<Devices />, "/devices");
    await eventually(() => expect(alertText()).toContain("The server cannot be reached."));
  });

  it("gets a term from a facet, which counts what it would leave, and loses it again", async () => {
    const api = fleet(undefined, (id, filter) => !filter.includes("oslo") || id === "cam-2");
    show(<Devices />, "/devices");
    await seen("2 devices");
    await eventually(() => expect(button("oslo1")).toBeDefined());
    press("oslo1");
    await eventually(() => expect(filterOf(listed(api).at(-1)!.path)).toBe('labels.site = "oslo"'));
    await seen("1 matches");
    expect(button("oslo1").getAttribute("aria-pressed")).toBe("true");
    press("oslo1");
    await seen("2 devices");
    expect(text()).not.toContain("matches");
  });

  it("gets a term from what the boards are, whose counts of the whole fleet cost no question", async () => {
    const api = fleet().on("GET /inventory", { items: [{ field: "capabilities.board", values: [{ value: 'Pi "5"', devices: 7 }], different: 1 }] });
    show(<Devices />, "/devices");
    await eventually(() => expect(button('Pi "5"7')).toBeDefined());
    expect(api.of("GET /devices").some(({ path }) => filterOf(path).includes("board"))).toBe(false);
    press('Pi "5"7');
    await eventually(() => expect(filterOf(listed(api).at(-1)!.path)).toBe('capabilities.board = "Pi \\"5\\""'));
  });

  it("goes along into the plan of a rollout", async () => {
    fleet();
    show(<Devices />, "/devices?filter=presence");
    await seen("Plan a rollout for these");
    const link = [...document.querySelectorAll("a")].find((each) => each.textContent?.includes("Plan a rollout"));
    expect(link?.getAttribute("href")).toBe("/rollouts?plan=yes&filter=presence");
  });
});
