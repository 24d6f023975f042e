// After a build: compresses what the server sends, and fails when the first load is over its budget.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const DIST = new URL("../dist/", import.meta.url).pathname;
const FIRST_LOAD_BUDGET = 60_000; // bytes of compressed script
const ALL_BUDGET = 130_000;

const filesBelow = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesBelow(join(folder, entry.name)) : [join(folder, entry.name)],
  );

const sizes = new Map();
for (const file of filesBelow(DIST)) {
  if (!/\.(js|css|html|svg|json)$/.test(file)) continue;
  const content = readFileSync(file);
  const small = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } });
  writeFileSync(`${file}.br`, small);
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
  sizes.set(file, small.length);
}

const page = readFileSync(join(DIST, "index.html"), "utf8");
const scripts = [...sizes].filter(([file]) => file.endsWith(".js"));
const first = scripts.filter(([file]) => page.includes(file.slice(DIST.length)));
const sum = (entries) => entries.reduce((total, [, size]) => total + size, 0);
console.log(`first load ${sum(first)} bytes of compressed script (budget ${FIRST_LOAD_BUDGET}), all ${sum(scripts)} (budget ${ALL_BUDGET})`);
if (first.length === 0) throw new Error("no script of the first load was found in dist/index.html");
if (sum(first) > FIRST_LOAD_BUDGET || sum(scripts) > ALL_BUDGET) {
  console.error("over budget: load what one screen alone needs with lazy(), or drop a dependency");
  process.exit(1);
}
