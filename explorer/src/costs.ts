// What networks cost at a setting: outlines of the document with numbers for their slots.
//
// Nothing is worked out here. `null` is unknown.

import type {
  Count, DeviceCosts, DeviceNumber, DeviceOutline, ExploreDocument, Kernels, Knob, ModelDocument,
  Numbers, PrecisionOutline, SentenceData, Setting, Slot, Structure, Table, Totals,
} from "./document";
import { Program } from "./program";

type Read = (slot: Slot) => Count;

/** The few numbers that curves and points need. */
export interface Headline {
  totals: Totals;
  devices: (Record<DeviceNumber, Count> & { basis: string | null })[];
}

interface Found {
  structure: Structure;
  outline: PrecisionOutline;
}

const DEVICE_NUMBERS: readonly DeviceNumber[] = [
  "latency_s", "low_s", "high_s", "bound_s", "inference_s", "untimed", "energy_j", "energy_low_j",
  "energy_high_j",
];

/** One model of a document, at any setting that it has a structure for. */
export class ModelCosts {
  private readonly program: Program;
  private readonly sliders: readonly Knob[];
  private readonly others: readonly Knob[];
  private readonly read: Read;

  constructor(readonly model: ModelDocument) {
    const program = new Program(model.program);
    const knobs = new Map(model.knobs.map((knob) => [knob.name, knob]));
    this.program = program;
    this.sliders = program.inputs.map((name) => {
      const knob = knobs.get(name);
      if (knob === undefined) throw new Error(`there is no knob for the input "${name}"`);
      return knob;
    });
    this.others = model.knobs.filter((knob) => !program.inputs.includes(knob.name));
    this.read = (slot) => {
      if (slot === null) return null;
      const value = program.values[program.address(slot)];
      return Number.isNaN(value) ? null : value;
    };
  }

  /** All numbers at a setting; null where no structure of the page holds. */
  numbers(setting: Setting, precision: string): Numbers | null {
    const found = this.find(setting, precision);
    if (found === null) return null;
    const { structure, outline } = found;
    const read = this.read;
    const layers = readTable(outline.layers, read);
    const { memory } = outline;
    const bytes = undifferenced(memory.bytes, read);
    return {
      structure,
      precision,
      is_exact: this.program.isExact,
      totals: readTotals(outline, read),
      layers: {
        shape: layers.list("shape"),
        symbols: layers.list("symbols"),
        values: layers.list("values"),
        mult_adds: layers.column("mult_adds"),
        params: layers.column("params"),
        weight_bytes: layers.column("weight_bytes"),
        input_bytes: layers.column("input_bytes"),
        output_bytes: layers.column("output_bytes"),
      },
      memory: {
        live: undifferenced(memory.live, read),
        tensors: memory.name.map((name, i) => ({
          name: typeof name === "number" ? structure.layers.name[name] : name,
          bytes: bytes[i],
          first: memory.first[i],
          last: memory.last[i],
        })),
      },
      devices: outline.devices.map((device, index) => ({
        ...readDevice(device, structure, read),
        timed_at:
          read(device.numbers.latency_s) === null ? timedAt(structure, index, precision) : [],
      })),
    };
  }

  /** Totals and times at a setting; null where no structure of the page holds. */
  headline(setting: Setting, precision: string): Headline | null {
    const found = this.find(setting, precision);
    if (found === null) return null;
    return {
      totals: readTotals(found.outline, this.read),
      devices: found.outline.devices.map((device) => ({
        ...readNumbers(device, this.read),
        basis: device.basis,
      })),
    };
  }

  /** Run the program, and find the structure that holds. */
  private find(setting: Setting, precision: string): Found | null {
    const valueOf = (knob: Knob) => setting[knob.name] ?? knob.default;
    this.program.run(this.sliders.map((knob) => Number(valueOf(knob))));
    for (const structure of this.model.structures) {
      const outline = structure.at[precision];
      if (
        outline !== undefined &&
        this.others.every((knob) => structure.fixed[knob.name] === valueOf(knob)) &&
        this.program.holds(outline.guards)
      ) {
        return { structure, outline };
      }
    }
    return null;
  }
}

/** The models of a document, in its order. */
export function costsOf(page: ExploreDocument): ModelCosts[] {
  return page.models.map((model) => new ModelCosts(model));
}

/** The numbers of a column of differences; each slot is the one before it and so much more. */
function undifferenced(column: readonly Slot[], read: Read): Count[] {
  let slot = 0;
  return column.map((more) => (more === null ? null : read((slot += more))));
}

/** Slots of columns, and of columns with a list in each row: tables stay, so they are kept. */
const keptSlots = new WeakMap<readonly Slot[], Slot[]>();
const keptLists = new WeakMap<object, Slot[][]>();

function slotsOf(column: readonly Slot[]): Slot[] {
  let slots = keptSlots.get(column);
  if (slots === undefined) keptSlots.set(column, (slots = undifferenced(column, (slot) => slot)));
  return slots;
}

function listsOf(table: Table["lists"][string]): Slot[][] {
  let found = keptLists.get(table);
  if (found === undefined) {
    const { lengths, places } = table;
    const parts: Slot[][] = lengths.map(() => []);
    places.forEach((column, place) => {
      const slots = slotsOf(column);
      let next = 0;
      lengths.forEach((length, i) => {
        if (place < length) parts[i].push(slots[next++]);
      });
    });
    keptLists.set(table, (found = parts));
  }
  return found;
}

function readTable(table: Table, read: Read) {
  const { row, columns, lists } = table;
  return {
    column(name: string): Count[] {
      const slots = slotsOf(columns[name]);
      return row.map((i) => read(slots[i]));
    },
    list(name: string): Count[][] {
      const slots = listsOf(lists[name]);
      return row.map((i) => slots[i].map(read));
    },
  };
}

function readTotals(outline: PrecisionOutline, read: Read): Totals {
  const totals = Object.entries(outline.totals).map(([name, slot]) => [name, read(slot)]);
  return Object.fromEntries(totals) as Totals;
}

function readNumbers(device: DeviceOutline, read: Read): Record<DeviceNumber, Count> {
  const numbers = DEVICE_NUMBERS.map((name) => [name, read(device.numbers[name])]);
  return Object.fromEntries(numbers) as Record<DeviceNumber, Count>;
}

/** Precisions but the one shown in which a device has a time. */
function timedAt(structure: Structure, device: number, shown: string): string[] {
  return Object.keys(structure.at).filter(
    (precision) =>
      precision !== shown && structure.at[precision].devices[device].numbers.latency_s !== null,
  );
}

function readDevice(
  device: DeviceOutline,
  structure: Structure,
  read: Read,
): Omit<DeviceCosts, "timed_at"> {
  const numbers = readNumbers(device, read);
  return {
    ...numbers,
    basis: numbers.latency_s === null ? null : device.basis,
    is_least: device.basis === "bound" || (numbers.untimed ?? 0) > 0,
    energy_how: numbers.energy_j === null ? "" : device.energy_how,
    notes: said(device.notes, read),
    outside: said(device.outside, read),
    capacity: device.capacity.map((row) => ({
      what: row.what,
      where: row.where,
      needed_bytes: read(row.needed),
      available_bytes: read(row.available),
      is_least: row.is_least,
    })),
    kernels: readKernels(device, structure, read),
  };
}

function readKernels(device: DeviceOutline, structure: Structure, read: Read): Kernels {
  const table = readTable(device.kernels, read);
  const layers = structure.kernel_layers[device.kernel_layers];
  const levels = table.list("level_bytes");
  return {
    name: layers.map(([anchor]) => structure.layers.name[anchor]),
    layers,
    latency_s: table.column("latency_s"),
    compute_s: table.column("compute_s"),
    memory_s: table.column("memory_s"),
    overhead_s: table.column("overhead_s"),
    bound_compute_s: table.column("bound_compute_s"),
    bound_memory_s: table.column("bound_memory_s"),
    mult_adds: table.column("mult_adds"),
    traffic_bytes: table.column("traffic_bytes"),
    level_bytes: (levels[0] ?? []).map((_, level) => levels.map((bytes) => bytes[level] ?? null)),
  };
}

/** The sentences that are true. Shares are percents; other numbers stand as they are. */
function said(sentences: readonly SentenceData[], read: Read): string[] {
  const texts: string[] = [];
  for (const { text, one, holds, number } of sentences) {
    if (!read(holds)) continue;
    const value = read(number);
    if (one !== "" && value === 1) texts.push(one);
    else if (value === null) texts.push(text);
    else texts.push(text.replace("{}", text.startsWith("{} %") ? percent(value) : `${value}`));
  }
  return texts;
}

function percent(share: number): string {
  return (100 * share).toFixed(0);
}
