// Published accuracy against our cost, with the front. The current setting is a line, its band a
// shade: nobody knows the accuracy of a setting that was not trained.

import { METRIC_NAMES, METRIC_UNITS, totalOf } from "../amounts";
import type { PublishedRow } from "../document";
import { type Item, s } from "../dom";
import { plural, quantity, range, setting, UNKNOWN } from "../numbers";
import { type Cell, heading, legend, note, scrolling, table, tableBelow } from "../parts";
import {
  axes,
  type Frame,
  type Legend,
  linear,
  logarithmic,
  logTicks,
  round,
  roundTicks,
} from "../picture";
import { type PicturePoint, pointList } from "../points";
import { frontOf, pointsOf, type Published, rowsOfOneSet } from "../published";
import type { Scene } from "../scene";
import { setValue } from "../state";

/** Below this many points a picture is an empty frame. */
const LEAST_POINTS = 4;

/** Whether there is anything to show; else the section goes. */
export function hasAccuracy({ page }: Scene): boolean {
  return rowsOfOneSet(page.models.flatMap((one) => one.published)).length >= LEAST_POINTS;
}

export function accuracy(scene: Scene, width: number): (Item | null)[] {
  const name = METRIC_NAMES[scene.metric];
  const points = pointsOf(scene);
  const title = `Accuracy against ${name}`;
  if (points.length < 2)
    return [...heading(title), note("No cost is known of the published settings.")];
  const front = frontOf(points);
  const sources = [...new Set(points.map((one) => sourceOf(one.row)))];
  const color = colorsOf(scene, points);
  const set = points[0].row.dataset;
  return [
    ...heading(
      title,
      `Published top-1${set ? ` on ${set}` : ""}, our ${name}. The line is the setting above; ` +
        "click a point to go there.",
    ),
    picture(scene, points, front, sources, color, width),
    legend([...color.entries, ...(scene.models.length > 1 ? [] : sourceEntries(sources))]),
    tableBelow(scene, "accuracy", "Table of published settings", () =>
      scrolling("Published settings", pointTable(scene, points, front)),
    ),
  ];
}

interface Colors {
  of: (point: Published) => string;
  entries: Legend[];
}

/** By model where several are compared, else by the knob with few values among the points. */
function colorsOf(scene: Scene, points: readonly Published[]): Colors {
  const kind = (index: number): string => `var(--kind${index % 6})`;
  if (scene.models.length > 1) {
    return {
      of: (point) => kind(point.model),
      entries: scene.models.map(({ model, index }) => ({ color: kind(index), text: model.title })),
    };
  }
  for (const knob of scene.controls) {
    const values = [...new Set(points.map((point) => point.row.setting[knob.name]))];
    if (knob.of === "device" || values.length < 2 || values.length > 6) continue;
    values.sort((a, b) => (typeof a === "number" && typeof b === "number" ? b - a : 0));
    return {
      of: (point) => kind(values.indexOf(point.row.setting[knob.name])),
      entries: values.map((value, i) => ({
        color: kind(i),
        text: `${knob.name} ${setting(value)}`,
      })),
    };
  }
  return { of: () => kind(0), entries: [] };
}

/** Who published it; after a comma is where in the source it stands. */
const sourceOf = (row: PublishedRow): string => row.source.split(",")[0];

/** Where there are two sources, those of the first are hollow. */
function sourceEntries(sources: string[]): Legend[] {
  if (sources.length < 2) return sources.map((text) => ({ color: "var(--mute)", text }));
  return sources.map((text, i) => ({ color: "var(--mute)", text, hollow: i === 0 }));
}

function picture(
  scene: Scene,
  points: Published[],
  front: Published[],
  sources: string[],
  color: Colors,
  width: number,
): Item {
  const frame: Frame = { width, height: heightOf(width), left: 34, right: 14, top: 20, bottom: 36 };
  const costs = points.map((one) => one.cost);
  const rates = points.map((one) => one.accuracy);
  const xs: [number, number] = [Math.min(...costs) / 1.4, Math.max(...costs) * 1.5];
  const ys: [number, number] = [Math.min(...rates) - 2, Math.min(Math.max(...rates) + 2, 100)];
  const x = logarithmic(xs, [frame.left, width - frame.right]);
  const y = linear(ys, [frame.height - frame.bottom, frame.top]);
  const unit = METRIC_UNITS[scene.metric];
  const on = scene.metric === "time" && scene.device ? ` on ${scene.device.name}` : "";
  const hollow = sources.length > 1 && scene.models.length === 1 ? sources[0] : null;
  return s(
    "svg",
    {
      width,
      height: frame.height,
      role: "group",
      "aria-label":
        `Top-1 against ${METRIC_NAMES[scene.metric]} of ` +
        plural(points.length, "published setting"),
    },
    axes(
      frame,
      {
        scale: x,
        ticks: logTicks(...xs, width / 70),
        write: (v) => quantity(v, unit, 2),
        title: METRIC_NAMES[scene.metric] + on,
      },
      { scale: y, ticks: roundTicks(...ys, 7), write: String, title: "top-1 %" },
    ),
    s("path", {
      d: stairs(front.map((one) => [x(one.cost), y(one.accuracy)])),
      fill: "none",
      stroke: "var(--faint)",
      "stroke-dasharray": "3 3",
    }),
    current(scene, frame, x, xs),
    pointList(
      scene,
      "accuracy",
      "Published settings by cost",
      byCost(points).map((point) =>
        pointOf(
          scene,
          point,
          x(point.cost),
          y(point.accuracy),
          color.of(point),
          sourceOf(point.row) === hollow,
        ),
      ),
    ),
  );
}

export const heightOf = (width: number): number =>
  Math.round(Math.max(230, Math.min(320, width * 0.56)));

const byCost = (points: readonly Published[]): Published[] =>
  [...points].sort((a, b) => a.cost - b.cost);

function stairs(points: readonly (readonly [number, number])[]): string {
  return points
    .map(([x, y], i) => (i ? `H${round(x)}V${round(y)}` : `M${round(x)},${round(y)}`))
    .join("");
}

function current(
  scene: Scene,
  frame: Frame,
  x: (v: number) => number,
  xs: [number, number],
): Item[] {
  const { chosen, state, metric } = scene;
  const cost = totalOf(chosen.numbers, metric, state.device);
  const time = metric === "time" ? chosen.numbers.devices[state.device] : null;
  const inside = (value: number): number =>
    round(Math.max(frame.left, Math.min(frame.width - frame.right, x(value))));
  const { low_s: low, high_s: high } = time ?? {};
  const height = frame.height - frame.top - frame.bottom;
  const isBand = low != null && high != null && !time?.is_least;
  const isSeen = cost != null && cost >= xs[0] && cost <= xs[1];
  return [
    s("rect", {
      x: isBand ? inside(low) : 0,
      width: isBand ? Math.max(inside(high) - inside(low), 0) : 0,
      y: frame.top,
      height,
      fill: "var(--accent)",
      opacity: 0.12,
    }),
    s("line", {
      x1: isSeen ? inside(cost) : -9,
      x2: isSeen ? inside(cost) : -9,
      y1: frame.top,
      y2: frame.top + height,
      stroke: "var(--accent)",
      "stroke-width": 1.5,
    }),
  ];
}

/** The network, where there are several, and its knobs that published settings differ in. */
function settingWords({ page, models }: Scene, { row, model }: Published): string {
  const { published, title } = page.models[model];
  const words = Object.entries(row.setting)
    .filter(([name, value]) => published.some((one) => one.setting[name] !== value))
    .map(([name, value]) => `${name} ${setting(value)}`);
  if (models.length > 1) words.unshift(title);
  return words.join(", ") || "as published";
}

function costWords(scene: Scene, point: Published): string {
  const text = quantity(point.cost, METRIC_UNITS[scene.metric]);
  return point.low == null ? text : `${text} (${range(point.low, point.high, "s")})`;
}

function pointOf(
  scene: Scene,
  point: Published,
  x: number,
  y: number,
  color: string,
  isHollow: boolean,
): PicturePoint {
  const name = settingWords(scene, point);
  const words = `${name}: top-1 ${point.accuracy} %, ${costWords(scene, point)}`;
  return {
    attributes: {
      cx: round(x),
      cy: round(y),
      r: point.isCurrent ? 6.5 : 5,
      fill: isHollow ? "var(--card)" : color,
      stroke: point.isCurrent ? "var(--ink)" : color,
      "stroke-width": point.isCurrent ? 2.2 : 1.8,
    },
    words,
    tip: [words, point.row.source, point.row.note].filter(Boolean).join("\n"),
    isSelected: point.isCurrent,
    go: () => goTo(scene, point),
  };
}

function goTo(scene: Scene, { row, model }: Published): void {
  scene.change((state) => {
    state.model = model;
    for (const knob of scene.page.models[model].knobs) {
      const value = row.setting[knob.name];
      if (value !== undefined && knob.control !== "fixed")
        setValue(scene.page, state, knob.name, value);
    }
  });
}

function pointTable(scene: Scene, points: Published[], front: Published[]): Item {
  const onFront = new Set(front);
  const rows = byCost(points)
    .map((point): Cell[] => [
      settingWords(scene, point),
      costWords(scene, point) || UNKNOWN,
      String(point.accuracy),
      onFront.has(point) ? "yes" : "",
      point.row.source,
    ]);
  return table(
    "Published settings with their accuracy and our cost",
    [
      { title: "setting", isText: true },
      { title: METRIC_NAMES[scene.metric] },
      { title: "top-1 %" },
      { title: "on the front", isText: true },
      { title: "source", isText: true },
    ],
    rows,
  );
}
