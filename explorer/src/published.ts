// Published settings as points of cost and accuracy, and the front of them.

import { totalOf } from "./amounts";
import type { Headline } from "./costs";
import type { Count, KnobValue, PublishedRow } from "./document";
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
  setting: Record<string, KnobValue>;
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

export function pointsOf(scene: Scene): Published[] {
  const chosen = new Set(rowsOfOneSet(scene.page.models.flatMap((one) => one.published)));
  const points: Published[] = [];
  scene.models.forEach(({ model, setting: now, index }) => {
    for (const row of model.published) {
      if (!chosen.has(row)) continue;
      const at = { ...now, ...row.setting };
      const key = JSON.stringify([at, scene.state.precision]);
      let known = kept.get(row);
      if (known?.key !== key) {
        known = { key, costs: scene.headlineAt(index, at) };
        kept.set(row, known);
      }
      if (!known.costs) continue;
      const cost = totalOf(known.costs, scene.metric, scene.state.device);
      if (!cost) continue;
      const time = scene.metric === "time" ? known.costs.devices[scene.state.device] : null;
      const hasBand = time != null && time.basis !== "bound" && !time.untimed;
      points.push({
        row,
        model: index,
        cost,
        accuracy: row.figures.top1,
        low: hasBand ? time.low_s : null,
        high: hasBand ? time.high_s : null,
        setting: at,
        isCurrent: Object.entries(row.setting).every(([name, value]) => now[name] === value),
      });
    }
  });
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
