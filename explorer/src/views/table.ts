// Graph, table and bars in one: blocks and layers as rows, the graph as lanes beside them.
// Rows that are not in sight keep what they say until they are.

import { type Amounts, METRIC_NAMES, METRIC_UNITS, totalOf } from "../amounts";
import type { Count, Numbers } from "../document";
import { h, type Item, s } from "../dom";
import { percent, plural, quantity, UNKNOWN } from "../numbers";
import { heading, note } from "../parts";
import { callOf, laneX, orderOf, type Outline, outlineOf, ROW_HEIGHT } from "../rows";
import type { Scene } from "../scene";
import type { Metric } from "../state";
import { METRICS } from "../state";
import { type Block, isOpen } from "../tree";

export interface TableTools {
  copyCsv: () => void;
  openAll: () => void;
}

/** What stands above the table. */
export function tableHead(scene: Scene, tools: TableTools): (Item | null)[] {
  const { metric, device, state } = scene;
  const on = metric === "time" && device ? [" on ", h("bdi", {}, device.name)] : null;
  return [
    ...heading("Blocks and layers", [
      "The graph as rows: squares open, circles are layers, a line is a tensor that is alive. ",
      `Shaded by ${METRIC_NAMES[metric]}`,
      on,
      ".",
    ]),
    ...scene.page.left_out.map((sentence) => note(h("bdi", {}, sentence))),
    h(
      "div",
      { class: "bar" },
      h(
        "div",
        { class: "segments", role: "group", "aria-label": "Metric that shades, and has bars" },
        METRICS.filter((one) => one !== "time" || scene.chosen.columns.hasTime).map((one) =>
          h(
            "button",
            {
              type: "button",
              "aria-pressed": String(one === metric),
              on: { click: () => scene.change((to) => (to.metric = one)) },
            },
            METRIC_NAMES[one],
          ),
        ),
      ),
      h("span", { class: "gap" }),
      h(
        "button",
        { type: "button", on: { click: tools.openAll } },
        state.open.size ? "Close all" : "Open all",
      ),
      h("button", { type: "button", on: { click: tools.copyCsv } }, "Copy as CSV"),
    ),
  ];
}

/** What was drawn, so that rows out of sight stay as they are. */
interface Drawn {
  outline: Outline | null;
  key: string;
  rows: Item[];
}

let drawn: Drawn = { outline: null, key: "", rows: [] };

/** Rows by their place in the table, the last one included. */
export interface Places {
  first: number;
  last: number;
}

export const EVERY_PLACE: Places = { first: 0, last: Infinity };

/** The table itself. Rows in sight are brought up to date, and those of `also`. */
export function layerTable(scene: Scene, width: number, also?: Places): Item[] {
  const { state, metric, chosen, glance } = scene;
  const { numbers, columns } = chosen;
  const outline = outlineOf(numbers.structure, state.open, Math.min(200, width * 0.16));
  const amounts = outline.rows.map((row) => columns.ofBlock(row));
  const order = orderOf(outline.rows, amounts, state.open, state.sort);
  const shown = shownMetrics(metric, columns.hasTime);
  const most: Partial<Record<Metric, number>> = {};
  for (const index of order) {
    if (isOpen(outline.rows[index], state.open)) continue;
    most[metric] = Math.max(most[metric] ?? 0, amounts[index][metric] ?? 0);
  }
  const context: RowContext = {
    scene,
    outline,
    shown,
    most: most[metric] ?? 0,
    total: totalOf(numbers, metric, state.device),
  };
  const key = [metric, columns.hasTime, order.join()].join(" ");
  const isNew = outline !== drawn.outline || key !== drawn.key;
  const within = (place: number, places?: Places): boolean =>
    places !== undefined && place >= places.first && place <= places.last;
  const rows = order.map((index, place) => {
    const before = drawn.rows[place];
    const isOld = isNew || within(place, glance.sight) || within(place, also);
    return before && !isOld ? before : rowItem(context, index, amounts[index]);
  });
  drawn = { outline, key, rows };
  return [
    h(
      "table",
      {
        class: "layers",
        role: "table",
        "aria-rowcount": rows.length + 1,
        style: { "--lanes": `${state.sort ? 0 : outline.laneWidth}px` },
      },
      h(
        "caption",
        { class: "unseen" },
        `Blocks and layers of ${chosen.model.title} with their costs`,
      ),
      h("thead", { role: "rowgroup" }, headRow(scene, shown)),
      h("tbody", { role: "rowgroup", id: "rows" }, rows),
    ),
  ];
}

/** Columns of numbers: the chosen metric is among them, with a bar. */
function shownMetrics(metric: Metric, hasTime: boolean): Metric[] {
  return METRICS.filter(
    (one) => (one !== "time" || hasTime) && (one !== "alive" || metric === "alive"),
  );
}

function headRow(scene: Scene, shown: Metric[]): Item {
  const { sort } = scene.state;
  const text = (title: string, name: string): Item =>
    h("th", { scope: "col", role: "columnheader", class: name }, title);
  return h(
    "tr",
    { role: "row" },
    h(
      "th",
      { scope: "col", role: "columnheader", class: "lane" },
      h("span", { class: "unseen" }, "graph"),
    ),
    text("layer", "layer"),
    text("kind", "kind wide"),
    text("output", "output wide"),
    shown.map((metric) => {
      const direction = sort?.by === metric ? (sort.rising ? "ascending" : "descending") : "none";
      return h(
        "th",
        {
          scope: "col",
          role: "columnheader",
          class: cellClass(scene, metric),
          "aria-sort": direction,
        },
        h(
          "button",
          {
            type: "button",
            on: { click: () => scene.change((state) => (state.sort = turned(sort, metric))) },
          },
          metric === "bytes" || metric === "alive" ? metric : METRIC_NAMES[metric],
        ),
      );
    }),
  );
}

/** Falling, then rising, then as the network runs. */
function turned(sort: Scene["state"]["sort"], by: Metric): Scene["state"]["sort"] {
  if (sort?.by !== by) return { by, rising: false };
  return sort.rising ? null : { by, rising: true };
}

const cellClass = (scene: Scene, metric: Metric): string =>
  metric === scene.metric ? "num main" : "num side";

interface RowContext {
  scene: Scene;
  outline: Outline;
  shown: Metric[];
  most: number;
  total: Count;
}

function rowItem(context: RowContext, index: number, amounts: Amounts): Item {
  const { scene, outline, shown } = context;
  const { state, chosen } = scene;
  const row = outline.rows[index];
  const opened = isOpen(row, state.open) && !state.sort;
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
    h("td", { role: "cell", class: "kind wide cut" }, h("bdi", {}, kindOf(chosen.numbers, row))),
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
  if (!row.children.length) return layers.kind[row.layers[0]];
  const call = callOf(numbers.structure, row);
  const name = call?.block ?? "";
  const known = name && name !== row.label.replace(/_\d+$/, "") ? `${name}, ` : "";
  return known + plural(row.layers.length, "layer");
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
