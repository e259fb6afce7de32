// Two or more networks at the same settings: every number of each beside the first one's, and how
// many times as much it is, in colour.

import { ratio, VARIETIES, varietyIndex } from "../amounts";
import type { Count, Numbers } from "../document";
import { type Children, h, type Item } from "../dom";
import { bytes, count, quantity, seconds, times, UNKNOWN } from "../numbers";
import { heading, scrolling } from "../parts";
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
    scene.models.some(({ numbers }) => numbers && line.of(numbers) != null),
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
  const first = models[0].numbers && line.of(models[0].numbers);
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, h("bdi", {}, line.name)),
    models.map(({ numbers, index }) => {
      const value = numbers ? line.of(numbers) : null;
      const least = numbers && value != null && line.isLeast?.(numbers) ? "≥ " : "";
      const cell = h("td", { class: "num" }, value == null ? UNKNOWN : least + line.write(value));
      if (!index) return cell;
      const against = ratio(value, first);
      return [cell, h("td", { class: `num ratio ${toneOf(against)}` }, times(against))];
    }),
  );
}

/** Blue is less, orange is more; the stronger the further from the same. */
export function toneOf(against: Count): string {
  if (against == null || against <= 0) return "";
  const size = Math.abs(Math.log2(against));
  if (size < 0.01) return "";
  const strength = size < 0.25 ? 1 : size < 1 ? 2 : 3;
  return `${against < 1 ? "less" : "more"}${strength}`;
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
    const time = ratio(
      numbers?.devices[state.device]?.latency_s ?? null,
      first.numbers?.devices[state.device]?.latency_s ?? null,
    );
    hasTime ||= time != null;
    const also = time == null ? "" : ` and ${times(time)} the time`;
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

function linesOf(scene: Scene): Line[] {
  const group = "Totals";
  const totals: Line[] = [
    { group, name: "mult-adds", write: count, of: (n) => n.totals.mult_adds },
    { group, name: "params", write: count, of: (n) => n.totals.params },
    { group, name: "weights in memory", write: bytes, of: (n) => n.totals.weight_bytes },
    { group, name: "peak activations", write: bytes, of: (n) => n.totals.peak_bytes },
    { group, name: "bytes moved", write: bytes, of: (n) => n.totals.traffic_bytes },
    { group, name: "layers", write: String, of: (n) => n.structure.layers.name.length },
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

/** Null where the network has no such layers with mult-adds. */
function kindTotal(numbers: Numbers, variety: number): Count {
  let sum = 0;
  for (const [layer, name] of numbers.structure.layers.variety.entries()) {
    if (varietyIndex(name) !== variety) continue;
    const counted = numbers.layers.mult_adds[layer];
    if (counted == null) return null;
    sum += counted;
  }
  return sum || null;
}
