// What the browser tests stand on: a built dashboard, argosyd with two fleets on a private PostgreSQL, and Chromium.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const WEB = fileURLToPath(new URL("..", import.meta.url));
export const SCREENSHOTS = join(WEB, "../.argosy/screenshots");
const SOURCES = ["src", "public", "index.html", "package-lock.json", "vite.config.ts", "scripts"];

const newest = (path) =>
  statSync(path).isDirectory() ? Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name)))) : statSync(path).mtimeMs;

/** Builds dist/ when a source is newer than it. */
export function buildDashboard() {
  const page = join(WEB, "dist/index.html");
  if (existsSync(page) && statSync(page).mtimeMs > Math.max(...SOURCES.map((name) => newest(join(WEB, name))))) return;
  const built = spawnSync("npm", ["run", "--silent", "build"], { cwd: WEB, stdio: ["ignore", "inherit", "inherit"] });
  if (built.status !== 0) throw new Error("npm run build failed");
}

/** Starts fleets of these sizes: {"12": {url, link, database}, …}; `stop` ends them and all that they stand on. */
export async function startFleets(...sizes) {
  const program = spawn("python3", [join(WEB, "e2e/fleet.py"), ...sizes.map(String)], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((done) => program.once("exit", done));
  const stop = async () => {
    program.stdin.end();
    await ended;
  };
  const line = await Promise.race([new Promise((done) => createInterface(program.stdout).once("line", done)), ended]);
  if (typeof line !== "string") throw new Error(`e2e/fleet.py ended with status ${line}`);
  return { fleets: JSON.parse(line), stop };
}

export function chromiumProgram() {
  return [process.env.ARGOSY_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));
}

export function launchBrowser() {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
  return chromium.launch({ executablePath: chromiumProgram(), args: process.getuid?.() === 0 ? ["--no-sandbox", ...quiet] : quiet });
}

/** One statement on a fleet's database, as the world changes behind the server's back. */
export function sql(fleet, statement) {
  const done = spawnSync("psql", [fleet.database, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement], { encoding: "utf8", cwd: "/" });
  if (done.status !== 0) throw new Error(`psql: ${done.stderr}`);
  return done.stdout.trim();
}

/** A page whose console is watched: `complaints` are its errors and warnings. */
export async function openPage(browser, fleet, options = {}) {
  const { theme = "light", ...rest } = options;
  const context = await browser.newContext({ baseURL: fleet.url, viewport: { width: 1360, height: 900 }, colorScheme: theme, ...rest });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && complaints.push(`${message.text()} (${message.location().url})`));
  page.on("pageerror", (error) => complaints.push(error.message));
  return { page, context, complaints };
}

/** Waits until nothing on the page says that it is loading. */
export async function settled(page) {
  await page.locator("h1").first().waitFor();
  await page.waitForFunction(() => !document.querySelector('[aria-label="Loading"]'));
}
