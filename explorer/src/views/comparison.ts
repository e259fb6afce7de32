// Two or more networks at the same settings: every number of each beside the first one's, and how
// many times as much it is, in colour.

import { against, type Amount } from "../against";
import { ratio, VARIETIES, varietyIndex } from "../amounts";
import type { Count, Numbers } from "../document";
import { type Children, h, type Item } from "../dom";
import { bytes, count, quantity, seconds, times, UNKNOWN } from "../numbers";
import { heading, scrolling } from "../parts";
import { layerCount } from "../rows";
import type { Scene } from "../scene";

interface Line {
  name: string;
  group: string;
  write: (value: Count) => string;
  of: (numbers: Numbers) => Count;
  isLeast?: (numbers: Numbers) => boolean;
}

export function comparison(scene: Scene): Children[] {
  if (scene.models.length < 2) return [];
  const lines = linesOf(scene).filter((line) =>
    // A line of nothing but zeros says nothing, as one of nothing but dashes does.
    scene.models.some(({ numbers }) => numbers && line.of(numbers)),
  );
  return [
    ...heading("Compared", sentence(scene)),
    scrolling(
      "Comparison of networks",
      h(
        "table",
        { class: "plain compared" },
        h("caption", { class: "unseen" }, "Networks at the same settings"),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "number"), scene.models.map(headOf))),
        h(
          "tbody",
          {},
          lines.flatMap((line, i) => [
            line.group !== lines[i - 1]?.group ? groupRow(line.group, scene.models.length) : null,
            row(scene, line),
          ]),
        ),
      ),
    ),
  ];
}

function headOf({ model, index }: Scene["models"][number]): Item[] {
  const name = h("th", { scope: "col", class: "num" }, h("bdi", {}, model.title));
  return index ? [name, h("th", { scope: "col", class: "num ratio" }, "ratio")] : [name];
}

const groupRow = (name: string, models: number): Item =>
  h(
    "tr",
    { class: "group" },
    h("th", { scope: "rowgroup", colspan: 2 * models }, h("bdi", {}, name)),
  );

function row({ models }: Scene, line: Line): Item {
  const amountOf = (numbers: Numbers | null): Amount => ({
    value: numbers && line.of(numbers),
    isLeast: (numbers && line.isLeast?.(numbers)) ?? false,
  });
  const first = amountOf(models[0].numbers);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("bdi", {}, line.name)),
    models.map(({ numbers, index }) => {
      const amount = amountOf(numbers);
      const least = amount.isLeast ? "≥ " : "";
      const text = amount.value == null ? UNKNOWN : least + line.write(amount.value);
      const cell = h("td", { class: "num" }, text);
      return index ? [cell, ratioCell(amount, first)] : cell;
    }),
  );
}

/** The cell of a ratio; a word below it says where it is of bounds. */
export function ratioCell(amount: Amount, first: Amount): Item {
  const { text, word, tone } = against(amount, first);
  return h(
    "td",
    { class: `num ratio ${tone}`.trimEnd() },
    text,
    word ? h("small", {}, ` ${word}`) : null,
  );
}

/** `Against mobilenet_v1, mobilenet_v2 has 0.53× the mult-adds and 0.62× the time.` */
function sentence({ models, state, device }: Scene): Children {
  const [first, ...rest] = models;
  let hasTime = false;
  const said = rest.flatMap(({ model, numbers }): Children[] => {
    const counted = ratio(
      numbers?.totals.mult_adds ?? null,
      first.numbers?.totals.mult_adds ?? null,
    );
    if (counted == null) return [];
    const time = against(
      timeOf(numbers, state.device),
      timeOf(first.numbers, state.device),
    );
    const isKnown = time.text !== UNKNOWN;
    hasTime ||= isKnown;
    // The time of two lower bounds is not known: only the bounds have a ratio.
    const what = time.word ? "lower bound of the time" : "time";
    const also = isKnown ? ` and ${time.text} the ${what}` : "";
    return [h("bdi", {}, model.title), ` has ${times(counted)} the mult-adds${also}. `];
  });
  return [
    "Against ",
    h("bdi", {}, first.model.title),
    hasTime && device ? [", time on ", h("bdi", {}, device.name)] : null,
    ": ",
    said,
  ];
}

/** The time of a network on a device. */
export function timeOf(numbers: Numbers | null, device: number): Amount {
  const costs = numbers?.devices[device];
  return { value: costs?.latency_s ?? null, isLeast: costs?.is_least ?? false };
}

function linesOf(scene: Scene): Line[] {
  const group = "Totals";
  const totals: Line[] = [
    { group, name: "mult-adds", write: count, of: (n) => n.totals.mult_adds },
    { group, name: "params", write: count, of: (n) => n.totals.params },
    { group, name: "weights in memory", write: bytes, of: (n) => n.totals.weight_bytes },
    { group, name: "peak activations", write: bytes, of: (n) => n.totals.peak_bytes },
    { group, name: "bytes moved", write: bytes, of: (n) => n.totals.traffic_bytes },
    { group, name: "layers", write: String, of: layersOf },
  ];
  const devices = scene.page.devices.flatMap((device, i): Line[] => [
    {
      group: "Time",
      name: device.name,
      write: seconds,
      of: (n) => n.devices[i].latency_s,
      isLeast: (n) => n.devices[i].is_least,
    },
  ]);
  const energies = scene.page.devices.map(
    (device, i): Line => ({
      group: "Energy",
      name: device.name,
      write: (value) => quantity(value, "J"),
      of: (n) => n.devices[i].energy_j,
      isLeast: (n) => n.devices[i].energy_high_j == null,
    }),
  );
  const kinds = VARIETIES.map(
    ([, name], index): Line => ({
      group: "Mult-adds by kind of layer",
      name,
      write: count,
      of: (n) => kindTotal(n, index),
    }),
  );
  return [...totals, ...devices, ...energies, ...kinds];
}

const layersOf = ({ structure }: Numbers): number =>
  layerCount(structure, [...structure.layers.name.keys()]);

/** Unknown where the cost of such a layer is; 0 where the network has none. */
function kindTotal(numbers: Numbers, variety: number): Count {
  let sum = 0;
  for (const [layer, name] of numbers.structure.layers.variety.entries()) {
    if (varietyIndex(name) !== variety) continue;
    const counted = numbers.layers.mult_adds[layer];
    if (counted == null) return null;
    sum += counted;
  }
  return sum;
}
