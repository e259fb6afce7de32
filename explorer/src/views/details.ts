// Everything about one block or layer: counts, formulas with their values, the line of the spec,
// and what its time is made of on each device.

import { Columns } from "../amounts";
import type { Count, Form, Numbers } from "../document";
import { type Children, h, type Item } from "../dom";
import { bytes, percent, plural, seconds, setting, UNKNOWN, whole } from "../numbers";
import { legend, named, note } from "../parts";
import { callOf, heaviest, layerCount } from "../rows";
import type { Scene } from "../scene";
import { type Block, find, rowsOf } from "../tree";
import { kindOf } from "./row";

export function details(scene: Scene): Children[] {
  const row = chosenRow(scene);
  if (!row) return [note("This network has no layers.")];
  const { numbers, model } = scene.chosen;
  const layer = row.children.length ? null : row.layers[0];
  return [
    h("h3", {}, h("bdi", {}, row.path)),
    h("p", { class: "sub" }, h("bdi", {}, kindOf(numbers, row))),
    counts(scene, row),
    scene.page.devices.length ? [times(scene, row), partLegend] : null,
    layer == null ? null : riding(scene, layer),
    layer == null
      ? null
      : formulas(numbers, layer, model.forms[numbers.structure.layers.form[layer]]),
    specLine(scene, row),
  ];
}

/** The block or layer that was chosen, or the heaviest. */
function chosenRow(scene: Scene): Block | undefined {
  const { state, chosen, metric } = scene;
  const found = state.selected ? find(chosen.blocks, state.selected) : undefined;
  if (found) return found;
  const rows = rowsOf(chosen.blocks, state.open);
  return heaviest(
    rows,
    rows.map((row) => chosen.columns.ofBlock(row)),
    state.open,
    metric,
  );
}

function counts(scene: Scene, row: Block): Item {
  const { numbers, columns } = scene.chosen;
  const amounts = columns.ofBlock(row);
  const { structure, layers } = numbers;
  const first = row.layers[0];
  const own = new Set(row.layers);
  const reads = new Set(
    row.layers.flatMap((layer) => structure.layers.inputs[layer]).filter((from) => !own.has(from)),
  );
  const names = [...reads].map((from) =>
    from < 0 ? (structure.inputs[-1 - from]?.name ?? "input") : structure.layers.name[from],
  );
  const entry = (name: string, value: Children): Item[] => [h("dt", {}, name), h("dd", {}, value)];
  return h(
    "dl",
    {},
    entry(
      "reads",
      h(
        "bdi",
        {},
        names.slice(0, 6).join(", ") + (names.length > 6 ? ` and ${names.length - 6} more` : "") ||
          UNKNOWN,
      ),
    ),
    row.children.length
      ? null
      : entry("output", layers.shape[first].map((size) => whole(size)).join(" × ") || "a number"),
    entry("mult-adds", whole(amounts.mult_adds)),
    entry("params", whole(amounts.params)),
    entry("bytes moved", bytes(amounts.bytes)),
    entry("memory alive", bytes(amounts.alive)),
  );
}

const partLegend: Item = legend([
  { color: "var(--heat3)", text: "compute" },
  { color: "var(--kind1)", text: "memory" },
  { color: "var(--kind7)", text: "launch" },
]);

interface Parts {
  time: Count;
  isLeast: boolean;
  compute: number;
  memory: number;
  overhead: number;
}

/** The time of some layers and what it is made of. */
export function partsOf(columns: Columns, layers: readonly number[]): Parts {
  const parts = { compute: 0, memory: 0, overhead: 0 };
  const { time, isLeast } = columns.of(layers);
  for (const layer of layers) {
    const kernel = columns.kernelOf[layer];
    if (kernel < 0 || !columns.kernels) continue;
    parts.compute += columns.kernels.compute_s[kernel] ?? 0;
    parts.memory += columns.kernels.memory_s[kernel] ?? 0;
    parts.overhead += columns.kernels.overhead_s[kernel] ?? 0;
  }
  return { time, isLeast, ...parts };
}

function times(scene: Scene, row: Block): Item {
  const { numbers } = scene.chosen;
  return h(
    "table",
    { class: "plain" },
    h("caption", { class: "unseen" }, "Time on each device, and what it is made of"),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, "device"),
        h("th", { scope: "col", class: "num" }, "time"),
        h("th", { scope: "col" }, "made of"),
      ),
    ),
    h(
      "tbody",
      {},
      scene.page.devices.map((device, index) => {
        const parts = partsOf(
          index === scene.state.device ? scene.chosen.columns : new Columns(numbers, index),
          row.layers,
        );
        const isLeast = parts.isLeast || numbers.devices[index].is_least;
        return h(
          "tr",
          {},
          h("th", { scope: "row" }, named(device.name)),
          h(
            "td",
            { class: "num" },
            parts.time == null ? UNKNOWN : `${isLeast ? "≥ " : ""}${seconds(parts.time)}`,
          ),
          h("td", {}, stack(parts)),
        );
      }),
    ),
  );
}

function stack({ time, compute, memory, overhead }: Parts): Item | null {
  if (!time) return null;
  const shares: [string, number][] = [
    ["compute", compute / time],
    ["memory", memory / time],
    ["launch", overhead / time],
  ];
  const words = shares.map(([name, share]) => `${name} ${percent(share)}`).join(", ");
  return h(
    "span",
    { class: "stack", role: "img", "aria-label": words, "data-tip": words },
    shares.map(([name, share]) =>
      h("i", { class: name, style: { width: `${(100 * share).toFixed(1)}%` } }),
    ),
  );
}

/** A layer that runs in the kernel of another one. */
function riding(scene: Scene, layer: number): Item | null {
  const { columns, numbers } = scene.chosen;
  if (columns.kernelOf[layer] >= 0 || !columns.kernels) return null;
  const host = columns.kernels.layers.find((layers) => layers.includes(layer));
  if (!host || !scene.device) return null;
  return note(
    "On ",
    h("bdi", {}, scene.device.name),
    " it runs in the kernel of ",
    h("bdi", {}, numbers.structure.layers.name[host[0]]),
    " and takes no time of its own.",
  );
}

function formulas(numbers: Numbers, layer: number, form: Form | undefined): Children {
  if (!form?.formulas.length) return null;
  const values = numbers.layers.values[layer];
  const symbols = new Map(
    form.symbols.map((name, i) => [name, numbers.layers.symbols[layer][i] ?? null]),
  );
  return [
    h("h4", {}, "Formulas, for one example"),
    form.formulas.map(({ what, names }, i) => {
      const isSaid =
        what === "weights" && form.formulas.some((f) => f.what === "params" && f.names === names);
      if (isSaid || what.endsWith(" elements")) return null; // bytes are in the counts
      const value = whole(values[i]);
      const filled = withValues(names, symbols);
      return h(
        "div",
        { class: "code" },
        h("b", {}, what),
        "\n",
        names,
        filled === names ? "" : `\n= ${filled}`,
        filled.replace(/,/g, "") === value.replace(/,/g, "") ? "" : `\n= ${value}`,
      );
    }),
  ];
}

/** The formula with numbers for its symbols; words of functions stay. */
export function withValues(names: string, symbols: ReadonlyMap<string, Count>): string {
  return names.replace(/[A-Za-z_][A-Za-z0-9_]*/g, (name) => {
    const value = symbols.get(name);
    return value == null ? name : setting(value);
  });
}

function specLine({ chosen }: Scene, row: Block): Children {
  const { structure } = chosen.numbers;
  const call = callOf(structure, row);
  const file = chosen.model.file;
  const nodes = row.children.length ? "" : structure.layers.nodes[row.layers[0]];
  if (nodes) {
    return [
      h("h4", {}, "nodes", file ? [" of ", h("bdi", {}, file)] : null),
      h("div", { class: "code" }, h("bdi", {}, nodes)),
    ];
  }
  const line = row.children.length && call ? call.line : structure.layers.line[row.layers[0]];
  const text = chosen.model.lines[String(line)];
  if (!line || text === undefined) return null;
  return [
    h("h4", {}, file ? [h("bdi", {}, file), ", "] : null, `line ${line}`),
    h("div", { class: "code" }, h("bdi", {}, text.trim())),
    row.children.length
      ? note(`It holds ${plural(layerCount(structure, row.layers), "layer")}.`)
      : null,
  ];
}
