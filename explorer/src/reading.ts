// From the text of a page to its document. What repeats stands there once, and lists of numbers as
// differences, so that many structures take little room: `mnet_cost/explorer/written.py` and
// `outlines.py` write it. Here it is undone.

import type {
  ExploreDocument, LayerTexts, ModelDocument, PrecisionOutline, Structure, Table,
} from "./document";

/** A table of rows that structures have in common. */
type Rows = Pick<Table, "columns" | "lists">;

/** What the text has of a model, beside what stays as it is. */
interface WrittenModel extends Omit<ModelDocument, "structures"> {
  /** Lists that stand in the structures more than once, in the place of which is `{ shared: i }`. */
  shared: unknown[];
  /** Rows of texts of layers, by columns. */
  texts: Omit<LayerTexts, "inputs">;
  calls: Structure["calls"];
  /** By precision. */
  tables: Record<string, { layers: Rows; kernels: Rows[] }>;
  structures: unknown[];
}

interface WrittenStructure extends Omit<Structure, "layers" | "calls" | "at"> {
  /** Rows of `texts`, as differences. */
  layers: number[];
  /** Of each layer, how far back those are that it reads. */
  reads: number[][];
  /** Rows of `calls`, as differences. */
  calls: number[];
  at: Record<string, WrittenOutline>;
}

interface WrittenOutline extends Omit<PrecisionOutline, "layers" | "devices"> {
  /** Rows of the table of layers, as differences. */
  layers: number[];
  devices: (Omit<PrecisionOutline["devices"][number], "kernels"> & { kernels: number[] })[];
}

/** The document of a page. */
export function readDocument(text: string): ExploreDocument {
  const page = JSON.parse(text) as ExploreDocument;
  if (page.format !== "mnet-cost/explore/1") throw new Error("it is of another version");
  for (const model of page.models) readStructures(model as ModelDocument & WrittenModel);
  return page;
}

function readStructures(model: ModelDocument & WrittenModel): void {
  model.structures = model.structures.map((structure) =>
    structureOf(withShared(structure, model.shared) as WrittenStructure, model),
  );
}

function structureOf(written: WrittenStructure, model: WrittenModel): Structure {
  const { layers, reads, calls, kernel_layers, at, ...rest } = written;
  const rows = summed(layers);
  const pick = <T>(column: readonly T[]): T[] => rows.map((row) => column[row]);
  const { name, kind, variety, line, nodes, form, count } = model.texts;
  return {
    ...rest,
    layers: {
      name: pick(name),
      kind: pick(kind),
      variety: pick(variety),
      line: pick(line),
      nodes: pick(nodes),
      form: pick(form),
      count: pick(count),
      inputs: reads.map((back, layer) => back.map((distance) => layer - distance)),
    },
    calls: summed(calls).map((row) => model.calls[row]),
    kernel_layers: kernel_layers.map(kernelLayers),
    at: Object.fromEntries(
      Object.entries(at).map(([precision, outline]) => [
        precision,
        outlineOf(outline, model.tables[precision]),
      ]),
    ),
  };
}

function outlineOf(written: WrittenOutline, tables: WrittenModel["tables"][string]) {
  const first = summed(written.memory.first);
  return {
    ...written,
    guards: summed(written.guards),
    layers: { row: summed(written.layers), ...tables.layers },
    memory: {
      ...written.memory,
      name: written.memory.name.map((name, i) => (typeof name === "number" ? first[i] + name : name)),
      first,
      last: written.memory.last.map((more, i) => first[i] + more),
    },
    devices: written.devices.map((device, i) => ({
      ...device,
      kernels: { row: summed(device.kernels), ...tables.kernels[i] },
    })),
  };
}

/** Layers of kernels: the first of each after the first of the one before, the others in turn. */
function kernelLayers(written: readonly number[][]): number[][] {
  let first = 0;
  return written.map((steps) => {
    if (steps.length === 0) return [];
    first += steps[0];
    return summed([first, ...steps.slice(1)]);
  });
}

/** Numbers that are written as differences. */
function summed(steps: readonly number[]): number[] {
  let number = 0;
  return steps.map((step) => (number += step));
}

/** A value with lists in the place of `{ shared: i }`. */
function withShared(value: unknown, shared: readonly unknown[]): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    return typeof value[0] === "object" ? value.map((item) => withShared(item, shared)) : value;
  }
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0][0] === "shared") {
    return withShared(shared[entries[0][1] as number], shared);
  }
  return Object.fromEntries(entries.map(([key, item]) => [key, withShared(item, shared)]));
}
