// How to read the page, and what its numbers rest on: devices with their sources, knobs that
// cannot move, what is left out.

import type { DeviceCosts, DeviceFacts, Fact } from "../document";
import { type Children, h, type Item } from "../dom";
import { plural, quantity, range, setting } from "../numbers";
import { type Cell, heading, scrolling, table, tableBelow } from "../parts";
import type { Scene } from "../scene";
import { runtimeOf } from "./cards";

export function notes(scene: Scene): Children[] {
  const { page, chosen } = scene;
  const general = [...chosen.model.notes, ...unmodelled(scene), ...rounded(scene)];
  return [
    ...heading(
      "How to read this",
      "1 mult-add is 1 MAC, or 2 FLOPs. Counts are exact. A time has a range in which four of " +
        "five measurements are expected, or is a lower bound (≥). The page works offline and " +
        "sends nothing.",
    ),
    list(general),
    h(
      "ul",
      { class: "notes" },
      page.devices.map((device, index) => deviceNote(scene, device, chosen.numbers.devices[index])),
    ),
    list(fixedKnobs(scene)),
    page.devices.some((one) => one.facts.length)
      ? tableBelow(scene, "notes", "Numbers of the devices and their sources", () =>
          scrolling("Numbers of the devices", factTable(page.devices)),
        )
      : null,
    h("p", { class: "note" }, `mnet_cost ${page.version}`),
  ];
}

function list(sentences: readonly string[]): Item | null {
  return sentences.length
    ? h(
        "ul",
        { class: "notes" },
        sentences.map((one) => h("li", {}, h("bdi", {}, one))),
      )
    : null;
}

function unmodelled({ chosen }: Scene): string[] {
  const names = chosen.numbers.structure.unmodelled;
  if (!names.length) return [];
  const shown =
    names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
  return [
    `${plural(names.length, "layer")} without a cost rule, so there are no totals: ${shown}.`,
  ];
}

function rounded({ chosen }: Scene): string[] {
  return chosen.numbers.is_exact
    ? []
    : ["Some whole numbers here are above 2^53, which this page cannot hold: they are rounded."];
}

function deviceNote(scene: Scene, device: DeviceFacts, costs: DeviceCosts): Item {
  const at = device.at[scene.state.precision];
  const words = [
    device.title,
    runtimeOf(device),
    at?.fitted_to ?? "",
    at?.error_percent == null
      ? ""
      : `off by ${quantity(at.error_percent, "%", 2)} where it was not fitted`,
    costs.energy_how ? `energy: ${costs.energy_how}` : "",
  ].filter(Boolean);
  return h(
    "li",
    {},
    h("b", {}, h("bdi", {}, device.name)),
    ": ",
    h("bdi", {}, words.join("; ")),
    ".",
    [...costs.notes, ...costs.outside].map((one) =>
      h("span", { class: "warn-line" }, h("bdi", {}, one)),
    ),
  );
}

function fixedKnobs(scene: Scene): string[] {
  const { models } = scene.page;
  return models.flatMap(({ title, knobs }) =>
    knobs.flatMap((knob) => {
      if (knob.control !== "fixed") return [];
      const where = models.length > 1 ? `in ${title}` : "here";
      return [`${knob.name} is ${setting(knob.default)} ${where}: ${knob.why}`];
    }),
  );
}

function factTable(devices: readonly DeviceFacts[]): Item {
  const rows = devices.flatMap((device) =>
    device.facts.map((fact): Cell[] => [
      device.name,
      fact.what,
      valueOf(fact),
      fact.basis,
      fact.source,
    ]),
  );
  return table(
    "Numbers of the devices and their sources",
    [
      { title: "device", isText: true },
      { title: "what", isText: true },
      { title: "value" },
      { title: "basis", isText: true },
      { title: "source", isText: true },
    ],
    rows,
  );
}

function valueOf({ value, unit, low, high }: Fact): string {
  const at = quantity(value, unit);
  return low == null || high == null ? at : `${at} (${range(low, high, unit)})`;
}
