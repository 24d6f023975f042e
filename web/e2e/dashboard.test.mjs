// The dashboard in Chromium, against argosyd and PostgreSQL, with a fleet of twelve and one of five thousand.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import axe from "@axe-core/playwright";
import { SCREENSHOTS, buildDashboard, chromiumProgram, launchBrowser, openPage, settled, sql, startFleets } from "./product.mjs";

const AxeBuilder = axe.default ?? axe;
const PASSWORD = "a long enough password";
const SCREENS = {
  overview: "/",
  devices: "/devices",
  device: "/devices/NAME",
  rollouts: "/rollouts",
  rollout: "/rollouts/3",
  models: "/models",
  connectivity: "/connectivity",
  alerts: "/alerts",
  alert: "/alerts/ALERT",
  silences: "/alerts?view=silences",
  rules: "/rules",
  "alert-history": "/alerts?view=history",
  explore: "/explore?by=hardware_class",
  notifications: "/settings/notifications",
  settings: "/settings",
};

// Waits until the text is seen, once or, as others may come with it at any moment, more often.
const shows = (where, text, options) => where.getByText(text, options).filter({ visible: true }).first().waitFor();

describe("the dashboard", { skip: chromiumProgram() ? false : "Chromium is missing: run scripts/setup" }, () => {
  let browser, product, small, large;
  const sessions = new Map(); // of each fleet: cookies after its one-time link was used

  const signedIn = (fleet, options = {}) => openPage(browser, fleet, { storageState: sessions.get(fleet), ...options });

  before(async () => {
    buildDashboard();
    product = await startFleets(12, 5000);
    small = product.fleets["12"];
    large = product.fleets["5000"];
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await product?.stop();
  });

  describe("signing in", () => {
    it("takes the one-time link, sets a password, and shows the fleet", async () => {
      for (const fleet of [small, large]) {
        const { page, context } = await openPage(browser, fleet);
        await page.goto(fleet.link);
        await page.getByLabel("New password").fill(PASSWORD);
        await page.getByRole("button", { name: "Set the password and sign in" }).click();
        await page.getByRole("button", { name: "Go to the fleet" }).click();
        await shows(page, "Fleet of");
        assert.equal(new URL(page.url()).hash, "", "the token stays out of the address");
        sessions.set(fleet, await context.storageState());
        await context.close();
      }
    });

    it("refuses the link the second time, and says what to do", async () => {
      const { page, context } = await openPage(browser, small);
      await page.goto(small.link);
      await page.getByRole("button", { name: "without a password" }).click();
      await page.getByRole("alert").waitFor();
      await shows(page, "argosyd --admin-link", { exact: true });
      await context.close();
    });

    it("takes name and password, refuses a wrong one, and signs out", async () => {
      const { page, context } = await openPage(browser, small);
      await page.goto("/alerts");
      const enter = async (password) => {
        await page.getByLabel("Name").fill("admin");
        await page.getByLabel("Password").fill(password);
        await page.getByRole("button", { name: "Sign in" }).click();
      };
      await enter("not the password");
      await page.getByRole("alert").waitFor();
      await enter(PASSWORD);
      await page.getByRole("heading", { name: "Alerts" }).waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await context.close();
    });
  });

  for (const size of [12, 5000]) {
    for (const theme of ["light", "dark"]) {
      describe(`with ${size} devices, ${theme}`, () => {
        const fleet = () => product.fleets[String(size)];
        for (const [name, path] of Object.entries(SCREENS)) {
          it(`shows ${name} without a complaint from the browser or from axe`, async () => {
            const { page, context, complaints } = await signedIn(fleet(), { theme });
            await page.goto(path.replace("NAME", size === 12 ? "cam-03" : "cam-0003").replace("ALERT", size === 12 ? "5" : "1"));
            await settled(page);
            const { violations } = await new AxeBuilder({ page }).analyze();
            const grave = violations.filter((each) => ["serious", "critical"].includes(each.impact));
            assert.deepEqual(grave.map((each) => `${each.id}: ${each.nodes[0].html}`), []);
            assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is no wider than the window");
            await page.screenshot({ path: join(SCREENSHOTS, `${name}-${size}-${theme}.png`) });
            assert.deepEqual(complaints, []);
            await context.close();
          });
        }
      });
    }
  }

  describe("the overview", () => {
    it("says what is wrong and leads there", async () => {
      const { page, context } = await signedIn(small);
      await page.goto("/");
      await page.getByRole("heading", { level: 1, name: "alerts are firing" }).waitFor();
      await page.getByRole("link", { name: /Offline/ }).click();
      await shows(page, "1 matches");
      assert.equal(new URL(page.url()).searchParams.get("filter"), 'presence = "offline"');
      await context.close();
    });
  });

  describe("connectivity", () => {
    it("tells each cell of the map by keyboard, and leads to the devices", async () => {
      const { page, context, complaints } = await signedIn(small);
      await page.goto("/connectivity?range=604800");
      await shows(page, "available in 7 d");
      await page.locator('.heat-cell[data-cell="0 0"]').focus();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("End");
      const told = await page.locator(".heat-cell:focus").getAttribute("aria-label");
      assert.match(told, /^oslo, .*: [\d.]+ % available$/, "the worst site stands first");
      assert.equal(await page.locator(".heat-told").textContent(), told);
      await page.getByRole("link", { name: "Intermittent" }).click();
      await shows(page, "1 matches");
      assert.equal(new URL(page.url()).searchParams.get("filter"), 'intermittent = "true"');
      assert.deepEqual(complaints, []);
      await context.close();
    });

    it("shows a device's spans, by keyboard and in words", async () => {
      const { page, context, complaints } = await signedIn(small);
      await page.goto("/devices/cam-08");
      const card = page.getByRole("region", { name: "Connectivity", exact: true });
      await shows(card, "available", { exact: false });
      await card.locator(".strip button").first().focus();
      await page.keyboard.press("End");
      assert.match(await page.locator(".strip button:focus").getAttribute("aria-label"), /^Online for 1?\d min, from /);
      await card.getByText("Its spans in words").click();
      await card.getByRole("cell", { name: "255 s silent, expected every 60 s" }).first().waitFor();
      await card.screenshot({ path: join(SCREENSHOTS, "device-connectivity.png") });
      const { violations } = await new AxeBuilder({ page }).analyze();
      assert.deepEqual(violations.filter((each) => ["serious", "critical"].includes(each.impact)).map((each) => each.id), []);
      assert.deepEqual(complaints, []);
      await context.close();
    });
  });

  describe("the model's screen", () => {
    const cell = (page, from, to) => page.getByRole("button", { name: new RegExp(`^${from} to ${to}:`) });

    it("shows what was tried for a pair, by keyboard alone, and keeps the choice in the address", async () => {
      const { page, context, complaints } = await signedIn(small);
      await page.goto("/models/digits?variant=cpu-fp32");
      await cell(page, "1.2", "1.1").focus();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      const details = page.getByRole("region", { name: "The patch from 1.0 to 1.1" });
      await details.getByRole("cell", { name: "Larger than tensor" }).first().waitFor();
      assert.equal(await cell(page, "1.0", "1.1").getAttribute("aria-pressed"), "true");
      await page.reload();
      await details.getByRole("cell", { name: "Chosen" }).waitFor();
      await cell(page, "1.1", "1.2").click();
      await shows(page, "needs more memory than patches.max_memory_mb");
      await shows(page, "Waits for its signature");
      await shows(page, "Compact at 4 bits: patch 11.2 % of the file, 99.8 % equal predictions");
      const { violations } = await new AxeBuilder({ page }).analyze();
      assert.deepEqual(violations.filter((each) => ["serious", "critical"].includes(each.impact)).map((each) => each.id), []);
      await page.screenshot({ path: join(SCREENSHOTS, "models-chosen.png"), fullPage: true });
      assert.deepEqual(complaints, []);
      await context.close();
    });

    it("asks for a patch ahead of any rollout, and takes that back", async () => {
      const { page, context } = await signedIn(small);
      await page.goto("/models/digits?variant=cpu-int8&from=1.0&to=1.2");
      await page.getByRole("button", { name: "Make it" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Make it" }).click();
      // The files of these rows are not stored: the server says so, and tries again.
      await shows(cell(page, "1.0", "1.2"), /Pending|Making|Failed/);
      await shows(page, "Asked for by");
      await page.getByRole("button", { name: "Cancel the patch" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Cancel the patch" }).click();
      await shows(cell(page, "1.0", "1.2"), "Cancelled");
      await shows(page, "cancelled by user:admin");
      await context.close();
    });
  });

  describe("the list of devices", () => {
    it("points at the column of a syntax error, and recovers", async () => {
      const { page, context } = await signedIn(small);
      await page.goto("/devices");
      await settled(page);
      await page.getByRole("textbox", { name: "Filter" }).fill('presence = "online" AND AND');
      await page.getByRole("button", { name: "Filter", exact: true }).click();
      const alert = page.getByRole("alert");
      await shows(alert, /column 25/);
      assert.equal(await page.getByRole("textbox", { name: "Filter" }).getAttribute("aria-invalid"), "true");
      await page.getByRole("button", { name: "Clear" }).click();
      await shows(page, "12 devices");
      assert.equal(await alert.count(), 0);
      await context.close();
    });

    it("narrows down by facets, whose counts come true, and keeps the filter in the address", async () => {
      const { page, context } = await signedIn(large);
      await page.goto("/devices");
      const facet = page.getByRole("button", { name: /^jetson-fp16/ });
      await facet.getByText(/\d/).nth(1).waitFor();
      const promised = (await facet.locator(".count").textContent()).trim();
      await facet.click();
      await shows(page, `${promised} match`);
      await page.reload();
      await shows(page, `${promised} match`);
      assert.equal(await facet.getAttribute("aria-pressed"), "true");
      await context.close();
    });

    it("counts five thousand exactly, and scrolls through them with few elements", async () => {
      const { page, context, complaints } = await signedIn(large);
      await page.goto("/devices");
      await shows(page, "5,000 devices");
      const rows = page.locator("tbody tr[aria-rowindex]");
      await rows.first().waitFor();
      for (const wanted of [200, 300, 400]) {
        await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
        await shows(page, `${wanted} of 5,000 loaded`);
      }
      await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
      assert.ok((await rows.count()) < 120, "only rows in view are elements");
      assert.equal(await page.getByRole("table").getAttribute("aria-rowcount"), "5001");
      assert.deepEqual(complaints, []);
      await context.close();
    });
  });

  describe("a device", () => {
    it("draws its charts with what happened marked, and keeps the range in the address", async () => {
      const { page, context } = await signedIn(small);
      await page.goto("/devices/cam-03");
      await page.getByRole("img", { name: /Latency over time, last: p50 \d/ }).waitFor();
      await page.getByRole("img", { name: /^CPU over time/ }).waitFor();
      await page.getByRole("img", { name: /^sharpness: how often/ }).waitFor();
      assert.ok((await page.getByRole("list", { name: "Marked in the charts" }).getByRole("listitem").count()) > 0);
      await page.getByRole("button", { name: "6 h" }).click();
      assert.equal(new URL(page.url()).searchParams.get("range"), "21600");
      await context.close();
    });

    it("shows how sure its model was, of which camera, and what runs it", async () => {
      const { page, context } = await signedIn(small);
      await page.goto("/devices/cam-03");
      await page.getByRole("img", { name: /of [\d,]+ were at least 80 % sure/ }).waitFor();
      await page.getByRole("img", { name: /^Inferences by camera: left \d+, right \d+, further values \d+/ }).waitFor();
      await page.getByRole("img", { name: /^Entropy of the predictions over time/ }).waitFor();
      await page.getByRole("img", { name: /^pump_bar over time/ }).waitFor();
      await shows(page, "onnxruntime 1.21.0");
      await context.close();
    });

    it("changes by itself when the world does", async () => {
      const { page, context } = await signedIn(small);
      await page.goto("/devices/cam-08");
      await shows(page, "Updated");
      await shows(page.locator("main"), "Online", { exact: true });
      await page.evaluate(() => (window.stayed = true));
      sql(small, "update device_state set presence = 'offline', presence_since = now(), presence_reason = 'unplugged by a test', last_seen_at = now() - interval '1 day' where device_id = 'cam-08'");
      await shows(page, "unplugged by a test");
      sql(small, "insert into events (kind, severity, device_id, message) values ('device.presence', 'warning', 'cam-08', 'seen by the test through the stream')");
      await shows(page, "seen by the test through the stream");
      assert.equal(await page.evaluate(() => window.stayed), true, "without a reload");
      await context.close();
    });

    it("says so while the stream is broken, and mends it", async () => {
      const { page, context } = await signedIn(small);
      await page.route("**/api/v1/stream*", (route) => route.abort());
      await page.goto("/devices/cam-01");
      await shows(page, "Reconnecting");
      await page.unroute("**/api/v1/stream*");
      await shows(page, /Updated \d+ s ago/);
      await context.close();
    });
  });

  describe("a rollout", () => {
    it("is planned, started after a confirmation, and paused", async () => {
      const { page, context, complaints } = await signedIn(small);
      await page.goto("/rollouts");
      await page.getByRole("button", { name: "Plan a rollout" }).click();
      const form = page.getByRole("dialog", { name: "Plan a rollout" });
      await form.getByLabel("Version").selectOption("1.2");
      await form.getByLabel("Name").fill("digits 1.2 in Lyon");
      await form.getByLabel("Which devices").fill('labels.site = "lyon"');
      await shows(form, "3 devices match now.");
      await form.getByRole("spinbutton", { name: /^Canary/ }).fill("34");
      await form.getByRole("button", { name: "Save the draft" }).click();
      await page.getByRole("heading", { name: "digits 1.2 in Lyon" }).waitFor();
      await shows(page, "up to 34 % of the devices");

      const promote = page.getByRole("button", { name: "Promote", exact: true });
      assert.ok(await promote.isDisabled());
      await shows(page, /^Promote: the rollout is draft/);

      await page.getByRole("button", { name: "Start", exact: true }).click();
      const dialog = page.getByRole("dialog", { name: /^Start/ });
      await shows(dialog, /argosy rollout start \d+/);
      await dialog.getByRole("button", { name: "Start" }).click();
      await shows(page.locator("main"), "Running", { exact: true });
      await page.getByRole("button", { name: "Pause", exact: true }).click();
      await page.getByRole("dialog", { name: /^Pause/ }).getByRole("button", { name: "Pause" }).click();
      await shows(page.locator("main"), "Paused", { exact: true });
      await page.getByRole("cell", { name: /^Pause/ }).first().waitFor();
      assert.deepEqual(complaints, []);
      await context.close();
    });

    it("refuses what was decided on an older state", async () => {
      const { page, context } = await signedIn(small);
      await page.goto("/rollouts/3");
      await page.getByRole("button", { name: "Pause", exact: true }).click();
      await page.route("**/api/v1/rollouts/3", () => {}); // it has not heard of the change when the operator decides
      sql(small, "update rollouts set version = version + 1 where id = 3");
      await page.getByRole("dialog").getByRole("button", { name: "Pause" }).click();
      await shows(page, "Somebody else changed this rollout meanwhile");
      await context.close();
    });

    it("shows each guard with its n and its verdict", async () => {
      const { page, context } = await signedIn(small);
      await page.goto("/rollouts/3");
      const latency = page.getByRole("row", { name: /^Latency, p95/ });
      await shows(latency, "No worse");
      assert.match(await latency.textContent(), /× 1\.01.*× 0\.98 to × 1\.04.*20\.9 ms.*p95 latency/);
      await latency.getByRole("img", { name: /rolls back over × 1\.05, passes under × 1\.10/ }).waitFor();
      const accuracy = page.getByRole("row", { name: /^Accuracy/ });
      await shows(accuracy, "Waiting");
      assert.match(await accuracy.textContent(), /−0\.40 points.*needs about 14 more canaries/);
      await context.close();
    });

    it("shows in the overview what another operator does", async () => {
      const { page, context } = await signedIn(large);
      await page.goto("/");
      const card = page.getByRole("region", { name: "Active rollouts" });
      await shows(card, "Running");
      const csrf = (await (await context.request.get("/api/v1/me")).json()).csrf;
      const { etag } = await (await context.request.get("/api/v1/rollouts/3")).json();
      const answer = await context.request.post("/api/v1/rollouts/3/pause", { data: {}, headers: { "X-CSRF-Token": csrf, "If-Match": `"${etag}"` } });
      assert.equal(answer.status(), 200, await answer.text());
      await shows(card, "Paused");
      await context.close();
    });
  });

  describe("alerts", () => {
    it("are acknowledged by name, with a word on what is being done", async () => {
      const { page, context, complaints } = await signedIn(small);
      await page.goto("/alerts");
      const row = page.getByRole("row", { name: /Latency doubled/ });
      await row.getByRole("button", { name: "Acknowledge" }).click();
      await page.getByRole("dialog").getByLabel("What is being done").fill("the fan is cleaned");
      await page.getByRole("dialog").getByRole("button", { name: "Acknowledge" }).click();
      await shows(row, "admin");
      await row.getByRole("link", { name: "Latency doubled" }).click();
      await shows(page, "the fan is cleaned");
      await page.getByRole("cell", { name: "Acknowledged" }).waitFor();
      assert.deepEqual(complaints, []);
      await context.close();
    });

    it("are silenced from one of them, by keyboard, and the silence is ended", async () => {
      const { page, context, complaints } = await signedIn(small);
      await page.goto("/alerts");
      await page.getByRole("link", { name: "Gone dark" }).first().click();
      await page.getByRole("link", { name: "Silence…" }).focus();
      await page.keyboard.press("Enter");
      assert.match(await page.getByLabel("Devices, or all").inputValue(), /^id = "cam-/);
      await page.getByLabel("Why").fill("It is being moved");
      await page.keyboard.press("Enter");
      const row = page.getByRole("row", { name: /It is being moved/ });
      await row.getByRole("button", { name: "End" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "End" }).click();
      await row.waitFor({ state: "detached" });
      assert.deepEqual(complaints, []);
      await context.close();
    });
  });

  describe("rules", () => {
    it("tell what a change would have raised, take it, and go back to what was shipped", async () => {
      const { page, context, complaints } = await signedIn(small);
      await page.goto("/alerts");
      await page.getByRole("link", { name: "Rules" }).click();
      const edit = page.getByRole("button", { name: "Edit Memory is nearly used up" });
      await edit.click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Severity").selectOption("critical");
      await dialog.getByRole("checkbox", { name: /^Ask the device for diagnostics/ }).check();
      await shows(dialog, "This rule will act without asking anybody");
      await dialog.getByRole("button", { name: "Preview" }).click();
      await dialog.getByRole("status").waitFor();
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.waitFor({ state: "hidden" });
      await shows(page, "acts by itself: asks for diagnostics (at most 5 an hour)");
      await edit.click();
      assert.equal(await dialog.getByLabel("Severity").inputValue(), "critical");
      await dialog.getByRole("button", { name: "Reset" }).click();
      await page.getByRole("dialog", { name: /^Reset/ }).getByRole("button", { name: "Reset" }).click();
      await dialog.first().waitFor({ state: "hidden" });
      assert.deepEqual(complaints, []);
      await context.close();
    });
  });

  describe("notifications", () => {
    it("make a route, show its secret once, and tell that a test cannot arrive", async () => {
      const { page, context, complaints } = await signedIn(small);
      await page.goto("/settings/notifications");
      await page.getByRole("button", { name: "Make a route" }).click();
      const dialog = page.getByRole("dialog", { name: "Make a route" });
      await dialog.getByLabel("Name").fill("nowhere");
      await dialog.getByLabel("Address").fill("http://127.0.0.1:9/");
      await dialog.getByRole("button", { name: "Make it" }).click();
      await shows(dialog, "It is shown this once");
      await dialog.getByRole("button", { name: "Close" }).click();
      const row = page.getByRole("row").filter({ hasText: "nowhere" }).first();
      await row.getByRole("button", { name: "Send a test" }).click();
      const said = row.getByRole("status");
      await shows(said, "It did not arrive");
      await shows(said, "notify.allowed_networks");
      assert.deepEqual(complaints, []);
      await context.close();
    });

    for (const name of ["alert", "notifications"])
      it(`fit a phone: ${name}`, async () => {
        const { page, context, complaints } = await signedIn(small);
        await page.setViewportSize({ width: 390, height: 844 });
        await page.goto(SCREENS[name].replace("ALERT", "5"));
        await settled(page);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the page is no wider than the window");
        await page.screenshot({ path: join(SCREENSHOTS, `${name}-phone.png`), fullPage: true });
        assert.deepEqual(complaints, []);
        await context.close();
      });

    it("lead from an alert to its delivery, and back", async () => {
      const { page, context, complaints } = await signedIn(small);
      await page.goto("/alerts");
      await page.getByRole("link", { name: "Accuracy low" }).first().click();
      await page.getByRole("img", { name: /^Accuracy over time/ }).waitFor();
      await page.getByRole("row", { name: /fleet-mail/ }).getByRole("link", { name: "4", exact: true }).click();
      await page.getByRole("heading", { name: "Delivery 4" }).waitFor();
      await page.getByRole("link", { name: /^alert \d+$/ }).click();
      await page.getByRole("heading", { level: 1, name: "Accuracy low" }).waitFor();
      assert.deepEqual(complaints, []);
      await context.close();
    });

    it("change a route, after a look at what it would have told", async () => {
      const { page, context, complaints } = await signedIn(small);
      await page.goto("/settings/notifications");
      await page.getByRole("button", { name: "Change fleet-mail" }).click();
      const dialog = page.getByRole("dialog", { name: "Change fleet-mail" });
      assert.equal(await dialog.getByLabel("Mail server").inputValue(), "mail.example.com");
      await dialog.getByLabel("Events").fill("alert.* rollout.halted");
      await dialog.getByRole("button", { name: "What would it have told?" }).click();
      await shows(dialog.getByRole("status"), "In the last seven days it would have told");
      await dialog.getByRole("button", { name: "Change it" }).click();
      await dialog.waitFor({ state: "hidden" });
      await page.getByRole("cell", { name: /^alert\.\* rollout\.halted/ }).waitFor();
      assert.deepEqual(complaints, []);
      await context.close();
    });

    it("show every attempt of a delivery", async () => {
      const { page, context, complaints } = await signedIn(small);
      await page.goto("/settings/notifications?state=given_up");
      await page.getByRole("button", { name: "Log of delivery 2" }).click();
      await shows(page.getByRole("dialog", { name: "Delivery 2" }), "try later");
      assert.deepEqual(complaints, []);
      await context.close();
    });
  });

  describe("settings", () => {
    it("make a claim and a token, and show each secret once", async () => {
      const { page, context, complaints } = await signedIn(small);
      await page.goto("/settings");
      await page.getByRole("button", { name: "Make a claim" }).click();
      await page.getByRole("dialog", { name: "Make a claim" }).getByRole("button", { name: "Make a claim" }).click();
      await shows(page.getByRole("dialog"), "It is shown this once");
      await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
      await page.getByRole("button", { name: "Make a token" }).click();
      await page.getByRole("dialog", { name: "Make a token" }).getByLabel("Name").fill("pipeline");
      await page.getByRole("dialog").getByRole("button", { name: "Make a token" }).click();
      await shows(page.getByRole("dialog"), "It is shown this once");
      await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
      await page.getByRole("cell", { name: "pipeline", exact: true }).waitFor();
      await page.getByRole("cell", { name: "token.create" }).first().waitFor();
      assert.deepEqual(complaints, []);
      await context.close();
    });
  });

  describe("the keyboard", () => {
    it("finds a device with Ctrl-K", async () => {
      const { page, context } = await signedIn(large);
      await page.goto("/");
      await settled(page);
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog").getByRole("textbox").waitFor();
      await page.keyboard.type("4999");
      await shows(page.getByRole("dialog"), "cam-4999");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "cam-4999" }).waitFor();
      await context.close();
    });

    it("skips to the content", async () => {
      const { page, context } = await signedIn(small);
      await page.goto("/");
      await settled(page);
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate(() => document.activeElement?.id), "main");
      await context.close();
    });
  });

  describe("the theme", () => {
    it("is switched by a button and stays", async () => {
      const { page, context } = await signedIn(small);
      await page.goto("/");
      const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
      assert.equal(await theme(), "light");
      await page.getByRole("button", { name: "Switch to the dark theme" }).click();
      assert.equal(await theme(), "dark");
      await page.reload();
      await page.getByRole("button", { name: "Switch to the light theme" }).waitFor();
      assert.equal(await theme(), "dark");
      await context.close();
    });
  });
});
