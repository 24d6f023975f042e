import { describe, expect, it } from "vitest";
import { groupLine, groupedSeries } from "../testing/documents";
import { chosenIn, commandOf, drawn, exportQuestion, formatOf, seriesQuestion } from "./explore-question";

describe("what is asked", () => {
  it("is the address, and p95 of the last hour without one", () => {
    expect(chosenIn("")).toEqual({ filter: "", model: "", metric: "latency_p95", by: "", range: "3600" });
    expect(chosenIn("metric=accuracy&by=labels.site&range=86400&model=digits&filter=x")).toEqual({ filter: "x", model: "digits", metric: "accuracy", by: "labels.site", range: "86400" });
    expect(chosenIn("range=17").range).toBe("3600");
  });

  it("of health is no model's", () => {
    const chosen = chosenIn("metric=health.cpu_percent&model=digits");
    expect(seriesQuestion(chosen)["model"]).toBeUndefined();
    expect(commandOf(chosen)).toBe("argosy telemetry series --metric health.cpu_percent --last 1h");
    expect(exportQuestion(chosen, "windows")["model"]).toBe("digits");
  });

  it("is the same on the command line, quoted for a shell", () => {
    expect(commandOf(chosenIn(`metric=numbers.queue&by=labels.site&range=31536000&model=digits&filter=${encodeURIComponent(`labels.site = "o'hare"`)}`))).toBe(
      `argosy telemetry series --metric numbers.queue --by labels.site --model digits --filter 'labels.site = "o'\\''hare"' --last 365d`,
    );
  });
});

describe("what is drawn", () => {
  it("of all together is one line with the band of its devices", () => {
    const { lines, band } = drawn(groupedSeries({ groups: [groupLine({ group: "", value: [1, 2], min: [0, 1], max: [3, 4] })] }));
    expect(lines).toMatchObject([{ label: "All devices", values: [1, 2] }]);
    expect(band).toMatchObject({ low: [0, 1], high: [3, 4] });
  });

  it("of groups is a line for each, one for the others, and no band", () => {
    const { lines, band } = drawn(groupedSeries({ by: "labels.site", groups: [groupLine({ group: "oslo" }), groupLine({ group: "" })], other: { ...groupLine({}), groups: 7 } }));
    expect(lines.map(({ label }) => label)).toEqual(["oslo", "Without the label", "7 others"]);
    expect(lines.at(-1)!.colour).toBe("--group-6");
    expect(band).toBeUndefined();
  });
});

describe("values", () => {
  it.each([
    ["ms", 12.345, "12.3 ms"],
    ["share", 0.9312, "93.1 %"],
    ["MB", 2500, "2.5 GB"],
    ["%", 41.26, "41.3 %"],
    ["/s", 1234.5, "1,235 /s"],
    ["", 0.256, "0.26"],
  ])("in %s read well", (unit, value, text) => {
    expect(formatOf(unit)(value)).toBe(text);
  });
});
