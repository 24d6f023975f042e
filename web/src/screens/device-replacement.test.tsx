// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import type { Role } from "../api/access";
import type { Device, Replacement } from "../api/devices";
import { queryClient } from "../api/query-client";
import { me } from "../testing/documents";
import { FakeApi } from "../testing/fake-api";
import { button, eventually, openDialog, press, seen, show, text } from "../testing/screen";
import { DeviceReplacement } from "./device-replacement";

const KEY = "ab".repeat(32);
const ASKING: Replacement = {
  device_id: "cam-7",
  state: "asking",
  key: KEY,
  hardware_class: "orin-nano",
  board: "NVIDIA Jetson Orin Nano",
  address: "192.0.2.7",
  claim: 5,
  asked_at: "2026-01-01T00:00:00Z",
  last_asked_at: "2026-01-01T00:05:00Z",
  settled_at: null,
  settled_by: null,
};

async function showDevice(role: Role, replacement: Replacement | null, presence = "offline"): Promise<FakeApi> {
  const device = { id: "cam-7", presence, replacement } as unknown as Device;
  const api = new FakeApi().on("GET /me", me(role)).on("POST /devices/cam-7/replacement", device);
  show(<DeviceReplacement device={device} />);
  await eventually(() => expect(queryClient.getQueryData(["me"])).toBeDefined());
  return api;
}

describe("another board that asks for a device's place", () => {
  it("is shown with who it is, and let in by a click", async () => {
    const api = await showDevice("operator", ASKING);
    expect(text()).toContain("Another board asks to be cam-7");
    expect(text()).toContain("NVIDIA Jetson Orin Nano");
    expect(text()).not.toContain("whoever asks");
    press("Let it in");
    await seen("Let another board be cam-7?");
    press("Let it in");
    await eventually(() => expect(openDialog()).toBeNull());
    expect(api.of("POST /devices/cam-7/replacement")[0]!.body).toEqual({ key: KEY, take: true });
  });

  it("is turned down by name of its key", async () => {
    const api = await showDevice("operator", ASKING);
    press("Do not let it in");
    await seen("revoke claim 5");
    press("Do not let it in");
    await eventually(() => expect(openDialog()).toBeNull());
    expect(api.of("POST /devices/cam-7/replacement")[0]!.body).toEqual({ key: KEY, take: false });
  });

  it("warns where the device itself is there", async () => {
    await showDevice("operator", ASKING, "online");
    expect(text()).toContain("cam-7 itself is online");
  });

  it("is for operators", async () => {
    await showDevice("viewer", ASKING);
    await eventually(() => expect(button("Let it in").disabled).toBe(true));
  });

  it("can be taken back until it has come", async () => {
    await showDevice("operator", { ...ASKING, state: "accepted", settled_at: "2026-01-01T00:06:00Z", settled_by: "user:ada" });
    expect(text()).toContain("Another board may come as cam-7");
    expect(text()).toContain("user:ada");
    expect(text()).not.toContain("Let it in");
  });

  it("is not there where nobody asks", async () => {
    await showDevice("operator", null);
    expect(text()).toBe("");
  });
});
