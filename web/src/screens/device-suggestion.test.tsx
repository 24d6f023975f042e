// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import type { Role } from "../api/access";
import type { Device } from "../api/devices";
import { queryClient } from "../api/query-client";
import { me } from "../testing/documents";
import { FakeApi } from "../testing/fake-api";
import { button, eventually, openDialog, press, seen, show, text } from "../testing/screen";
import { DeviceConditions, DeviceSuggestion } from "./device-suggestion";

const DEVICE = {
  id: "cam-7",
  hardware_class: "cpu-fp32",
  labels: { site: "berlin", line: "2" },
  conditions: [{ kind: "clock_wrong", message: "the board's clock says 1970-01-01T00:00:10.000Z" }],
  suggested: { hardware_class: "orin-nano", labels: { site: "oslo", line: null } },
} as unknown as Device;

async function showDevice(role: Role, device = DEVICE): Promise<FakeApi> {
  const api = new FakeApi().on("GET /me", me(role)).on("POST /devices/cam-7/suggested", device);
  show(
    <>
      <DeviceConditions device={device} />
      <DeviceSuggestion device={device} />
    </>,
  );
  await eventually(() => expect(queryClient.getQueryData(["me"])).toBeDefined());
  return api;
}

describe("what a device's configuration suggests", () => {
  it("stands beside what the server holds, and is taken by a click", async () => {
    const api = await showDevice("operator");
    expect(text()).toContain("orin-nano, now cpu-fp32");
    expect(text()).toContain("oslo, now berlin");
    expect(text()).toContain("no such label, now 2");
    press("Accept");
    await seen("Accept what cam-7 suggests?");
    press("Accept");
    await eventually(() => expect(openDialog()).toBeNull());
    expect(api.of("POST /devices/cam-7/suggested")[0]!.body).toEqual({ take: true });
  });

  it("is for operators", async () => {
    await showDevice("viewer");
    await eventually(() => expect(button("Turn down").disabled).toBe(true));
  });

  it("has what is wrong with the device above it", async () => {
    await showDevice("operator");
    expect(text()).toContain("the board's clock says 1970");
  });

  it("is not there where it suggests nothing", async () => {
    await showDevice("operator", { ...DEVICE, conditions: [], suggested: null });
    expect(text()).not.toContain("suggests");
  });
});
