// Builds the script and the style of the page into mnet_cost/explorer/page/, unminified, so that
// the built files can be reviewed. `--tests` builds the unit tests into build/tests/ instead.

import { build } from "esbuild";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const page = join(here, "..", "mnet_cost", "explorer", "page");
const common = {
  absWorkingDir: here,
  bundle: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  target: "es2022",
};

if (process.argv.includes("--tests")) {
  const tests = readdirSync(join(here, "tests")).filter((name) => name.endsWith(".test.ts"));
  await build({
    ...common,
    entryPoints: tests.map((name) => join("tests", name)),
    format: "esm",
    outdir: join(here, "build", "tests"),
    outExtension: { ".js": ".mjs" },
    platform: "node",
  });
} else {
  const scripts = [
    // The engine alone, for Node: what is exact is tested without a browser. It is in no wheel.
    { entryPoints: ["src/engine.ts"], format: "esm", outfile: join(here, "engine.mjs") },
    { entryPoints: ["src/start.ts"], format: "iife", outfile: join(page, "start.js") },
    { entryPoints: ["src/main.ts"], format: "iife", outfile: join(page, "explorer.js") },
    { entryPoints: ["src/style.css"], outfile: join(page, "explorer.css") },
  ];
  for (const script of scripts) {
    if (existsSync(join(here, script.entryPoints[0]))) {
      await build({ ...common, ...script });
    }
  }
}
