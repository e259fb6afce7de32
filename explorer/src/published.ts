// Published settings as points of cost and accuracy, and the front of them.

import { totalOf } from "./amounts";
import type { Headline } from "./costs";
import type { Count, PublishedRow } from "./document";
import type { Scene } from "./scene";

export interface Point {
  cost: number;
  accuracy: number;
}

export interface Published extends Point {
  row: PublishedRow;
  model: number;
  low: Count;
  high: Count;
  isCurrent: boolean;
}

/** Rows with top-1 on the data set that most of them have: accuracies on others do not compare. */
export function rowsOfOneSet(rows: readonly PublishedRow[]): PublishedRow[] {
  const rated = rows.filter((row) => row.figures.top1 != null);
  const sizes = new Map<string | null, number>();
  for (const { dataset } of rated) sizes.set(dataset, (sizes.get(dataset) ?? 0) + 1);
  const [most] = [...sizes].sort((a, b) => b[1] - a[1])[0] ?? [null];
  return rated.filter((row) => row.dataset === most);
}

/** Costs of published settings: kept, since only batch, precision and device change them. */
const kept = new WeakMap<PublishedRow, { key: string; costs: Headline | null }>();

function costsOf(scene: Scene, model: number, row: PublishedRow): Headline | null {
  const at = { ...scene.models[model].setting, ...row.setting };
  const key = JSON.stringify([at, scene.state.precision]);
  let known = kept.get(row);
  if (known?.key !== key) {
    known = { key, costs: scene.headlineAt(model, at) };
    kept.set(row, known);
  }
  return known.costs;
}

/** Settings whose costs are found at once, while others wait. */
const AT_ONCE = 8;

/** The scenes whose costs are known, up to which row. */
const progress = new WeakMap<Scene, number>();

/** Find the costs of some settings before they are drawn; false where all are known. */
export function knowSome(scene: Scene): boolean {
  const rows = ratedRows(scene);
  const first = progress.get(scene) ?? 0;
  for (const { row, model } of rows.slice(first, first + AT_ONCE)) costsOf(scene, model, row);
  progress.set(scene, first + AT_ONCE);
  return first < rows.length;
}

/** The rows that are points, with the models that they are of. */
function ratedRows({ page }: Scene): { row: PublishedRow; model: number }[] {
  const chosen = new Set(rowsOfOneSet(page.models.flatMap((one) => one.published)));
  return page.models.flatMap(({ published }, model) =>
    published.filter((row) => chosen.has(row)).map((row) => ({ row, model })),
  );
}

/** All published settings with a known cost. */
export function pointsOf(scene: Scene): Published[] {
  const points: Published[] = [];
  for (const { row, model } of ratedRows(scene)) {
    const costs = costsOf(scene, model, row);
    const cost = costs && totalOf(costs, scene.metric, scene.state.device);
    if (!cost) continue;
    const now = scene.models[model].setting;
    const time = scene.metric === "time" ? costs.devices[scene.state.device] : null;
    const hasBand = time != null && time.basis !== "bound" && !time.untimed;
    points.push({
      row,
      model,
      cost,
      accuracy: row.figures.top1,
      low: hasBand ? time.low_s : null,
      high: hasBand ? time.high_s : null,
      isCurrent: Object.entries(row.setting).every(([name, value]) => now[name] === value),
    });
  }
  return points;
}

/** Points that no other point is both cheaper and more accurate than, by rising cost. */
export function frontOf<P extends Point>(points: readonly P[]): P[] {
  const front: P[] = [];
  for (const point of [...points].sort((a, b) => a.cost - b.cost || b.accuracy - a.accuracy)) {
    const last = front[front.length - 1];
    if (!last || point.accuracy > last.accuracy) front.push(point);
  }
  return front;
}
