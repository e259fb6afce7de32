// A card for each device: the answer. The chosen one colours and sorts everything below.

import { against, wordsOf } from "../against";
import { ratio } from "../amounts";
import type { Capacity, Count, DeviceCosts, DeviceFacts } from "../document";
import { h, type Item, s } from "../dom";
import {
  bytes,
  capacity,
  count,
  plural,
  quantity,
  range,
  seconds,
  times,
  UNKNOWN,
  whole,
} from "../numbers";
import { named } from "../parts";
import { logarithmic, logTicks, round } from "../picture";
import type { Scene } from "../scene";
import { timeOf } from "./comparison";

export function cards(scene: Scene): Item[] {
  const span = spanOf(scene);
  return [
    h("legend", { class: "unseen" }, "Device that colours and sorts what is below"),
    ...scene.page.devices.map((device, index) => card(scene, device, index, span)),
  ];
}

function card(
  scene: Scene,
  device: DeviceFacts,
  index: number,
  span: [number, number] | null,
): Item {
  const costs = scene.chosen.numbers.devices[index];
  const before = scene.chosen.defaults?.devices[index];
  const isChosen = scene.state.device === index;
  return h(
    "label",
    { class: isChosen ? "card chosen" : "card" },
    h("input", {
      type: "radio",
      name: "device",
      // The rest of the card is read as text, and not as the name of the button.
      "aria-label": `${device.name} ${timeWords(costs)}`,
      checked: isChosen,
      on: { change: () => scene.change((state) => (state.device = index)) },
    }),
    h(
      "span",
      { class: "name" },
      h("b", {}, named(device.name)),
      h("span", { class: "basis", "data-tip": basisTip(costs.basis) }, costs.basis ?? "no time"),
    ),
    h("span", { class: "what cut", "data-tip": device.title }, h("bdi", {}, device.title)),
    h("span", { class: "what cut" }, runtimeOf(device)),
    time(scene, costs, before?.latency_s ?? null),
    span ? strip(costs, span) : null,
    scene.models.length > 1 ? others(scene, index) : null,
    h(
      "span",
      { class: "facts" },
      costs.capacity.length ? costs.capacity.map(fits) : fact("memory", "size not known"),
      fact("energy", energyOf(costs)),
    ),
  );
}

function basisTip(basis: string | null): string {
  switch (basis) {
    case "calibrated":
      return "fitted to measurements of this device by its user";
    case "fitted":
      return "fitted to published measurements";
    case "datasheet":
      return "a share of the peaks of the data sheet";
    case "bound":
      return "a lower bound: no real run is faster";
    default:
      return "no time is known";
  }
}

const timeWords = ({ latency_s: at, is_least: isLeast }: DeviceCosts): string =>
  at == null ? "no time" : `${isLeast ? "≥ " : ""}${seconds(at)}`;

/** Runtime and threads; threads of a GPU or an accelerator say nothing. */
export function runtimeOf(device: DeviceFacts): string {
  const runtime = device.runtime === "any" ? "any runtime" : device.runtime;
  if (device.class === "gpu" || device.class === "accelerator") return runtime;
  const cores = device.cores == null ? "" : ` on ${plural(device.cores, "core")}`;
  return `${runtime} · ${plural(device.threads, "thread")}${cores}`;
}

function time(scene: Scene, costs: DeviceCosts, before: Count): Item {
  if (costs.latency_s == null) {
    return h("span", { class: "time" }, h("small", {}, noTime(scene, costs)));
  }
  const change = ratio(costs.latency_s, before);
  return h(
    "span",
    { class: "time" },
    timeWords(costs),
    h(
      "small",
      {},
      costs.low_s != null && costs.high_s != null && !costs.is_least
        ? h(
            "span",
            { "data-tip": "Four of five measurements are expected in this range." },
            range(costs.low_s, costs.high_s, "s"),
          )
        : "lower bound",
    ),
    change != null && change !== 1 ? h("small", {}, changeWords(change, costs.is_least)) : null,
  );
}

/** Against the defaults; of lower bounds the ratio is one of bounds. */
export const changeWords = (change: number, isLeast: boolean | undefined): string =>
  `${times(change)} the ${isLeast ? "bound at the defaults" : "default"}`;

/** All devices on one logarithmic axis: a range is a bar, a lower bound is open to the right. */
function spanOf(scene: Scene): [number, number] | null {
  const all = scene.chosen.numbers.devices.flatMap((one) =>
    [one.latency_s, one.low_s, one.high_s].filter((x): x is number => x != null && x > 0),
  );
  return all.length ? [Math.min(...all) / 1.5, Math.max(...all) * 1.5] : null;
}

function strip(costs: DeviceCosts, span: [number, number]): Item {
  const x = logarithmic(span, [2, 298]);
  const fine = { "vector-effect": "non-scaling-stroke" };
  const { latency_s: at, low_s: low, high_s: high } = costs;
  return s(
    "svg",
    { class: "strip", viewBox: "0 0 300 14", preserveAspectRatio: "none", "aria-hidden": "true" },
    s("line", { x1: 0, x2: 300, y1: 7, y2: 7, stroke: "var(--grid)", "stroke-width": 3, ...fine }),
    logTicks(span[0], span[1], 8).map((tick) =>
      s("line", {
        x1: round(x(tick)),
        x2: round(x(tick)),
        y1: 4,
        y2: 10,
        stroke: "var(--line)",
        ...fine,
      }),
    ),
    at && low != null && high != null && !costs.is_least
      ? s("rect", {
          x: round(x(low)),
          width: Math.max(round(x(high) - x(low)), 2),
          y: 4.5,
          height: 5,
          fill: "var(--accent)",
          opacity: 0.4,
        })
      : null,
    at && costs.is_least
      ? s("rect", {
          x: round(x(at)),
          width: round(300 - x(at)),
          y: 4.5,
          height: 5,
          fill: "var(--accent)",
          opacity: 0.15,
        })
      : null,
    at
      ? s("line", {
          x1: round(x(at)),
          x2: round(x(at)),
          y1: 2,
          y2: 12,
          stroke: "var(--accent)",
          "stroke-width": 2,
          ...fine,
        })
      : null,
  );
}

/** `neck_deform has no cost rule`; null where each layer has one. */
function unruled({ chosen }: Scene): string | null {
  const names = chosen.numbers.structure.unmodelled;
  if (!names.length) return null;
  return names.length === 1
    ? `${names[0]} has no cost rule`
    : `${plural(names.length, "layer")} have no cost rule`;
}

/** Why there is no time; if another precision has one, which. */
function noTime(scene: Scene, { notes, timed_at: others }: DeviceCosts): string {
  const { state } = scene;
  const why = unruled(scene);
  if (why) return `time not known: ${why}`;
  if (!others.length) return notes[0] ?? "no time is known";
  return `no time at ${state.precision}: choose ${others.join(" or ")}`;
}

/** The times of all models that are compared, each against the first one. */
function others(scene: Scene, device: number): Item {
  const first = timeOf(scene.models[0].numbers, device);
  return h(
    "span",
    { class: "facts" },
    scene.models.flatMap(({ model, numbers, index }) => {
      if (!numbers) return fact(model.title, "not at this setting");
      const time = timeOf(numbers, device);
      const least = time.isLeast ? "≥ " : "";
      const found = index ? against(time, first) : null;
      const more = !found || found.text === UNKNOWN ? "" : ` (${wordsOf(found)})`;
      return fact(model.title, `${least}${seconds(time.value)}${more}`);
    }),
  );
}

function fact(name: string, value: string, isBad = false): Item[] {
  return [
    h("span", { class: "cut" }, h("bdi", {}, name)),
    h("span", { class: isBad ? "bad" : "" }, value),
  ];
}

function fits(one: Capacity): Item[] {
  const { needed_bytes: needed, available_bytes: there } = one;
  if (there == null) return fact(one.where, "size not known");
  const least = one.is_least ? "at least " : "";
  if (needed == null) return fact(one.where, `need not known, ${capacity(there)} there`);
  if (needed > there)
    return fact(one.where, `does not fit: ${least}${bytes(needed)} of ${capacity(there)}`, true);
  // An arena can have gaps, so that a peak below the size does not say that it fits.
  const verdict = one.is_least ? least : "fits: ";
  return fact(one.where, `${verdict}${bytes(needed)} of ${capacity(there)}`);
}

function energyOf(costs: DeviceCosts): string {
  if (costs.energy_j == null) return "not known";
  const at = quantity(costs.energy_j, "J");
  if (costs.energy_low_j == null || costs.energy_high_j == null) return `≥ ${at}`;
  return `${at} (${range(costs.energy_low_j, costs.energy_high_j, "J")})`;
}

/** What the network costs anywhere: below the cards. */
export function totals(scene: Scene): Item[] {
  const { chosen, state } = scene;
  const { totals: all, memory, structure } = chosen.numbers;
  const peak = all.peak_bytes;
  const step = peak == null ? -1 : memory.live.indexOf(peak);
  const why = unruled(scene) ?? "";
  const entry = (name: string, value: Count, write: (value: Count) => string, more: string): Item =>
    h(
      "div",
      {},
      h("dt", {}, name),
      h(
        "dd",
        { class: value == null ? "unknown" : null },
        value == null ? "not known" : write(value),
        h("small", {}, h("bdi", {}, value == null ? why : more)),
      ),
    );
  return [
    entry("mult-adds", all.mult_adds, count, whole(all.mult_adds)),
    entry("params", all.params, count, whole(all.params)),
    entry("weights in memory", all.weight_bytes, bytes, state.precision),
    entry("peak activations", peak, bytes, step < 0 ? "" : `at ${structure.layers.name[step]}`),
    entry("bytes moved", all.traffic_bytes, bytes, "without caches"),
  ];
}
