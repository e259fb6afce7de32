// Blocks and layers of compared networks side by side, in the chosen metric.

import type { Amount } from "../against";
import { type Amounts, Columns, METRIC_NAMES, METRIC_UNITS } from "../amounts";
import { type Children, h, type Item } from "../dom";
import { quantity, UNKNOWN } from "../numbers";
import { isPairOpen, type Pair, pairsOf } from "../pairing";
import { heading, scrolling } from "../parts";
import type { Scene } from "../scene";
import type { Metric } from "../state";
import type { Block } from "../tree";
import { ratioCell } from "./comparison";

export function pairs(scene: Scene): Children[] {
  const { models, state, metric, device } = scene;
  const columns = models.map(({ numbers }) => numbers && new Columns(numbers, state.device));
  const rows = pairsOf(
    models.map(({ numbers }) => numbers?.structure ?? null),
    state.open,
  );
  const name = METRIC_NAMES[metric];
  const on = metric === "time" && device ? [" on ", h("bdi", {}, device.name)] : null;
  return [
    ...heading("Blocks side by side", [
      `By ${name}`,
      on,
      ". Blocks of equal names stand in one row, and those between them by their order.",
    ]),
    scrolling(
      "Table of blocks side by side",
      h(
        "table",
        { class: "plain compared" },
        h("caption", { class: "unseen" }, `Blocks of compared networks by ${name}`),
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            h("th", { scope: "col" }, "block"),
            models.map(({ model, index }) => [
              h("th", { scope: "col", class: "num" }, h("bdi", {}, model.title)),
              index ? h("th", { scope: "col", class: "num ratio" }, "ratio") : null,
            ]),
          ),
        ),
        h(
          "tbody",
          {},
          rows.map((row) => pairRow(scene, row, columns)),
        ),
      ),
    ),
  ];
}

function pairRow(scene: Scene, { members, depth }: Pair, columns: (Columns | null)[]): Item {
  const { metric, state } = scene;
  const isOpen = isPairOpen(members, state.open);
  const amounts = members.map((one, i) => (one && columns[i]?.ofBlock(one)) ?? null);
  const amountOf = (index: number): Amount => ({
    value: amounts[index]?.[metric] ?? null,
    isLeast: isLeast(scene, index, amounts[index]),
  });
  return h(
    "tr",
    { class: isOpen ? "opened" : null },
    h("th", { scope: "row", style: { "--depth": depth } }, nameOf(scene, members, isOpen)),
    amounts.map((one, index) => {
      const cell = h("td", { class: "num" }, valueOf(one, metric, isLeast(scene, index, one)));
      if (!index) return cell;
      const isBoth = members[0] !== null && members[index] !== null;
      return [cell, isBoth ? ratioCell(amountOf(index), amountOf(0)) : h("td", { class: "ratio" })];
    }),
  );
}

/** The names of a row's blocks, each once; all of them open together. */
function nameOf(scene: Scene, members: readonly (Block | null)[], isOpen: boolean): Children {
  const blocks = members.filter((one) => one !== null);
  const names = new Map(blocks.map((one) => [`${one.copies} ${one.label}`, one]));
  const text = [...names.values()].map(({ label, copies }, i) =>
    h(
      "span",
      { class: i ? "other" : "" },
      h("bdi", {}, label),
      copies > 1 ? ` ×${copies}` : "",
    ),
  );
  const paths = blocks.filter((one) => one.children.length).map((one) => one.path);
  if (!paths.length) return text;
  const toggle = (): void =>
    scene.change(({ open }) =>
      paths.forEach((path) => (isOpen ? open.delete(path) : open.add(path))),
    );
  return h(
    "button",
    { type: "button", "aria-expanded": String(isOpen), on: { click: toggle } },
    h("span", { class: "turn", "aria-hidden": "true" }, isOpen ? "▾" : "▸"),
    h("span", { class: "names" }, text),
  );
}

/** Whether a time can be longer: of kernels without one, or on a device of lower bounds. */
function isLeast({ models, metric, state }: Scene, model: number, one: Amounts | null): boolean {
  if (metric !== "time" || !one) return false;
  return one.isLeast || models[model].numbers?.devices[state.device]?.basis === "bound";
}

function valueOf(amounts: Amounts | null, metric: Metric, isLeast: boolean): string {
  if (!amounts) return "";
  const value = amounts[metric];
  if (metric === "time" && amounts.isFused) return "fused";
  if (value == null) return UNKNOWN;
  const least = isLeast ? "≥ " : "";
  const isBytes = METRIC_UNITS[metric] === "B";
  return least + quantity(isBytes ? Math.round(value) : value, METRIC_UNITS[metric]);
}
