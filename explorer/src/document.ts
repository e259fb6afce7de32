// The data that a page is made of, `mnet-cost/explore/1`, as `reading.ts` gives it. Where a view has a
// number (`figures.ts`), the document has a slot.

import type { DeviceNumber, Totals } from "./figures";

export type * from "./figures";

/** Where a number comes from: a node of the program from 0 on; below 0 the constant -1 - slot;
 * null is unknown. */
export type Slot = number | null;

export type KnobValue = number | string | boolean;

/** Values of knobs by name, the batch among them; and `precision`, which is a word. */
export type Setting = Readonly<Record<string, KnobValue>>;

export interface ExploreDocument {
  format: "mnet-cost/explore/1";
  /** Of mnet_cost. */
  version: string;
  /** Of the command line beside models and devices, each word quoted for a shell. */
  arguments: string[];
  /** One, or those that are compared, the reference first. */
  models: ModelDocument[];
  devices: DeviceFacts[];
  /** Precisions that can be chosen; the first one is the default. */
  precisions: string[];
  /** Sentences that say what the page leaves out. */
  left_out: string[];
}

export interface ModelDocument {
  /** As it was asked for, and different for each model of a document. */
  title: string;
  /** What leads to the model on a command line, quoted for a shell. */
  reference: string;
  /** Where the network is from. */
  source: string;
  /** The name of the file of the spec, without its folder; or empty. */
  file: string;
  knobs: Knob[];
  program: ProgramData;
  /** At which settings which of these holds is what their `fixed` and guards say. */
  structures: Structure[];
  /** Formulas of layers, which `LayerTexts.form` points to. */
  forms: Form[];
  /** Lines of the spec that layers were written on, by number. */
  lines: Record<string, string>;
  published: PublishedRow[];
  /** Sentences about the network: warnings, doubts. */
  notes: string[];
}

/** A control for a knob; the batch is one. */
export type Knob = SliderKnob | SelectKnob | FixedKnob;

interface KnobText {
  name: string;
  help: string;
  default: KnobValue;
  /** "device" for a factor on a number of the devices, which 1 leaves as it is. */
  of: "network" | "device";
}

export interface SliderKnob extends KnobText {
  control: "slider";
  default: number;
  min: number;
  max: number;
  step: number;
  whole: boolean;
  /** Whether equal distances are equal ratios. */
  is_log: boolean;
  /** Values that sources publish: ticks. */
  published: number[];
}

export interface SelectKnob extends KnobText {
  control: "select";
  values: KnobValue[];
  published: KnobValue[];
}

/** A knob that cannot move in this page. */
export interface FixedKnob extends KnobText {
  control: "fixed";
  /** Why, as a sentence. */
  why: string;
}

/** Formulas of one kind of layer. */
export interface Form {
  /** Names in the formulas, of which `LayerCosts.symbols` has the values. */
  symbols: string[];
  /** Each number of the layer for one example of the batch, such as C_in * C_out. */
  formulas: { what: string; names: string }[];
}

export interface PublishedRow {
  source: string;
  note: string;
  /** All knobs of the network, without the batch. */
  setting: Record<string, KnobValue>;
  /** Numbers as printed: top1 (percent), mult_adds, params ... */
  figures: Record<string, number>;
  /** What its accuracy was measured on; null where it is not known. */
  dataset: string | null;
}

/** A number of a profile and where it comes from. */
export interface Fact {
  what: string;
  value: number;
  /** Written after the value and a prefix: "B/s", "MAC/s", "s", "W"; empty for a plain count. */
  unit: string;
  low: number | null;
  high: number | null;
  basis: string;
  source: string;
}

export interface DeviceFacts {
  name: string;
  /** What leads to it on a command line, quoted for a shell. */
  reference: string;
  title: string;
  /** phone, board, microcontroller ...; empty where it is not stated. */
  class: string;
  runtime: string;
  threads: number;
  cores: number | null;
  /** Of its times: datasheet, fitted, calibrated. */
  basis: string;
  /** Levels of the memory from the inside, main memory last; then the storage of the weights. */
  levels: { name: string; size_bytes: number | null; bytes_per_s: number | null }[];
  has_storage: boolean;
  /** By precision: the peak in mult-adds a second, and the error of held-out measurements. */
  at: Record<string, { peak_macs_per_s: number | null; error_percent: number | null; fitted_to: string }>;
  facts: Fact[];
}

/** A recorded program: see program.ts, and mnet_cost/explorer/program.py, which writes it. */
export interface ProgramData {
  /** Names of the inputs: the first nodes. */
  inputs: string[];
  /** Numbers; those that JSON has no word for are "NaN", "Infinity" or "-Infinity". */
  constants: (number | string)[];
  /** One letter for each node after the inputs. */
  operations: string;
  /** By letter and place. */
  operands: Record<string, number[]>;
}

/** One structure of a network: at which settings it holds, and its costs there in outline. */
export interface Structure {
  /** Values of the knobs with a select for which it was recorded. */
  fixed: Record<string, KnobValue>;
  layers: LayerTexts;
  /** Blocks and copies around the layers, by path. */
  calls: { path: string; block: string; copy: number | null; line: number }[];
  inputs: { name: string; shape: Slot[] }[];
  /** Layers whose results are outputs. */
  outputs: number[];
  /** Names of layers whose cost is unknown: then there are no totals. */
  unmodelled: string[];
  /** Layers of each kernel, for each way to launch the network. */
  kernel_layers: number[][][];
  at: Record<string, PrecisionOutline>;
}

export interface PrecisionOutline {
  /** 2 * node + 1 where the condition has to hold, 2 * node where it must not. */
  guards: number[];
  totals: Record<keyof Totals, Slot>;
  layers: Table;
  memory: {
    live: Slot[];
    /** The layer that makes each tensor, or the name of what is none. */
    name: (number | string)[];
    bytes: Slot[];
    first: number[];
    last: number[];
  };
  devices: DeviceOutline[];
}

/** Rows of slots. Equal rows stand there once for all structures; a slot is written as its difference
 * to the one above it, and null is unknown. */
export interface Table {
  /** Of each entry, its row. */
  row: number[];
  columns: Record<string, Slot[]>;
  /** Columns with a list in each row: how long the lists are, and the slots at each place of the
   * lists that are so long. */
  lists: Record<string, { lengths: number[]; places: Slot[][] }>;
}

export interface DeviceOutline {
  basis: string | null;
  energy_how: string;
  numbers: Record<DeviceNumber, Slot>;
  notes: SentenceData[];
  outside: SentenceData[];
  capacity: { what: string; where: string; needed: Slot; available: Slot; is_least: boolean }[];
  /** Index of the lists of layers of its kernels, in `Structure.kernel_layers`. */
  kernel_layers: number;
  kernels: Table;
}

/** Said where `holds` is true; `{}` stands for the number, in percent where `text` says so. */
export interface SentenceData {
  text: string;
  /** Said instead where the number is 1; or empty. */
  one: string;
  holds: Slot;
  number: Slot;
}

/** What is said of layers, as columns. */
export interface LayerTexts {
  name: string[];
  /** With kernel and stride, where it has them: `conv2d 3x3 s2`. */
  kind: string[];
  /** One of `VARIETIES`: it decides the colour. */
  variety: string[];
  /** Line of the spec, 0 for none. */
  line: number[];
  /** Of a layer of a model file: its nodes there. Else empty. */
  nodes: string[];
  /** Indices of the layers that each reads; -1 - i is the network's input i. */
  inputs: number[][];
  /** Index of its formulas. */
  form: number[];
  /** How many layers each stands for: 1 but in a large network. */
  count: number[];
}
