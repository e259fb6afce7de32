// Outlines with numbers for their slots: a small document whose numbers are worked out by hand.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ModelCosts } from "../src/costs";
import type {
  DeviceOutline, ModelDocument, PrecisionOutline, Slot, Structure, Table,
} from "../src/document";

// The program: inputs width (node 0) and batch (1); then
//   2: 9 * width       3: batch * (9 * width)     4: width < 4      5: batch <= 1
//   6: (9 * width) / 100, a fraction              7: width == 2
const PROGRAM = {
  inputs: ["width", "batch"],
  constants: [9, 4, 1, 100, "NaN", 2],
  operations: "KPuydt",
  operands: {
    K0: [-1], K1: [2], P0: [2], P1: [1], u0: [4], u1: [-2], y0: [4], y1: [-3], d0: [4], d1: [-4],
    t0: [7], t1: [-6],
  },
};
const [WIDTH, BATCH, WEIGHTS, WORK, IS_NARROW, IS_ONE, SECONDS, IS_TWO] = [0, 1, 2, 3, 4, 5, 6, 7];
const NINE = -1, HUNDRED = -4, NOT_KNOWN = -5;

const NO_ROWS: Table = {
  row: [],
  columns: Object.fromEntries(
    ["latency_s", "compute_s", "memory_s", "overhead_s", "bound_compute_s", "bound_memory_s",
     "mult_adds", "traffic_bytes"].map((name) => [name, []]),
  ),
  lists: { level_bytes: { lengths: [], places: [] } },
};

function deviceOf(changes: Partial<DeviceOutline> = {}): DeviceOutline {
  return {
    basis: "fitted",
    energy_how: "by power",
    numbers: {
      latency_s: SECONDS, low_s: null, high_s: NOT_KNOWN, bound_s: SECONDS, inference_s: null,
      untimed: null, energy_j: null, energy_low_j: null, energy_high_j: null,
    },
    notes: [],
    outside: [],
    capacity: [],
    kernel_layers: 0,
    kernels: NO_ROWS,
    ...changes,
  };
}

function outlineOf(guards: number[], device: DeviceOutline): PrecisionOutline {
  const unknown = null;
  return {
    guards,
    totals: {
      mult_adds: WORK, vector_ops: unknown, params: WEIGHTS, weights: WEIGHTS,
      weight_bytes: NINE, activation_bytes: NOT_KNOWN, traffic_bytes: HUNDRED, peak_bytes: BATCH,
    },
    layers: {
      row: [0, 1, 0], // the first and the last are alike
      columns: {
        mult_adds: [WORK, WEIGHTS - WORK], // differences: 3, then 2
        params: [WEIGHTS, null],
        weight_bytes: [null, WEIGHTS],
        input_bytes: [WIDTH, BATCH - WIDTH],
        output_bytes: [NINE, HUNDRED - NINE],
      },
      lists: {
        // Of two and of one number: width and batch; nine.
        shape: { lengths: [2, 1], places: [[WIDTH, NINE - WIDTH], [BATCH]] },
        symbols: { lengths: [0, 1], places: [[WIDTH]] },
        values: { lengths: [1, 0], places: [[WEIGHTS]] },
      },
    },
    memory: {
      live: [WIDTH, WORK - WIDTH, null], name: [0, "input"], bytes: [WORK, WIDTH - WORK],
      first: [0, 0], last: [2, 1],
    },
    devices: [device],
  };
}

function structureOf(flag: boolean, guards: number[], device = deviceOf()): Structure {
  return {
    fixed: { flag },
    layers: {
      name: ["a", "b", "c"], kind: [], variety: [], line: [], nodes: [], inputs: [], form: [],
      count: [1, 1, 1],
    },
    calls: [],
    inputs: [],
    outputs: [2],
    unmodelled: [],
    kernel_layers: [[[1, 0], [2]]],
    at: { fp32: outlineOf(guards, device) },
  };
}

function modelOf(structures: Structure[]): ModelDocument {
  const slider = {
    help: "", of: "network" as const, control: "slider" as const, min: 1, max: 64, step: 1,
    whole: true, is_log: false, published: [],
  };
  return {
    title: "net", reference: "net", source: "", file: "",
    knobs: [
      { name: "width", default: 3, ...slider },
      { name: "batch", default: 1, ...slider },
      {
        name: "flag", help: "", of: "network", default: false, control: "select",
        values: [false, true], published: [],
      },
    ],
    program: PROGRAM, structures, forms: [], lines: {}, published: [], notes: [],
  };
}

const costsOf = (...structures: Structure[]) => new ModelCosts(modelOf(structures));
const HOLDS = [2 * IS_NARROW + 1]; // width < 4

test("slots are nodes, constants and what is unknown", () => {
  const numbers = costsOf(structureOf(false, [])).numbers({ width: 5, batch: 2 }, "fp32")!;
  assert.deepEqual(numbers.totals, {
    mult_adds: 90, vector_ops: null, params: 45, weights: 45, weight_bytes: 9,
    activation_bytes: null, traffic_bytes: 100, peak_bytes: 2,
  });
  assert.equal(numbers.is_exact, true);
  const [device] = numbers.devices;
  assert.deepEqual([device.latency_s, device.low_s, device.high_s], [0.45, null, null]);
});

test("what a setting leaves out is at its default", () => {
  const numbers = costsOf(structureOf(false, [])).numbers({}, "fp32")!;
  assert.equal(numbers.totals.mult_adds, 27);
});

test("tables are rows that stand there once, with differences of slots and lists", () => {
  const { layers, memory } = costsOf(structureOf(false, [])).numbers(
    { width: 5, batch: 2 }, "fp32",
  )!;
  assert.deepEqual(layers.mult_adds, [90, 45, 90]);
  assert.deepEqual(layers.params, [45, null, 45]);
  assert.deepEqual(layers.weight_bytes, [null, 45, null]);
  assert.deepEqual(layers.input_bytes, [5, 2, 5]);
  assert.deepEqual(layers.output_bytes, [9, 100, 9]);
  assert.deepEqual(layers.shape, [[5, 2], [9], [5, 2]]);
  assert.deepEqual(layers.symbols, [[], [5], []]);
  assert.deepEqual(layers.values, [[45], [], [45]]);
  assert.deepEqual(memory.live, [5, 90, null]);
  assert.deepEqual(memory.tensors, [
    { name: "a", bytes: 90, first: 0, last: 2 },
    { name: "input", bytes: 5, first: 0, last: 1 },
  ]);
});

test("the structure is the one whose choices and guards hold", () => {
  const narrow = structureOf(false, HOLDS);
  const wide = structureOf(false, [2 * IS_NARROW]);
  const flagged = structureOf(true, []);
  const costs = costsOf(narrow, wide, flagged);
  const found = (setting: Record<string, number | boolean>) =>
    costs.numbers(setting, "fp32")?.structure;
  assert.equal(found({ width: 3 }), narrow);
  assert.equal(found({ width: 4 }), wide);
  assert.equal(found({ width: 3, flag: true }), flagged);
});

test("where none holds there are no numbers", () => {
  const costs = costsOf(structureOf(false, HOLDS));
  assert.equal(costs.numbers({ width: 4 }, "fp32"), null);
  assert.equal(costs.headline({ width: 4 }, "fp32"), null);
  assert.equal(costs.numbers({ width: 3, flag: true }, "fp32"), null);
  assert.equal(costs.numbers({ width: 3 }, "int8"), null);
  assert.notEqual(costs.numbers({ width: 3 }, "fp32"), null);
});

test("headlines are the same numbers", () => {
  const costs = costsOf(structureOf(false, []));
  const numbers = costs.numbers({ width: 7, batch: 3 }, "fp32")!;
  const headline = costs.headline({ width: 7, batch: 3 }, "fp32")!;
  assert.equal(headline.totals.mult_adds, 189);
  assert.deepEqual(headline.totals, numbers.totals);
  assert.equal(headline.devices[0].latency_s, 0.63);
});

test("whole numbers beyond 2^53 are marked", () => {
  const costs = costsOf(structureOf(false, []));
  assert.equal(costs.numbers({ width: 2 ** 26, batch: 2 ** 26 }, "fp32")!.is_exact, false);
  assert.equal(costs.numbers({ width: 2 ** 26, batch: 2 ** 20 }, "fp32")!.is_exact, true);
});

test("a time is at least that where it is a bound or some kernels have none", () => {
  const at = (device: DeviceOutline) =>
    costsOf(structureOf(false, [], device)).numbers({}, "fp32")!.devices[0];
  const { numbers } = deviceOf();
  assert.equal(at(deviceOf()).is_least, false);
  assert.equal(at(deviceOf({ basis: "bound" })).is_least, true);
  assert.equal(at(deviceOf({ numbers: { ...numbers, untimed: BATCH } })).is_least, true);
  const timeless = at(deviceOf({ numbers: { ...numbers, latency_s: null } }));
  assert.equal(timeless.basis, null);
  assert.equal(timeless.energy_how, ""); // of no energy
  assert.equal(at(deviceOf({ numbers: { ...numbers, energy_j: WIDTH } })).energy_how, "by power");
});

test("sentences are said where they hold, and read well at one", () => {
  const sentence = { text: "{} layers are alone", one: "one layer is alone", number: BATCH };
  const device = deviceOf({
    notes: [{ ...sentence, holds: IS_NARROW }],
    outside: [
      { text: "{} % is elsewhere", one: "", holds: IS_TWO, number: SECONDS },
      { text: "it is large", one: "", holds: IS_ONE, number: null },
    ],
  });
  const costs = costsOf(structureOf(false, [], device));
  const at = (width: number, batch: number) => costs.numbers({ width, batch }, "fp32")!.devices[0];
  assert.deepEqual(at(3, 5).notes, ["5 layers are alone"]);
  assert.deepEqual(at(3, 1).notes, ["one layer is alone"]);
  assert.deepEqual(at(4, 1).notes, []);
  assert.deepEqual(at(2, 1).outside, ["18 % is elsewhere", "it is large"]);
  assert.deepEqual(at(3, 2).outside, []);
});

test("kernels are named by their first layer, and levels are columns", () => {
  const one = (slot: Slot) => [slot, null];
  const device = deviceOf({
    capacity: [{ what: "weights", where: "flash", needed: WEIGHTS, available: HUNDRED,
      is_least: true }],
    kernels: {
      row: [0, 1],
      columns: {
        latency_s: [SECONDS, null], compute_s: one(SECONDS), memory_s: one(null),
        overhead_s: one(HUNDRED), bound_compute_s: one(null), bound_memory_s: one(null),
        mult_adds: [WORK, WEIGHTS - WORK], traffic_bytes: [NINE, HUNDRED - NINE],
      },
      lists: {
        level_bytes: { lengths: [2, 2], places: [[WIDTH, BATCH - WIDTH], [NINE, WORK - NINE]] },
      },
    },
  });
  const { kernels, capacity } = costsOf(structureOf(false, [], device)).numbers(
    { width: 5, batch: 2 }, "fp32",
  )!.devices[0];
  assert.deepEqual(kernels.name, ["b", "c"]);
  assert.deepEqual(kernels.layers, [[1, 0], [2]]);
  assert.deepEqual(kernels.latency_s, [0.45, null]);
  assert.deepEqual(kernels.mult_adds, [90, 45]);
  assert.deepEqual(kernels.traffic_bytes, [9, 100]);
  assert.deepEqual(kernels.level_bytes, [[5, 2], [9, 90]]);
  assert.deepEqual(capacity, [
    { what: "weights", where: "flash", needed_bytes: 45, available_bytes: 100, is_least: true },
  ]);
});

test("an input without a knob is refused", () => {
  const model = modelOf([]);
  model.knobs = model.knobs.slice(1);
  assert.throws(() => new ModelCosts(model), /no knob for the input "width"/);
});
