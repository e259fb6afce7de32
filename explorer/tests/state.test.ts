// State and link: what goes into the address comes back, and nobody can break the page with it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { canTake, type Control, controlsOf, grouped, isInRange } from "../src/controls";
import { commandFor, quoted } from "../src/command";
import type { ExploreDocument, Knob, SliderKnob } from "../src/document";
import { neighbour, placeOf, toStep, valueAt } from "../src/knobs";
import {
  fromFragment,
  initialState,
  settingOf,
  setValue,
  toFragment,
} from "../src/state";

const text = { help: "", of: "network" } as const;
const alpha: Knob = {
  ...text,
  name: "alpha",
  control: "slider",
  default: 1,
  min: 0.1,
  max: 1.5,
  step: 0.05,
  whole: false,
  is_log: false,
  published: [0.25, 0.5],
};
const batch: Knob = {
  ...text,
  name: "batch",
  control: "slider",
  default: 1,
  min: 1,
  max: 64,
  step: 1,
  whole: true,
  is_log: true,
  published: [1, 8],
};
const pool: Knob = {
  ...text,
  name: "pool",
  control: "select",
  default: "max",
  values: ["max", "a b"],
  published: [],
};
const fixed: Knob = { ...text, name: "five", control: "fixed", default: 5, why: "It is five." };

const page = {
  arguments: [],
  precisions: ["fp32", "int8"],
  models: [
    { title: "one", reference: "one", knobs: [alpha, batch, pool, fixed] },
    {
      title: "two",
      reference: "'two 2'",
      knobs: [
        { ...alpha, default: 0.5 },
        { ...batch, name: "own" },
      ],
    },
  ],
  devices: [
    { name: "phone", reference: "phone" },
    { name: "a&b=c", reference: "'a&b=c'" },
  ],
} as unknown as ExploreDocument;

test("the initial state has an empty link", () => {
  assert.equal(toFragment(page, initialState(page)), "");
  assert.deepEqual(fromFragment(page, "").state, initialState(page));
  assert.deepEqual(fromFragment(page, "#").ignored, []);
});

test("what goes into the link comes back", () => {
  const state = initialState(page);
  setValue(page, state, "alpha", 0.75);
  setValue(page, state, "pool", "a b");
  Object.assign(state, {
    precision: "int8",
    device: 1,
    model: 1,
    metric: "alive",
    selected: "a.b",
  });
  state.open = new Set(["x & y", "z=1"]);
  state.sort = { by: "params", rising: true };
  const link = toFragment(page, state);
  assert.match(link, /^alpha=0\.75&pool=a%20b&@precision=int8&@device=a%26b%3Dc/);
  const back = fromFragment(page, `#${link}`);
  assert.deepEqual(back.state, state);
  assert.deepEqual(back.ignored, []);
});

test("a default of all models is no choice", () => {
  const state = initialState(page);
  setValue(page, state, "alpha", 0.75);
  setValue(page, state, "alpha", 1);
  assert.deepEqual(state.values, { alpha: 1 }); // since the second model has another default
  setValue(page, state, "batch", 8);
  setValue(page, state, "batch", 1);
  assert.deepEqual(state.values, { alpha: 1 });
});

test("unknown names are ignored with a word, once each", () => {
  const { state, ignored } = fromFragment(page, "#beta=1&__proto__=3&constructor=1&@device=gpu");
  assert.deepEqual(state, initialState(page));
  assert.deepEqual(ignored, [
    "The link sets “beta”, which is no knob of this page.",
    "The link sets “__proto__”, which is no knob of this page.",
    "The link sets “constructor”, which is no knob of this page.",
    "The link asks for device “gpu”, which this page has not.",
  ]);
});

test("values are brought into their ranges", () => {
  const { state, ignored } = fromFragment(page, "#alpha=99&batch=2.6&five=7");
  assert.deepEqual(state.values, { alpha: 1.5, batch: 3 });
  assert.equal(ignored.length, 3);
  assert.match(ignored[0], /from 0\.1 to 1\.5 here: it is 1\.5/);
  assert.match(ignored[1], /“batch” is a whole number, not “2\.6”: it is 3/);
  assert.match(ignored[2], /stays 5 here/);
});

test("values that are none leave the default", () => {
  for (const bad of [
    "alpha=",
    "alpha=NaN",
    "alpha=Infinity",
    "alpha=x",
    "pool=none",
    "alpha",
    "=1",
    "&&",
  ]) {
    const { state } = fromFragment(page, `#${bad}`);
    assert.deepEqual(state.values, {}, bad);
  }
  assert.doesNotThrow(() => fromFragment(page, "#alpha=%E0%A4%A&%=1"));
});

test("models share knobs by name, and each keeps its own default", () => {
  const state = initialState(page);
  assert.deepEqual(settingOf(page, state, 0), { alpha: 1, batch: 1, pool: "max", five: 5 });
  assert.deepEqual(settingOf(page, state, 1), { alpha: 0.5, own: 1 });
  setValue(page, state, "alpha", 0.75);
  assert.equal(settingOf(page, state, 1).alpha, 0.75);
  assert.deepEqual(
    controlsOf(page).map((knob) => knob.name),
    ["alpha", "batch", "pool", "five", "own"],
  );
});

test("places on a slider are values and back", () => {
  assert.equal(valueAt(alpha as never, 0), 0.1);
  assert.equal(valueAt(alpha as never, 1), 1.5);
  assert.equal(toStep(alpha as never, 0.7500001), 0.75);
  for (const value of [1, 2, 3, 8, 17, 64]) {
    assert.equal(valueAt(batch as never, placeOf(batch as never, value)), value);
  }
});

test("an arrow key moves by one value, and not beyond the ends", () => {
  assert.equal(neighbour(alpha as never, 0.75, 1), 0.8);
  assert.equal(neighbour(alpha as never, 1.5, 1), 1.5);
  assert.equal(neighbour(batch as never, 1, 1), 2);
  assert.equal(neighbour(batch as never, 1, -1), 1);
  assert.equal(neighbour(batch as never, 64, 1), 64);
  assert.ok(neighbour(batch as never, 63, -1) < 63);
});

test("the command says the setting, for a shell", () => {
  const state = initialState(page);
  setValue(page, state, "alpha", 0.75);
  setValue(page, state, "pool", "a b");
  setValue(page, state, "batch", 8);
  state.precision = "int8";
  assert.equal(
    commandFor(page, state),
    "mnet-cost explore one vs 'two 2' --set alpha=0.75 --set 'pool=a b' --batch 8" +
      " --precision int8 --device phone --device 'a&b=c'",
  );
  assert.equal(quoted("it's; rm"), `'it'"'"'s; rm'`);
});

// --- controls of several networks

const size: SliderKnob = {
  ...text,
  name: "size",
  control: "slider",
  default: 224,
  min: 128,
  max: 256,
  step: 32,
  whole: true,
  is_log: false,
  published: [],
};
const models = (...knobs: Knob[][]): ExploreDocument =>
  ({ models: knobs.map((those, i) => ({ title: `net${i}`, knobs: those })) }) as never;
const only = (all: Control[]): Control & SliderKnob & { positions?: number[] } => all[0] as never;

test("a shared slider goes as far as any network does, and stops where those in range can", () => {
  const wide = { ...size, min: 104, max: 444, step: 1, published: [300] };
  const shared = only(controlsOf(models([size], [wide])));
  assert.deepEqual([shared.min, shared.max, shared.published], [104, 444, [300]]);
  assert.deepEqual(shared.owners, [0, 1]);
  const all = shared.positions!;
  assert.deepEqual(all.slice(0, 3), [104, 105, 106]); // of the wide one alone
  assert.ok(all.includes(444) && all.includes(300));
  // In the range of both there would be five stops, which is no slider: all are there.
  assert.ok(all.includes(225));
  assert.equal(neighbour(shared, 224, 1), 225);
  assert.equal(valueAt(shared, 1), 444);
  const finer = only(controlsOf(models([{ ...size, min: 32, max: 512, step: 8 }], [wide])));
  assert.ok(!finer.positions!.includes(225));
  assert.equal(neighbour(finer, 224, -1), 216);
  assert.equal(neighbour(finer, 512, 1), 512);
  assert.equal(only(controlsOf(models([size], [{ ...size }]))).positions, undefined);
});

test("what one network alone has is its own, and a fixed knob moves nothing", () => {
  const fixedSize: Knob = { ...text, name: "size", control: "fixed", default: 224, why: "" };
  const all = controlsOf(models([size, alpha], [fixedSize, batch], [size]));
  const words = grouped(all).map(({ owners, of }) => [owners, of.map((one) => one.name)]);
  assert.deepEqual(words, [[[0, 2], ["size"]], [[0], ["alpha"]], [[1], ["batch"]]]);
});

test("a list of one network and a slider of another are a list of what is known", () => {
  const list: Knob = { ...text, name: "size", control: "select", default: 192, values: [192, 448],
    published: [] };
  const [shared] = controlsOf(models([size], [list]));
  assert.ok(shared.control === "select");
  assert.deepEqual(shared.values, [192, 224, 448]);
  assert.ok(canTake(size, 448) && !isInRange(size, 448));
  assert.ok(!canTake(list, 224) && !canTake(size, 224.5));
});

test("a link that somebody wrote by hand says what it means", () => {
  const { state, ignored } = fromFragment(page, "#precision=int8&alpha=0.5&alpha=0.75");
  assert.equal(state.precision, "int8");
  assert.equal(state.values.alpha, 0.75);
  assert.deepEqual(ignored, ["The link sets “alpha” more than once: the last value holds."]);
});
