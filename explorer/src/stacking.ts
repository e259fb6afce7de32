// Tensors over the schedule, one on the other: which are alive at a layer, and their areas.

import type { Count, Memory } from "./document";
import { round, type Scale } from "./picture";

/** Which tensors are alive while a layer runs, the largest first. */
export function aliveAt({ tensors }: Memory, step: number): Memory["tensors"] {
  return tensors
    .filter((one) => one.first <= step && step <= one.last)
    .sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0));
}

/** The areas of tensors, stacked in the order in which they come, as two paths by turns. */
export function stackPaths(
  { tensors }: Memory,
  steps: number,
  x: Scale,
  y: Scale,
): [string, string] {
  const starting: number[][] = Array.from({ length: steps }, () => []);
  tensors.forEach((one, index) => starting[one.first]?.push(index));
  const areas: [string[], string[]] = [[], []];
  const rank = new Map<number, number>();
  const drawn = new Map<number, { from: number; low: number }>();
  const close = (index: number, to: number): void => {
    const area = drawn.get(index);
    if (!area) return;
    const [left, right] = [round(x(area.from)), round(x(to))];
    const [low, high] = [round(y(area.low)), round(y(area.low + (tensors[index].bytes ?? 0)))];
    areas[rank.get(index)! % 2].push(`M${left},${low}V${high}H${right}V${low}Z`);
    drawn.delete(index);
  };
  let alive: number[] = [];
  for (let step = 0; step < steps; step += 1) {
    for (const index of alive) if (tensors[index].last < step) close(index, step);
    alive = alive.filter((index) => tensors[index].last >= step);
    for (const index of starting[step]) {
      rank.set(index, rank.size);
      alive.push(index);
    }
    let low = 0;
    for (const index of alive) {
      const area = drawn.get(index);
      if (!area || area.low !== low) {
        close(index, step);
        drawn.set(index, { from: step, low });
      }
      low += tensors[index].bytes ?? 0;
    }
  }
  for (const index of [...drawn.keys()]) close(index, steps);
  return [areas[0].join(""), areas[1].join("")];
}

/** The line above all of them. */
export function outlinePath(live: readonly Count[], x: Scale, y: Scale): string {
  return live
    .map((value, i) => `${i ? "V" : `M${round(x(0))},`}${round(y(value ?? 0))}H${round(x(i + 1))}`)
    .join("");
}
