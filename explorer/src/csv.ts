// The layer table as CSV, with whole numbers and seconds, for all devices of the page.

import { bytesOf, Columns } from "./amounts";
import type { DeviceFacts, Numbers } from "./document";

/** One row a layer; a kernel's time stands at the layer that names it. */
export function toCsv(numbers: Numbers, devices: readonly DeviceFacts[]): string {
  const { structure, layers, memory } = numbers;
  const columns = devices.map((_, index) => new Columns(numbers, index));
  const head = [
    "layer",
    "kind",
    "output",
    "mult_adds",
    "params",
    "bytes",
    "alive_bytes",
    ...devices.map((device) => `${device.name}_s`),
  ];
  const rows = structure.layers.name.map((name, layer) => [
    name,
    structure.layers.kind[layer],
    layers.shape[layer].map((size) => size ?? "").join("x"),
    layers.mult_adds[layer],
    layers.params[layer],
    bytesOf(numbers, layer),
    memory.live[layer] ?? null,
    ...columns.map(({ kernels, kernelOf }) =>
      kernelOf[layer] < 0 ? null : (kernels?.latency_s[kernelOf[layer]] ?? null),
    ),
  ]);
  return [head, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";
}

/** Unknown is empty; a text that a spreadsheet would take for a formula is quoted as text. */
export function csvCell(value: string | number | null): string {
  if (value == null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}
