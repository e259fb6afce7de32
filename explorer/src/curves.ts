// Curves over the sliders: the chosen metric along one knob, the others as they are. They take
// many runs of the program, so they wait until nothing moves, and come one by one.

import { totalOf } from "./amounts";
import type { Control, Slider } from "./controls";
import { placeOf, valueAt } from "./knobs";
import type { Curve, Scene } from "./scene";

const PLACES = 33;

/** Runs of the program that are one piece of work. */
const AT_ONCE = 8;

interface Begun {
  key: string;
  points: Curve["points"];
  /** How many places were looked at, and the value at the last of them. */
  places: number;
  last: number | null;
}

/** Which curves of a page are there, and what they were made for. */
export class Curves {
  private readonly keys = new Map<string, string>();
  private begun: Begun | null = null;

  /** Go on with the first curve that is missing or old: whether it is done now, or null where
   * there is none. */
  makeNext(scene: Scene): { isDone: boolean } | null {
    const { controls, glance } = scene;
    for (const knob of controls) {
      const isShown = knob.of === "network" || glance.tables.has("what if");
      if (knob.control !== "slider" || !isShown) continue;
      const key = curveKey(scene, knob);
      if (this.keys.get(knob.name) === key) continue;
      if (this.begun?.key !== key) this.begun = { key, points: [], places: 0, last: null };
      goOn(this.begun, scene, knob, modelOf(scene, knob));
      const isDone = this.begun.places === PLACES;
      if (isDone) {
        glance.curves.set(knob.name, { points: this.begun.points });
        this.keys.set(knob.name, key);
      }
      return { isDone };
    }
    return null;
  }
}

/** Some more places of a curve; those whose values are equal are one point. */
function goOn(begun: Begun, scene: Scene, knob: Slider, index: number): void {
  const { setting } = scene.models[index];
  const end = Math.min(begun.places + AT_ONCE, PLACES);
  for (; begun.places < end; begun.places += 1) {
    const value = valueAt(knob, begun.places / (PLACES - 1));
    if (value === begun.last) continue;
    begun.last = value;
    const numbers = scene.headlineAt(index, { ...setting, [knob.name]: value });
    begun.points.push([
      placeOf(knob, value),
      numbers && totalOf(numbers, scene.metric, scene.state.device),
    ]);
  }
}

/** Which network a curve is of: the chosen one, if the knob is one of its own. */
function modelOf({ chosen }: Scene, { owners }: Control): number {
  return owners.includes(chosen.index) ? chosen.index : owners[0];
}

/** What a curve depends on beside its own knob; the same key is the same curve. */
function curveKey(scene: Scene, knob: Control): string {
  const index = modelOf(scene, knob);
  const { [knob.name]: _own, ...others } = scene.models[index].setting;
  return JSON.stringify([
    knob.name,
    index,
    scene.metric,
    scene.state.device,
    scene.state.precision,
    others,
  ]);
}
