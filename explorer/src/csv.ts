// Layer tables as CSV, of one network or of several side by side, with whole numbers and seconds,
// for all devices of the page.

import { bytesOf, Columns } from "./amounts";
import type { DeviceFacts, Numbers } from "./document";
import { layerPairs } from "./pairing";
import type { ModelScene } from "./scene";

/** One row a layer; a kernel's time stands at the layer that names it. */
export function toCsv(numbers: Numbers, devices: readonly DeviceFacts[]): string {
  const cells = cellsOf(numbers, devices.length);
  return csvText([headOf(devices), ...numbers.structure.layers.name.map((_, i) => cells(i))]);
}

/** One row a pair of layers: the columns of each network, empty where it has none there. */
export function pairsToCsv(models: readonly ModelScene[], devices: readonly DeviceFacts[]): string {
  const names = headOf(devices);
  const cells = models.map(({ numbers }) => numbers && cellsOf(numbers, devices.length));
  const head = models.flatMap(({ model }) => names.map((name) => `${model.title} ${name}`));
  const rows = layerPairs(models.map(({ numbers }) => numbers?.structure ?? null)).map((pair) =>
    pair.flatMap((layer, i) => (layer == null ? names.map(() => null) : (cells[i]?.(layer) ?? []))),
  );
  return csvText([head, ...rows]);
}

type Value = string | number | null;

const csvText = (rows: readonly Value[][]): string =>
  rows.map((row) => row.map(csvCell).join(",")).join("\r\n") + "\r\n";

const headOf = (devices: readonly DeviceFacts[]): string[] => [
  "layer",
  "kind",
  "output",
  "mult_adds",
  "params",
  "bytes",
  "alive_bytes",
  ...devices.map((device) => `${device.name}_s`),
];

/** What a row says of a layer of one network. */
function cellsOf(numbers: Numbers, devices: number): (layer: number) => Value[] {
  const { structure, layers, memory } = numbers;
  const columns = Array.from({ length: devices }, (_, index) => new Columns(numbers, index));
  return (layer) => [
    structure.layers.name[layer],
    structure.layers.kind[layer],
    layers.shape[layer].map((size) => size ?? "").join("x"),
    layers.mult_adds[layer],
    layers.params[layer],
    bytesOf(numbers, layer),
    memory.live[layer] ?? null,
    ...columns.map(({ kernels, kernelOf }) =>
      kernelOf[layer] < 0 ? null : (kernels?.latency_s[kernelOf[layer]] ?? null),
    ),
  ];
}

/** Unknown is empty; a text that a spreadsheet would take for a formula is quoted as text. */
export function csvCell(value: Value): string {
  if (value == null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}
