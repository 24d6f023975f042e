// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { me, rollout } from "../testing/documents";
import { FakeApi, Problem } from "../testing/fake-api";
import { alertText, button, enter, eventually, field, openDialog, press, seen, show, text } from "../testing/screen";
import { PlanRollout } from "./plan-rollout";

const page = (items: unknown[], total = items.length) => ({ items, next_cursor: null, total });
const isForm = () => openDialog() !== null;

function server(role: "operator" | "viewer" = "operator"): FakeApi {
  return new FakeApi()
    .on("GET /me", me(role))
    .on("GET /models", page([{ name: "digits" }, { name: "waves" }]))
    .on("GET /models/digits/releases", page([{ version: "1.1" }, { version: "1.0" }]))
    .on("GET /devices", page([], 12));
}

async function choose(model: string) {
  await eventually(() => expect(text()).toContain(model));
  enter("Model", model);
  await eventually(() => expect(field("Version").disabled).toBe(false));
}

describe("the form that plans a rollout", () => {
  it("opens by its button, and is part of the address", async () => {
    server();
    show(<PlanRollout />, "/rollouts");
    press("Plan a rollout");
    await eventually(() => expect(isForm()).toBe(true));
    expect(location.search).toBe("?plan=yes");
    await seen("12 devices match now.");
    press("Cancel");
    await eventually(() => expect(location.search).toBe(""));
  });

  it("comes with the filter of the list that one was at", async () => {
    const api = server();
    show(<PlanRollout />, "/rollouts?plan=yes&filter=presence");
    await eventually(() => expect(isForm()).toBe(true));
    expect(field("Which devices").value).toBe("presence");
    await eventually(() => expect(api.of("GET /devices?filter=presence&limit=1")).toHaveLength(1));
  });

  it("warns of a release that was stopped before, and offers none that was withdrawn", async () => {
    const withdrawn = { at: "2026-01-01T00:00:00Z", by: "user:ada", reason: "it overheats" };
    server()
      .on("GET /models/digits/releases", page([{ version: "1.2", withdrawn }, { version: "1.1", withdrawn: null }, { version: "1.0", withdrawn: null }]))
      .on("GET /rollouts", page([rollout([], { state: "halted" })]));
    show(<PlanRollout />, "/rollouts?plan=yes");
    await choose("digits");
    expect(text()).toContain("1.2 (withdrawn)");
    expect(field("Version").value).toBe("1.1");
    await seen("Rollout 3, “Digits for all”, of this release: halted.");
    enter("Version", "1.0");
    await eventually(() => expect(text()).not.toContain("of this release"));
  });

  it("tells what it would be while one plans it", async () => {
    const reach = { canaries: 1, controls: 11, widened_from: null, classes: [{ class: "fp32", devices: 12, canaries: 1 }], looked_at: 12, summary: "", guards: [{ metric: "latency_p95", mode: "automatic", scale: "ratio", measurable: true, reported_by: 12, can_fail: false, can_pass: false, needed: 3, visible: null, looks: [], message: "this canary can never roll back on p95 latency: take at least 3 devices of 12" }] };
    const preview = {
      devices: 12,
      away: 2,
      unexamined: 0,
      waves: [{ share: 0.05, planned: 1, classes: { fp32: 1 } }, { share: 1, planned: 11, classes: { fp32: 11 } }],
      variants: [
        { name: "fp32", suits: 9, takes: 4, unsuited: [{ devices: 3, message: "needs the ONNX opset 25, the device's engine reads up to 22" }] },
        { name: "int8", suits: 12, takes: 8, unsuited: [] },
      ],
      reach,
      refused: null,
      download: { bytes: 6_030_000, full_bytes: 12_000_000, by_patch: { devices: 6, bytes: 30_000 }, whole: { devices: 5, bytes: 6_000_000 }, in_other_slot: 0, patches_to_make: 5 },
      left_out: [{ reason: "resting", devices: 1, message: "they failed with digits again and again, and rest" }],
      warnings: [],
    };
    const api = server().on("POST /rollouts/preview", preview);
    show(<PlanRollout />, "/rollouts?plan=yes");
    await choose("digits");
    await seen("Wave 1: 1 device (1 fp32)");
    expect(text()).toContain("this canary can never roll back on p95 latency: take at least 3 devices of 12.");
    expect(text()).toContain("Left out: 1 device, resting: they failed with digits again and again, and rest.");
    expect(text()).toContain("Variant fp32: suits 9 devices, 4 of them take it");
    expect(text()).toContain("not 3 devices: needs the ONNX opset 25, the device's engine reads up to 22");
    expect(text()).toContain("for 5 devices a patch may still be made");
    enter("Canary", "25");
    await eventually(() => expect(api.of("POST /rollouts/preview").at(-1)!.body).toMatchObject({ version: "1.1", policy: { waves: [{ share: 0.25 }, { share: 1 }] } }));
    expect(field("Canary").value, "what was typed stays").toBe("25");
    expect(api.of("POST /rollouts")).toEqual([]);
  });

  it("says before it is sent that it would be refused", async () => {
    const preview = { devices: 3, away: 0, unexamined: 0, waves: [], variants: [], reach: null, refused: "the policy requires the guard on accuracy", download: { bytes: 0, full_bytes: 0, by_patch: { devices: 0, bytes: 0 }, whole: { devices: 0, bytes: 0 }, in_other_slot: 0, patches_to_make: 0 }, left_out: [], warnings: [] };
    server().on("POST /rollouts/preview", preview);
    show(<PlanRollout />, "/rollouts?plan=yes");
    await choose("digits");
    await seen("It would be refused: the policy requires the guard on accuracy.");
  });

  it("saves a draft, and goes to it", async () => {
    const api = server().on("POST /rollouts", rollout(["start"], { id: 41, state: "draft" }));
    show(<PlanRollout />, "/rollouts?plan=yes");
    await choose("digits");
    enter("Version", "1.0");
    enter("Canary", "10");
    press("Save the draft");
    await eventually(() => expect(location.pathname).toBe("/rollouts/41"));
    expect(api.of("POST /rollouts")).toHaveLength(1);
    expect(api.of("POST /rollouts")[0]!.body).toMatchObject({ name: "digits 1.0", version: "1.0", filter: "", policy: { waves: [{ share: 0.1 }, { share: 1 }] } });
  });

  it("saves one draft, however often one clicks while the server thinks", async () => {
    let answer: (value: unknown) => void = () => {};
    const api = server().on("POST /rollouts", () => new Promise((resolve) => (answer = resolve)));
    show(<PlanRollout />, "/rollouts?plan=yes");
    await choose("digits");
    const save = button("Save the draft");
    save.click();
    save.click();
    await eventually(() => expect(save.disabled).toBe(true));
    save.click();
    answer(rollout(["start"], { id: 41, state: "draft" }));
    await eventually(() => expect(location.pathname).toBe("/rollouts/41"));
    expect(api.of("POST /rollouts")).toHaveLength(1);
  });

  it("chooses the only model there is", async () => {
    server().on("GET /models", page([{ name: "digits" }]));
    show(<PlanRollout />, "/rollouts?plan=yes");
    await eventually(() => expect(field("Model").value).toBe("digits"));
    await eventually(() => expect(field("Version").value).toBe("1.1"));
  });

  it("cannot be sent before the versions of the model are there", async () => {
    const api = server().on("GET /models/waves/releases", () => new Promise(() => {}));
    show(<PlanRollout />, "/rollouts?plan=yes");
    await choose("digits");
    enter("Model", "waves");
    await eventually(() => expect(field("Version").disabled).toBe(true));
    expect(button("Save the draft").disabled).toBe(true);
    button("Save the draft").click();
    expect(api.of("POST /rollouts")).toEqual([]);
  });

  it("says what the server will not have, and keeps what was typed", async () => {
    server().on("POST /rollouts", new Problem(422, "invalid-argument", "the release digits@1.1 was withdrawn"));
    show(<PlanRollout />, "/rollouts?plan=yes");
    await choose("digits");
    enter("Name", "For Oslo");
    press("Save the draft");
    await eventually(() => expect(alertText()).toBe("the release digits@1.1 was withdrawn"));
    expect(field("Name").value).toBe("For Oslo");
    expect(isForm()).toBe(true);
  });

  it("tells in place of the number of devices that the filter is wrong", async () => {
    server().on("GET /devices", new Problem(400, "filter-syntax", "expected a value at column 11"));
    show(<PlanRollout />, "/rollouts?plan=yes&filter=presence%20%3D%3D");
    await seen("expected a value at column 11");
  });

  it("does not open by its address for who may only look", async () => {
    server("viewer");
    show(<PlanRollout />, "/rollouts?plan=yes");
    await eventually(() => expect(button("Plan a rollout").disabled).toBe(true));
    expect(text()).not.toContain("Save the draft");
  });

  it("is not for who may only look", async () => {
    server("viewer");
    show(<PlanRollout />, "/rollouts");
    await eventually(() => expect(button("Plan a rollout").disabled).toBe(true));
    expect(button("Plan a rollout").title).toBe("your role, viewer, may not plan or operate rollouts");
  });
});
