// What views say and draw, of the recorded document of MobileNet V1.

import assert from "node:assert/strict";
import { test } from "node:test";
import { against, toneOf } from "../src/against";
import { Columns, plus, ratio } from "../src/amounts";
import { csvCell, toCsv } from "../src/csv";
import { Curves } from "../src/curves";
import { type Children, h, textOf } from "../src/dom";
import { linear, logTicks, roundTicks } from "../src/picture";
import { frontOf, knowSome, pointsOf, rowsOfOneSet } from "../src/published";
import { heaviest, orderOf } from "../src/rows";
import { aliveAt, stackPaths } from "../src/stacking";
import { find, rowsOf } from "../src/tree";
import { accuracy } from "../src/views/accuracy";
import { cards, totals } from "../src/views/cards";
import { curvePath } from "../src/views/curve";
import { details, partsOf, withValues } from "../src/views/details";
import { memory } from "../src/views/memory";
import { roofline } from "../src/views/roofline";
import { kindOf } from "../src/views/row";
import { partingSentence, shares } from "../src/views/shares";
import { sliders } from "../src/views/sliders";
import { EVERY_PLACE, layerTable } from "../src/views/table";
import { all, document, sceneOf } from "./scene";

const text = (items: Children): string => textOf(h("div", {}, items));

test("amounts of rows add up to the totals", () => {
  const { chosen } = sceneOf();
  const { columns, numbers, blocks } = chosen;
  const rows = rowsOf(blocks, new Set()).map((row) => columns.ofBlock(row));
  const sum = (of: (row: (typeof rows)[number]) => number | null): number =>
    rows.reduce((total, row) => total + (of(row) ?? 0), 0);
  assert.equal(
    sum((row) => row.mult_adds),
    568_740_352,
  );
  assert.equal(
    sum((row) => row.params),
    4_231_976,
  );
  assert.equal(
    sum((row) => row.bytes),
    numbers.totals.traffic_bytes,
  );
  const time = numbers.devices[0].latency_s! - (numbers.devices[0].inference_s ?? 0);
  assert.ok(Math.abs(sum((row) => row.time) / time - 1) < 1e-9);
});

test("unknown is not zero", () => {
  assert.equal(plus(null, 1), null);
  assert.equal(ratio(null, 1), null);
  assert.equal(ratio(1, 0), null);
  const { numbers } = sceneOf().chosen;
  const kernels = numbers.devices[0].kernels;
  kernels.latency_s[0] = null;
  const columns = new Columns(numbers, 0);
  assert.equal(columns.of(kernels.layers[0]).time, null);
  const both = columns.of([...kernels.layers[0], ...kernels.layers[1]]);
  assert.equal(both.isLeast, true);
  assert.equal(both.time, kernels.latency_s[1]);
});

test("a layer in the kernel of another one is fused, and has no time of its own", () => {
  const { columns, numbers } = sceneOf().chosen;
  const norm = numbers.structure.layers.name.indexOf("batch_norm");
  const amounts = columns.of([norm]);
  assert.deepEqual([amounts.time, amounts.isFused], [null, true]);
  const rows = all(layerTable(sceneOf(), 900, EVERY_PLACE), (item) => item.tag === "tr");
  assert.match(text(rows[2]), /batch_norm.*fused/);
});

test("the table has a row for each block, and opens", () => {
  const rows = (scene = sceneOf()): string[] =>
    all(layerTable(scene, 900, EVERY_PLACE), (item) => item.tag === "tr")
      .slice(1)
      .map((row) => text(row));
  assert.equal(rows().length, 14);
  assert.match(rows()[9], /middle ×5.*512×14×14.*46 %|middle ×5/);
  assert.equal(rows(sceneOf({ open: new Set(["middle"]) })).length, 19);
  const sorted = rows(sceneOf({ sort: { by: "mult_adds", rising: false } }));
  assert.match(sorted[0], /^middle/);
  assert.match(sorted[1], /^separable_3/);
});

test("rows that are not in sight keep what they say", () => {
  const before = sceneOf();
  const rows = (scene = before): readonly unknown[] =>
    all(layerTable(scene, 900), (item) => item.attributes.id === "rows")[0].children;
  const first = rows();
  const later = sceneOf({ values: { alpha: 0.5 } }, before.page);
  later.glance.sight = { first: 0, last: 2 };
  const second = rows(later);
  assert.notEqual(second[1], first[1]);
  assert.equal(second[9], first[9]);
});

test("sorting has unknown amounts last, in both directions", () => {
  const { columns, blocks } = sceneOf().chosen;
  const rows = rowsOf(blocks, new Set());
  const amounts = rows.map((row) => columns.ofBlock(row));
  for (const rising of [true, false]) {
    const order = orderOf(rows, amounts, new Set(), { by: "time", rising });
    const times = order.map((index) => amounts[index].time);
    const firstUnknown = times.indexOf(null);
    assert.ok(firstUnknown > 0);
    assert.ok(times.slice(firstUnknown).every((time) => time == null));
  }
  assert.equal(heaviest(rows, amounts, new Set(), "time")?.path, "middle");
});

test("cards say what is known, and what is not", () => {
  const said = text(cards(sceneOf()));
  assert.match(said, /raspberry_pi_4_ncnn/);
  assert.match(said, /does not fit: .* of /);
  const all = text(totals(sceneOf()));
  assert.match(all, /568\.7 M568,740,352/);
  assert.match(all, /4\.82 MBat separable\.conv2d/);
});

test("the sentence about shares reads well at zero, at one and where nothing parts", () => {
  const pooling = { name: "pooling", mult_adds: 0, other: 0.019 };
  assert.equal(
    partingSentence([pooling, { name: "linear", mult_adds: 1, other: 0.981 }], "time"),
    "pooling layers have none of the mult-adds and 1.9 % of the time.",
  );
  assert.equal(
    partingSentence([{ name: "the rest", mult_adds: 0.1, other: 0.3 }], "time"),
    "the rest of the layers has 10 % of the mult-adds and 30 % of the time.",
  );
  assert.match(partingSentence([{ name: "linear", mult_adds: 1, other: 1 }], "time"), /within 1 %/);
  assert.match(partingSentence([], "params"), /^the params are shared as/);
  assert.match(text(shares(sceneOf(), 600)), /depthwise layers have 3\.1 % of the mult-adds/);
});

test("shares of each bar add up to all of its width", () => {
  const svg = all(shares(sceneOf(), 600), (item) => item.tag === "svg")[0];
  const widths = all([svg], (item) => item.tag === "rect").map((rect) =>
    Number(rect.attributes.width),
  );
  const total = widths.reduce((a, b) => a + b, 0);
  assert.ok(Math.abs(total / (3 * (600 - 74)) - 1) < 0.04, String(total)); // less 1 px gaps
});

test("the front has what nothing is both cheaper and more accurate than", () => {
  const points = [
    [1, 50],
    [2, 60],
    [2, 55],
    [3, 58],
    [4, 70],
    [5, 70],
  ].map(([cost, rate]) => ({
    cost,
    accuracy: rate,
  }));
  assert.deepEqual(
    frontOf(points).map((one) => one.cost),
    [1, 2, 4],
  );
  assert.deepEqual(frontOf([]), []);
});

test("accuracies of another data set do not come into the picture", () => {
  const row = (dataset: string, top1?: number) =>
    ({ source: "", note: "", setting: {}, figures: top1 ? { top1 } : {}, dataset }) as never;
  const rows = [row("ImageNet", 70), row("dogs", 83), row("ImageNet", 71), row("ImageNet")];
  assert.equal(rowsOfOneSet(rows).length, 2);
  const points = all(accuracy(sceneOf(), 600), (item) => item.attributes.role === "option");
  assert.ok(points.length >= 16);
});

test("memory is stacked, and the areas are the bytes", () => {
  const kept = {
    live: [3, 5, 2],
    tensors: [
      { name: "a", bytes: 3, first: 0, last: 1 },
      { name: "b", bytes: 2, first: 1, last: 2 },
    ],
  };
  const x = linear([0, 3], [0, 30]);
  const y = linear([0, 5], [50, 0]);
  assert.deepEqual(stackPaths(kept, 3, x, y), [
    "M0,50V20H20V50Z",
    "M10,20V0H20V20ZM20,50V30H30V50Z", // b comes down when a goes
  ]);
  assert.deepEqual(
    aliveAt(kept, 1).map((one) => one.name),
    ["a", "b"],
  );
  assert.match(text(memory(sceneOf(), 600)), /4\.82 MB at separable\.conv2d/);
});

test("what is alive adds up to what the picture draws", () => {
  const { memory: kept } = sceneOf().chosen.numbers;
  kept.live.forEach((live, step) => {
    const sum = aliveAt(kept, step).reduce((total, one) => total + (one.bytes ?? 0), 0);
    assert.ok(sum <= live! && sum >= live! * 0.99, `${step}: ${sum} of ${live}`);
  });
});

test("the parts of a time add up to it", () => {
  const { columns, blocks } = sceneOf().chosen;
  for (const row of rowsOf(blocks, new Set())) {
    const { time, compute, memory: moved, overhead } = partsOf(columns, row.layers);
    if (time) assert.ok(Math.abs((compute + moved + overhead) / time - 1) < 1e-9, row.path);
  }
});

test("formulas have values for their symbols, and functions stay", () => {
  const symbols = new Map([
    ["C_in", 3],
    ["ceil", null],
    ["stride", 2],
  ]);
  assert.equal(withValues("ceil(C_in / stride) * other", symbols), "ceil(3 / 2) * other");
  const said = text(details(sceneOf({ selected: "logits" })));
  assert.match(said, /1024 \* 1000 \+ 1000/);
  assert.match(said, /1,025,000/);
  assert.match(said, /mobilenet_v1\.yaml, line \d+/);
});

test("a roofline needs a peak, and says so", () => {
  const page = document();
  for (const device of page.devices) {
    for (const at of Object.values(device.at)) at.peak_macs_per_s = null;
  }
  assert.match(text(roofline(sceneOf({}, page), 600)), /No peak rate is known/);
});

test("a curve has a gap where no structure holds", () => {
  const points: [number, number | null][] = [
    [0, 1],
    [0.5, null],
    [0.75, 2],
    [1, 2],
  ];
  assert.equal(curvePath({ points }), "M0,11.5M75,2L100,2");
  assert.equal(curvePath({ points: [] }), "");
});

test("curves and costs of published settings are found some at a time, and then are there", () => {
  const scene = sceneOf();
  const curves = new Curves();
  let pieces = 0;
  while (curves.makeNext(scene)) pieces += 1;
  const knobs = scene.controls.filter((knob) => knob.control === "slider" && knob.of === "network");
  assert.deepEqual([...scene.glance.curves.keys()], knobs.map((knob) => knob.name));
  assert.equal(pieces, 5 * knobs.length); // 33 places, 8 at once
  const { points } = scene.glance.curves.get("resolution")!;
  assert.ok(points.length > 30 && points[0][0] === 0 && points.at(-1)![0] === 1);
  let asked = 0;
  const counted = { ...scene, headlineAt: (...at: Parameters<typeof scene.headlineAt>) => {
    asked += 1;
    return scene.headlineAt(...at);
  } };
  while (knowSome(counted)) assert.ok(asked <= 8 * ++pieces);
  const found = asked;
  assert.ok(pointsOf(counted).length >= 16 && found >= 16);
  assert.equal(asked, found); // drawing asks for none again
});

test("a card without a time says which precision has one", () => {
  const cardOf = (device: number, precision: string): string =>
    text(cards(sceneOf({ precision }))[device + 1]);
  assert.match(cardOf(2, "fp32"), /no time at fp32: choose int8/);
  assert.doesNotMatch(cardOf(2, "int8"), /choose/);
  assert.doesNotMatch(cardOf(0, "fp32"), /choose/);
  assert.match(cardOf(0, "int8"), /no time at int8: choose fp32/);
});

test("the bar has a control for each knob that can move", () => {
  const inputs = all(sliders(sceneOf()), (item) => item.tag === "input");
  assert.ok(inputs.length >= 4);
  assert.ok(inputs.every((input) => String(input.attributes["aria-valuetext"]).length > 3));
});

test("ticks are round numbers, at most as many as there is room for", () => {
  assert.deepEqual(roundTicks(0, 4.82e6, 4), [0, 2e6, 4e6]);
  assert.deepEqual(roundTicks(38, 73, 7), [40, 45, 50, 55, 60, 65, 70]);
  assert.deepEqual(logTicks(0.004, 0.2, 6), [0.005, 0.01, 0.02, 0.05, 0.1, 0.2]);
  assert.deepEqual(logTicks(1e3, 1e12, 5).length <= 5, true);
  assert.deepEqual(roundTicks(1, 1, 5), [1]);
});

test("a tone says how far a ratio is from the same", () => {
  assert.equal(toneOf(1), "");
  assert.equal(toneOf(null), "");
  assert.equal(toneOf(0.95), "less1");
  assert.equal(toneOf(0.3), "less3");
  assert.equal(toneOf(1.5), "more2");
});

test("CSV has whole numbers, and no cell that a spreadsheet calculates", () => {
  assert.equal(csvCell("=1+1"), "'=1+1");
  assert.equal(csvCell('-a,"b"'), `"'-a,""b"""`);
  assert.equal(csvCell("a\nb"), '"a\nb"');
  assert.equal(csvCell(null), "");
  assert.equal(csvCell(-1.5), "-1.5");
  const { chosen, page } = sceneOf();
  const lines = toCsv(chosen.numbers, page.devices).trimEnd().split("\r\n");
  assert.equal(lines.length, 84);
  assert.match(lines[1], /^stem,conv2d[^,]*,32x112x112,10838016,864,/);
  assert.equal(lines[2].split(",").at(-2), ""); // fused
});

test("a ratio of bounds has no colour, one of a bound has it where it is surely not 1", () => {
  const known = (value: number) => ({ value, isLeast: false });
  const least = (value: number) => ({ value, isLeast: true });
  assert.deepEqual(against(known(3), known(1)), { text: "3.00×", word: "", tone: "more3" });
  assert.deepEqual(against(least(3), least(1)), { text: "3.00×", word: "of bounds", tone: "" });
  assert.deepEqual(against(least(3), known(1)), { text: "≥ 3.00×", word: "", tone: "more3" });
  assert.equal(against(least(1), known(3)).tone, ""); // it can be more, too
  assert.deepEqual(against(known(1), least(4)), { text: "≤ 0.25×", word: "", tone: "less3" });
  assert.equal(against(known(4), least(1)).tone, "");
  assert.equal(against({ value: null, isLeast: true }, known(1)).text, "–");
});

test("a row of a large network says how many layers it stands for", () => {
  const { numbers, blocks } = sceneOf().chosen;
  const { layers } = numbers.structure;
  layers.count = layers.name.map(() => 50);
  const middle = find(blocks, "middle")!;
  assert.equal(kindOf(numbers, middle), "separable, 1,500 layers");
  assert.equal(kindOf(numbers, find(blocks, "stem")!), "conv2d 3x3 s2, 50 layers");
});
