// Blocks and layers of compared networks side by side, in the chosen metric.

import type { Amount } from "../against";
import { type Amounts, Columns, METRIC_NAMES, METRIC_UNITS, ratio } from "../amounts";
import type { Count } from "../document";
import { type Children, h, type Item } from "../dom";
import { quantity, UNKNOWN } from "../numbers";
import { isOwn, isPairOpen, type Pair, pairsOf } from "../pairing";
import { heading, scrolling } from "../parts";
import type { PairSort, Scene } from "../scene";
import type { Metric } from "../state";
import type { Block } from "../tree";
import { ratioCell } from "./comparison";

export interface PairTools {
  copyPairs: () => void;
}

export function pairs(scene: Scene, tools: PairTools): Children[] {
  const { models, state, metric, device } = scene;
  const columns = models.map(({ numbers }) => numbers && new Columns(numbers, state.device));
  const all = pairsOf(
    models.map(({ numbers }) => numbers?.structure ?? null),
    state.open,
  );
  const rows = sorted(scene, all, columns);
  const name = METRIC_NAMES[metric];
  const on = metric === "time" && device ? [" on ", h("bdi", {}, device.name)] : null;
  return [
    ...heading("Blocks side by side", [
      `By ${name}`,
      on,
      ". Blocks of equal names stand in one row, and those between them by their order.",
    ]),
    h(
      "div",
      { class: "bar" },
      h("button", { type: "button", on: { click: tools.copyPairs } }, "Copy CSV"),
    ),
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
              sortHead(scene, index, false, h("bdi", {}, model.title)),
              index ? sortHead(scene, index, true, "ratio") : null,
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

/** The heading of a column that sorts: falling, then rising, then as the networks run. */
function sortHead(scene: Scene, model: number, isRatio: boolean, title: Children): Item {
  const now = scene.glance.pairSort;
  const isNow = now?.model === model && now.isRatio === isRatio;
  const next: PairSort | null =
    isNow && now.rising ? null : { model, isRatio, rising: isNow };
  return h(
    "th",
    {
      scope: "col",
      class: isRatio ? "num ratio" : "num",
      "aria-sort": !isNow ? "none" : now.rising ? "ascending" : "descending",
    },
    h(
      "button",
      {
        type: "button",
        on: { click: () => scene.look("pairs", (glance) => (glance.pairSort = next)) },
      },
      title,
    ),
  );
}

/** Rows that are not shown by others below them, sorted; what is unknown is last. */
function sorted(scene: Scene, all: Pair[], columns: (Columns | null)[]): Pair[] {
  const { state, metric, glance } = scene;
  const sort = glance.pairSort;
  if (!sort) return all;
  const at = ({ members }: Pair, model: number): Count => {
    const one = members[model];
    return (one && columns[model]?.ofBlock(one)[metric]) ?? null;
  };
  const keyOf = (pair: Pair): number => {
    const value = at(pair, sort.model);
    return (sort.isRatio ? ratio(value, at(pair, 0)) : value) ?? -1;
  };
  return all
    .filter(({ members }) => isOwn(members, state.open))
    .map((pair) => ({ pair: { ...pair, depth: 0 }, key: keyOf(pair) }))
    .sort((a, b) =>
      a.key < 0 || b.key < 0 ? b.key - a.key : sort.rising ? a.key - b.key : b.key - a.key,
    )
    .map(({ pair }) => pair);
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
      const empty = h("td", { class: "num ratio" });
      return [cell, isBoth ? ratioCell(amountOf(index), amountOf(0)) : empty];
    }),
  );
}

/** The names of a row's blocks, each once; all of them open together. */
function nameOf(scene: Scene, members: readonly (Block | null)[], isOpen: boolean): Children {
  const blocks = members.filter((one) => one !== null);
  const isSorted = scene.glance.pairSort !== null; // then names of blocks around it are not above
  const nameOf = (one: Block): string => (isSorted ? one.path : one.label);
  const names = new Map(blocks.map((one) => [`${one.copies} ${nameOf(one)}`, one]));
  const text = [...names.values()].map((one, i) =>
    h(
      "span",
      { class: i ? "other" : "" },
      h("bdi", {}, nameOf(one)),
      one.copies > 1 ? ` ×${one.copies}` : "",
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
