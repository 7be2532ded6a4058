// Fails the build when the script a first visit has to load grows beyond its budget.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET_BYTES = 200_000;
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL("build-manifest.json", dist), "utf8"));

/** Everything that is loaded with an entry: itself and what it imports without being asked. */
function firstLoad(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const next of manifest[key].imports ?? []) firstLoad(next, seen);
  return seen;
}

const entry = "index.html";
const files = [...firstLoad(entry)].map((key) => manifest[key].file);
const sizes = files.map((file) => [file, gzipSync(readFileSync(new URL(file, dist))).length]);
const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
for (const [file, bytes] of sizes) console.log(`${file}: ${bytes} bytes compressed`);
console.log(`first load: ${total} of ${BUDGET_BYTES} bytes of compressed script`);
if (total > BUDGET_BYTES) {
  console.error("The first load is over its budget: load something only when it is asked for.");
  process.exit(1);
}
