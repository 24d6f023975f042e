import { describe, expect, it } from "vitest";
import { devicePath, devicesPath, withSearch } from "./paths";

describe("addresses", () => {
  it("carry a filter whole", () => {
    const filter = 'labels.site : "münchen & co" AND model.digits != "1.1"';
    expect(new URLSearchParams(devicesPath(filter).split("?")[1]).get("filter")).toBe(filter);
    expect(devicesPath("")).toBe("/devices");
  });
  it("escape names", () => expect(devicePath("a/b")).toBe("/devices/a%2Fb"));
  it("leave out what is not set", () => {
    expect(withSearch("/alerts", { state: "", device: undefined })).toBe("/alerts");
    expect(withSearch("/devices/a", { range: 900 })).toBe("/devices/a?range=900");
  });
});
