// Graph, table and bars in one: blocks and layers as rows, the graph as lanes beside them.
// Rows that are not in sight keep what they say until they are.

import { METRIC_NAMES, totalOf } from "../amounts";
import { h, type Item } from "../dom";
import { heading, note } from "../parts";
import { orderOf, type Outline, outlineOf } from "../rows";
import type { Scene } from "../scene";
import type { Metric } from "../state";
import { METRICS } from "../state";
import { isOpen } from "../tree";
import { cellClass, type RowContext, rowItem } from "./row";

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
    ...scene.page.left_out.map((sentence) => note(h("bdi", {}, sentence.replace(/[^.]$/, "$&.")))),
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
      h("button", { type: "button", on: { click: tools.copyCsv } }, "Copy CSV"),
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

/** Above as many rows the browser leaves out the layout of those that are not in sight. */
const MANY = 200;

export const EVERY_PLACE: Places = { first: 0, last: Infinity };

/** The table itself. Rows in sight are brought up to date, and those of `also`. */
export function layerTable(scene: Scene, width: number, also?: Places): Item[] {
  const { state, metric, chosen, glance } = scene;
  const { numbers, columns } = chosen;
  const outline = outlineOf(numbers.structure, state.open, Math.min(160, width * 0.13));
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
        class: rows.length > MANY ? "layers many" : "layers",
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
