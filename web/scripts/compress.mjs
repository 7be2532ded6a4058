// The service hands out `name.br` or `name.gz` where a browser takes it: the line carries what the budget counts.
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const WORTH_IT = new Set([".js", ".css", ".html", ".json", ".svg", ".webmanifest"]);
const LEAST_BYTES = 1024;

for (const name of readdirSync("dist", { recursive: true })) {
  const path = join("dist", name);
  if (!WORTH_IT.has(extname(path)) || statSync(path).size < LEAST_BYTES) continue;
  const content = readFileSync(path);
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  writeFileSync(`${path}.br`, brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }));
}
