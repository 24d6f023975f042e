// @vitest-environment jsdom
import { describe, expect, it, vi } from "vitest";
import { groupLine, groupedSeries } from "../testing/documents";
import { FakeApi, Problem, Text } from "../testing/fake-api";
import { alertText, button, buttons, enter, eventually, field, press, seen, show, text } from "../testing/screen";
import Explore from "./explore";

// jsdom has no canvas; the end-to-end tests draw it.
vi.mock("../ui/chart", () => ({
  Chart: ({ title, lines, band }: { title: string; lines: { label: string }[]; band?: object }) => <p>{`${title} of ${lines.map(({ label }) => label).join(", ")}${band ? " with a band" : ""}`}</p>,
}));

// The library and jsdom have two kinds of Uint8Array; parquet.test.ts makes a file and reads it.
vi.mock("./parquet", () => ({ parquetOf: (csv: string) => new TextEncoder().encode(`Parquet of ${csv}`) }));

const FACETS = {
  devices: 3,
  facets: [
    { field: "labels.site", values: [{ value: "berlin", devices: 2 }, { value: "oslo", devices: 1 }], more: 40 },
    { field: "presence", values: [{ value: "online", devices: 3 }], more: 0 },
    { field: "model.digits", values: [{ value: "1.0", devices: 3 }], more: 0 },
  ],
};
const WORST = { metric: "latency_p95", unit: "ms", worse: "higher", least_samples: 20, devices: 3, measured: 3, with_too_few: 1, items: [{ device_id: "cam-7", value: 81.5, n: 60 }] };

const fleet = () =>
  new FakeApi()
    .on("GET /models", { items: [{ name: "digits" }], next_cursor: null })
    .on("GET /telemetry/facets", FACETS)
    .on("GET /telemetry/worst", WORST)
    .on("GET /telemetry/series", groupedSeries({}));
const asked = (api: FakeApi, what: string) => new URLSearchParams(api.of(`GET /telemetry/${what}`).at(-1)!.path.split("?")[1]);

describe("the screen Explore", () => {
  it("draws the fleet with its band, lists the worst, and says how to ask on the command line", async () => {
    const api = fleet();
    show(<Explore />, "/explore");
    await seen("Latency, p95 of All devices with a band");
    await seen("3 of 3 devices measured it; 1 with fewer than 20 samples do not count");
    await seen("40 more, by the filter");
    expect([...document.querySelectorAll("td a")].map((link) => [link.textContent, link.getAttribute("href")])).toEqual([["cam-7", "/devices/cam-7"]]);
    expect(text()).toContain("argosy telemetry series --metric latency_p95 --last 1h");
    const { from, to } = Object.fromEntries(asked(api, "series"));
    expect(Date.parse(to!) - Date.parse(from!)).toBe(3_600_000);
  });

  it("puts every choice into the address, and asks for it", async () => {
    const api = fleet().on("GET /telemetry/series", groupedSeries({ by: "labels.site", groups: [groupLine({ group: "berlin" }), groupLine({ group: "oslo" })] }));
    show(<Explore />, "/explore");
    await seen("berlin");
    enter("Metric", "accuracy");
    await eventually(() => expect(asked(api, "series").get("metric")).toBe("accuracy"));
    enter("Grouped by", "labels.site");
    enter("Model", "digits");
    press("7 d");
    await eventually(() => expect(Object.fromEntries(new URLSearchParams(location.search))).toEqual({ metric: "accuracy", by: "labels.site", model: "digits", range: "604800" }));
    await eventually(() => expect(Object.fromEntries(asked(api, "series"))).toMatchObject({ metric: "accuracy", by: "labels.site", model: "digits" }));
    expect(asked(api, "worst").get("metric")).toBe("accuracy");
    await seen("of berlin, oslo");
    expect(text()).not.toContain("with a band");
  });

  it("narrows by a facet, and widens again", async () => {
    const api = fleet();
    show(<Explore />, "/explore");
    await eventually(() => expect(button("oslo1")).toBeDefined());
    press("oslo1");
    await eventually(() => expect(asked(api, "series").get("filter")).toBe('labels.site = "oslo"'));
    expect(asked(api, "facets").get("filter")).toBe('labels.site = "oslo"');
    await eventually(() => expect(button("oslo1").getAttribute("aria-pressed")).toBe("true"));
    press("oslo1");
    await eventually(() => expect(new URLSearchParams(location.search).get("filter")).toBeNull());
  });

  it("asks for a program's own number by its name", async () => {
    const api = fleet();
    show(<Explore />, "/explore?metric=numbers.queue");
    await seen("numbers.queue");
    enter("Name of the number", "tokens");
    await eventually(() => expect(asked(api, "series").get("metric")).toBe("numbers.tokens"));
  });

  it("asks for health without a model or a version", async () => {
    const api = fleet();
    show(<Explore />, "/explore?model=digits&by=version");
    await eventually(() => expect(field("Grouped by").value).toBe("version"));
    enter("Metric", "health.cpu_percent");
    await eventually(() => expect(asked(api, "series").get("metric")).toBe("health.cpu_percent"));
    expect([asked(api, "series").get("model"), asked(api, "series").get("by")]).toEqual([null, null]);
    expect(() => field("Model")).toThrow();
  });

  it("says what is too much, and what to do", async () => {
    fleet().on("GET /telemetry/series", new Problem(413, "too-large", "this query reads over 1000000 rows; narrow the filter or the range"));
    show(<Explore />, "/explore");
    await eventually(() => expect(alertText()).toContain("narrow the filter or the range"));
  });

  it("says so when nothing was measured", async () => {
    fleet().on("GET /telemetry/series", groupedSeries({ groups: [] })).on("GET /telemetry/worst", { ...WORST, items: [] });
    show(<Explore />, "/explore");
    await seen("Nothing was measured in this time.");
    await seen("No device measured enough of it.");
  });
});

describe("what is taken along", () => {
  it("is CSV from the server, of what is drawn and of the windows", async () => {
    fleet();
    show(<Explore />, "/explore?metric=accuracy&model=digits");
    await seen("Take it along");
    const [drawn, windows] = [...document.querySelectorAll<HTMLAnchorElement>("a[download]")].map((link) => new URLSearchParams(link.href.split("?")[1]));
    expect(Object.fromEntries(drawn!)).toMatchObject({ rows: "series", metric: "accuracy", model: "digits" });
    expect(Object.fromEntries(windows!)).toMatchObject({ rows: "windows", model: "digits" });
    expect(windows!.get("metric")).toBeNull();
  });

  it("is Parquet made of that CSV", async () => {
    const made: Blob[] = [];
    vi.stubGlobal("URL", Object.assign(URL, { createObjectURL: (blob: Blob) => (made.push(blob), "blob:x"), revokeObjectURL: () => undefined }));
    const csv = "time,group,metric,value,min,max,samples,devices\r\n";
    const api = fleet().on("GET /telemetry/export", new Text(csv));
    show(<Explore />, "/explore");
    await eventually(() => expect(buttons("Parquet")).toHaveLength(2));
    buttons("Parquet")[0]!.click();
    await eventually(() => expect(made.map(({ type }) => type)).toEqual(["application/vnd.apache.parquet"]));
    expect(made[0]!.size).toBe(`Parquet of ${csv}`.length);
    expect(asked(api, "export").get("rows")).toBe("series");
  });

  it("says why there is no file", async () => {
    fleet().on("GET /telemetry/export", new Problem(429, "rate-limited", "4 such queries of telemetry are under way; send this one again later"));
    show(<Explore />, "/explore");
    await eventually(() => expect(buttons("Parquet")).toHaveLength(2));
    buttons("Parquet")[1]!.click();
    await eventually(() => expect(alertText()).toContain("No Parquet file: 4 such queries"));
  });
});
