// What layers, blocks and kinds of layers cost: sums of the columns of one setting.
// A sum of unknown numbers is unknown; one of some known numbers says that it is at least that.

import type { Count, Kernels, Numbers } from "./document";
import type { Metric } from "./state";
import type { Block } from "./tree";

export interface Amounts {
  time: Count;
  /** Whether some of its kernels have no known time. */
  isLeast: boolean;
  /** Whether all its layers run in kernels that are named after others, so that it has no time. */
  isFused: boolean;
  mult_adds: Count;
  params: Count;
  bytes: Count;
  /** The most that is alive while one of its layers runs. */
  alive: Count;
}

/** What is added up for rows: prepared once a setting and device, since rows are many. */
export class Columns {
  /** The kernel that each layer names; -1 for a layer that runs in a kernel of another. */
  readonly kernelOf: Int32Array;
  readonly kernels: Kernels | null;
  readonly numbers: Numbers;
  private readonly known = new Map<Block, Amounts>();

  constructor(numbers: Numbers, device: number) {
    this.numbers = numbers;
    this.kernels = numbers.devices[device]?.kernels ?? null;
    this.kernelOf = new Int32Array(numbers.structure.layers.name.length).fill(-1);
    this.kernels?.layers.forEach((layers, kernel) => {
      if (layers.length) this.kernelOf[layers[0]] = kernel;
    });
  }

  /** Whether this device times kernels at all. */
  get hasTime(): boolean {
    return this.kernels?.latency_s.some((one) => one != null) ?? false;
  }

  /** The same for a block, once: views ask for the same blocks. */
  ofBlock(block: Block): Amounts {
    let found = this.known.get(block);
    if (!found) {
      found = this.of(block.layers);
      this.known.set(block, found);
    }
    return found;
  }

  of(layers: readonly number[]): Amounts {
    const { layers: columns, memory } = this.numbers;
    let timed = 0;
    let kernels = 0;
    let time = 0;
    const sums = { mult_adds: 0 as Count, params: 0 as Count, bytes: 0 as Count };
    let alive: Count = null;
    for (const layer of layers) {
      sums.mult_adds = plus(sums.mult_adds, columns.mult_adds[layer]);
      sums.params = plus(sums.params, columns.params[layer]);
      sums.bytes = plus(sums.bytes, bytesOf(this.numbers, layer));
      const live = memory.live[layer];
      if (live != null && (alive == null || live > alive)) alive = live;
      const kernel = this.kernelOf[layer];
      if (kernel < 0) continue;
      kernels += 1;
      const latency = this.kernels!.latency_s[kernel];
      if (latency == null) continue;
      timed += 1;
      time += latency;
    }
    return {
      ...sums,
      alive,
      time: timed ? time : null,
      isLeast: timed > 0 && timed < kernels,
      isFused: this.hasKernels && kernels === 0,
    };
  }

  private get hasKernels(): boolean {
    return (this.kernels?.layers.length ?? 0) > 0;
  }
}

/** Bytes that a layer reads and writes when nothing stays in a cache. */
export function bytesOf({ layers }: Numbers, layer: number): Count {
  return plus(
    plus(layers.weight_bytes[layer], layers.input_bytes[layer]),
    layers.output_bytes[layer],
  );
}

export const plus = (a: Count, b: Count): Count => (a == null || b == null ? null : a + b);

/** a / b; unknown where one is, or where there is nothing to divide by. */
export const ratio = (a: Count, b: Count): Count => (a == null || !b ? null : a / b);

interface Sums {
  totals: Numbers["totals"];
  devices: readonly { latency_s: Count }[];
}

/** The whole network in a metric, on a device. */
export function totalOf(numbers: Sums, metric: Metric, device: number): Count {
  const { totals, devices } = numbers;
  switch (metric) {
    case "time":
      return devices[device]?.latency_s ?? null;
    case "mult_adds":
      return totals.mult_adds;
    case "params":
      return totals.params;
    case "bytes":
      return totals.traffic_bytes;
    case "alive":
      return totals.peak_bytes;
  }
}

export const METRIC_NAMES: Record<Metric, string> = {
  time: "time",
  mult_adds: "mult-adds",
  params: "params",
  bytes: "bytes moved",
  alive: "memory alive",
};

export const METRIC_UNITS: Record<Metric, string> = {
  time: "s",
  mult_adds: "",
  params: "",
  bytes: "B",
  alive: "B",
};

/** Kinds of layers by colour, in the order of their colours. */
export const VARIETIES: readonly [string, string][] = [
  ["1x1", "1×1 convolution"],
  ["depthwise", "depthwise"],
  ["convolution", "other convolution"],
  ["linear", "linear"],
  ["product", "attention, products"],
  ["recurrent", "recurrent"],
  ["pooling", "pooling"],
  ["other", "the rest"],
];

export function varietyIndex(variety: string): number {
  const index = VARIETIES.findIndex(([name]) => name === variety);
  return index < 0 ? VARIETIES.length - 1 : index;
}
