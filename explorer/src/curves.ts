// Curves over the sliders: the chosen metric along one knob, the others as they are. They take
// many runs of the program, so they wait until nothing moves, and come one by one.

import { totalOf } from "./amounts";
import type { SliderKnob } from "./document";
import { placeOf, valueAt } from "./knobs";
import type { Curve, Scene } from "./scene";

const PLACES = 33;

/** Which curves of a page are there, and what they were made for. */
export class Curves {
  private readonly keys = new Map<string, string>();

  /** Make the first curve that is missing or old; false where there is none. */
  makeNext(scene: Scene): boolean {
    const { controls, glance } = scene;
    const waiting = controls.find(
      (knob): knob is SliderKnob =>
        knob.control === "slider" &&
        (knob.of === "network" || glance.tables.has("what if")) &&
        this.keys.get(knob.name) !== curveKey(scene, knob),
    );
    if (!waiting) return false;
    glance.curves.set(waiting.name, curveOf(scene, waiting));
    this.keys.set(waiting.name, curveKey(scene, waiting));
    return true;
  }
}

/** The curve of one knob; places whose values are equal are one point. */
function curveOf(scene: Scene, knob: SliderKnob): Curve {
  const { setting, index } = scene.chosen;
  const points: Curve["points"] = [];
  let last: number | null = null;
  for (let i = 0; i < PLACES; i += 1) {
    const value = valueAt(knob, i / (PLACES - 1));
    if (value === last) continue;
    last = value;
    const numbers = scene.headlineAt(index, { ...setting, [knob.name]: value });
    points.push([
      placeOf(knob, value),
      numbers && totalOf(numbers, scene.metric, scene.state.device),
    ]);
  }
  return { points };
}

/** What a curve depends on beside its own knob; the same key is the same curve. */
function curveKey(scene: Scene, knob: SliderKnob): string {
  const { [knob.name]: _own, ...others } = scene.chosen.setting;
  return JSON.stringify([
    scene.chosen.index,
    scene.metric,
    scene.state.device,
    scene.state.precision,
    others,
  ]);
}
