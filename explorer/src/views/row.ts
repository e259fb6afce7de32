// A row of the layer table: its piece of the graph, its name, and its costs with a bar.

import { type Amounts, METRIC_UNITS } from "../amounts";
import type { Count, Numbers } from "../document";
import { h, type Item, s } from "../dom";
import { percent, plural, quantity, UNKNOWN } from "../numbers";
import { callOf, laneX, layerCount, type Outline, ROW_HEIGHT } from "../rows";
import type { Scene } from "../scene";
import type { Metric } from "../state";
import { type Block, isOpen } from "../tree";

/** The chosen metric has a wide column, with a bar. */
export const cellClass = (scene: Scene, metric: Metric): string =>
  metric === scene.metric ? "num main" : "num side";

/** What all rows of a drawing have in common. */
export interface RowContext {
  scene: Scene;
  outline: Outline;
  shown: Metric[];
  most: number;
  total: Count;
}

export function rowItem(context: RowContext, index: number, amounts: Amounts): Item {
  const { scene, outline, shown } = context;
  const { state, chosen } = scene;
  const row = outline.rows[index];
  const opened = isOpen(row, state.open) && !state.sort;
  const kind = kindOf(chosen.numbers, row);
  const classes = [
    opened ? "opened" : "",
    amounts.isFused && scene.metric === "time" ? "fused" : "",
    state.selected === row.path ? "selected" : "",
  ];
  return h(
    "tr",
    { role: "row", class: classes.filter(Boolean).join(" ") || null },
    state.sort
      ? h("td", { role: "cell", class: "lane" })
      : h("td", { role: "cell", class: "lane" }, lane(context, index, amounts)),
    h(
      "th",
      {
        scope: "row",
        role: "rowheader",
        class: "layer",
        style: { "--depth": state.sort ? 0 : row.depth },
      },
      nameButton(scene, row, opened),
    ),
    h("td", { role: "cell", class: "kind wide cut", "data-tip": kind }, h("bdi", {}, kind)),
    h("td", { role: "cell", class: "output wide cut" }, shapeOf(chosen.numbers, row)),
    shown.map((metric) => cell(context, metric, amounts, opened)),
  );
}

function nameButton(scene: Scene, row: Block, opened: boolean): Item {
  const canOpen = row.children.length > 0 && !scene.state.sort;
  return h(
    "button",
    {
      type: "button",
      class: "cut",
      "aria-expanded": canOpen ? String(opened) : null,
      "data-tip": row.path,
      on: {
        click: () =>
          scene.change((state) => {
            state.selected = row.path;
            if (!canOpen) return;
            if (opened) state.open.delete(row.path);
            else state.open.add(row.path);
          }),
      },
    },
    h("span", { class: "turn", "aria-hidden": "true" }, canOpen ? (opened ? "▾" : "▸") : ""),
    h("bdi", {}, scene.state.sort ? row.path : row.label),
    row.copies > 1 ? h("span", { class: "faint" }, ` ×${row.copies}`) : null,
  );
}

/** The kind of a layer; of a block what it is called in the spec, and how many layers it has. */
export function kindOf(numbers: Numbers, row: Block): string {
  const { layers } = numbers.structure;
  const count = layerCount(numbers.structure, row.layers);
  if (!row.children.length) {
    const kind = layers.kind[row.layers[0]];
    return count > 1 ? `${kind}, ${plural(count, "layer")}` : kind;
  }
  const call = callOf(numbers.structure, row);
  const name = call?.block ?? "";
  const known = name && name !== row.label.replace(/_\d+$/, "") ? `${name}, ` : "";
  return known + plural(count, "layer");
}

export function shapeOf(numbers: Numbers, row: Block): string {
  const shape = numbers.layers.shape[row.layers[row.layers.length - 1]];
  return shape.map((size) => size ?? "?").join("×");
}

function cell(context: RowContext, metric: Metric, amounts: Amounts, opened: boolean): Item {
  const { scene, most, total } = context;
  const value = amounts[metric];
  const isMain = metric === scene.metric;
  const least = metric === "time" && amounts.isLeast ? "≥ " : "";
  const text =
    value == null
      ? metric === "time" && amounts.isFused
        ? "fused"
        : UNKNOWN
      : least +
        quantity(
          metric === "bytes" || metric === "alive" ? Math.round(value) : value,
          METRIC_UNITS[metric],
        );
  return h(
    "td",
    { role: "cell", class: cellClass(scene, metric) },
    h("span", { class: value ? "value" : "value faint" }, text),
    isMain
      ? [
          h(
            "span",
            { class: "track", "aria-hidden": "true" },
            h("i", { style: { transform: `scaleX(${barLength(opened ? 0 : value, most)})` } }),
          ),
          metric === "alive"
            ? null
            : h("span", { class: "share" }, value && total ? percent(value / total) : ""),
        ]
      : null,
  );
}

/** As a part of the longest one. A transform moves nothing else, so that it costs no layout. */
const barLength = (value: Count, most: number): string =>
  value && most ? (value / most).toFixed(3) : "0";

function lane(context: RowContext, index: number, amounts: Amounts): Item {
  const { outline, scene, most } = context;
  const dot = outline.lanes.rows[index].dot;
  const row = outline.rows[index];
  const paint = {
    fill: `var(--heat${heat(amounts[scene.metric], most)})`,
    stroke: "var(--mute)",
  };
  const size = Math.min(5, Math.max(outline.step * 0.42, 2));
  return s(
    "svg",
    { width: outline.laneWidth, height: ROW_HEIGHT, "aria-hidden": "true" },
    s("path", {
      d: outline.paths[index],
      fill: "none",
      stroke: "var(--faint)",
      "stroke-width": 1.3,
    }),
    dot == null
      ? null
      : row.children.length
        ? s("rect", {
            x: laneX(outline, dot) - size,
            y: ROW_HEIGHT / 2 - size,
            width: 2 * size,
            height: 2 * size,
            rx: 2,
            ...paint,
          })
        : s("circle", { cx: laneX(outline, dot), cy: ROW_HEIGHT / 2, r: size * 0.85, ...paint }),
  );
}

/** Five shades: a few rows stand out, which is what shades are for. */
function heat(value: Count, most: number): number {
  const part = value && most ? value / most : 0;
  return [0.03, 0.12, 0.3, 0.6].filter((limit) => part > limit).length;
}
