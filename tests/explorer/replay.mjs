// Reads a document and settings from stdin as JSON, and writes the numbers of each setting: what
// the page shows, calculated by the built engine in Node.

import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const { costsOf, readDocument } = await import(pathToFileURL(process.argv[2]));
const { page, model, settings } = JSON.parse(readFileSync(0, "utf8"));
const costs = costsOf(readDocument(JSON.stringify(page)))[model];
for (const { setting, precision } of settings) {
  const numbers = costs.numbers(setting, precision);
  if (numbers !== null) {
    const { structure } = numbers;
    const { name, count } = structure.layers;
    numbers.structure = { names: name, count, fixed: structure.fixed };
  }
  process.stdout.write(JSON.stringify(numbers) + "\n");
}
