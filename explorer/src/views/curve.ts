// The curve over a slider: the chosen metric along its knob, with ticks where sources publish.

import type { SliderKnob } from "../document";
import { type Item, s } from "../dom";
import { placeOf } from "../knobs";
import { round } from "../picture";
import type { Curve } from "../scene";

const CURVE = { width: 100, height: 22 };

export function curve(found: Curve | undefined, knob: SliderKnob, value: number): Item {
  const fine = { "vector-effect": "non-scaling-stroke" };
  const x = (at: number): number => round(placeOf(knob, at) * CURVE.width);
  return s(
    "svg",
    {
      class: "curve",
      viewBox: `0 0 ${CURVE.width} ${CURVE.height}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    s("path", {
      d: found ? curvePath(found) : "",
      fill: "none",
      stroke: "var(--bar)",
      "stroke-width": 1.5,
      ...fine,
    }),
    s("line", {
      x1: x(value),
      x2: x(value),
      y1: 0,
      y2: CURVE.height,
      stroke: "var(--accent)",
      ...fine,
    }),
    knob.published.map((at) =>
      s("line", { x1: x(at), x2: x(at), y1: 19, y2: CURVE.height, stroke: "var(--mute)", ...fine }),
    ),
  );
}

/** From zero at the bottom; a gap where no structure holds. */
export function curvePath({ points }: Curve): string {
  const most = Math.max(...points.map(([, value]) => value ?? 0), Number.MIN_VALUE);
  let isDrawing = false;
  return points
    .map(([place, value]) => {
      if (value == null) {
        isDrawing = false;
        return "";
      }
      const command = isDrawing ? "L" : "M";
      isDrawing = true;
      return `${command}${round(place * CURVE.width)},${round(21 - (19 * value) / most)}`;
    })
    .join("");
}
