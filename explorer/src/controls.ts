// The controls of a page: each knob once, whichever of the networks have it. A control goes as far
// as any of its networks does; where it is out of the range of one, that one says so.

import type { ExploreDocument, Knob, KnobValue, SelectKnob, SliderKnob } from "./document";
import { gridOf, isOnGrid } from "./knobs";

/** A slider of several networks has `positions`: the values that it stops at. */
export type Slider = SliderKnob & { positions?: readonly number[] };

export type Control = (Slider | SelectKnob | Exclude<Knob, SliderKnob | SelectKnob>) & {
  /** Indices of the networks that it moves; of a fixed knob, those that have it. */
  owners: readonly number[];
};

interface Owned {
  index: number;
  knob: Knob;
}

/** The controls of a page, in the order in which the networks have their knobs. */
export function controlsOf(page: ExploreDocument): Control[] {
  const found = new Map<string, Owned[]>();
  page.models.forEach((model, index) => {
    for (const knob of model.knobs) {
      const same = found.get(knob.name);
      if (same) same.push({ index, knob });
      else found.set(knob.name, [{ index, knob }]);
    }
  });
  return [...found.values()].map(joined);
}

function joined(all: readonly Owned[]): Control {
  const movable = all.filter(({ knob }) => knob.control !== "fixed");
  const those = movable.length ? movable : all;
  const owners = those.map(({ index }) => index);
  const [{ knob }] = those;
  const sliders = those.flatMap((one) => (one.knob.control === "slider" ? [one.knob] : []));
  if (those.length === 1 || knob.control === "fixed") return { ...knob, owners };
  if (sliders.length === those.length) return { ...joinedSlider(sliders), owners };
  return { ...joinedSelect(those.map((one) => one.knob)), owners };
}

function joinedSlider(all: readonly SliderKnob[]): Slider {
  const [first] = all;
  const isSame = all.every(
    (one) => one.min === first.min && one.max === first.max && one.step === first.step,
  );
  const published = rising(all.flatMap((one) => one.published));
  if (isSame) return { ...first, published };
  return {
    ...first,
    published,
    min: Math.min(...all.map((one) => one.min)),
    max: Math.max(...all.map((one) => one.max)),
    step: Math.min(...all.map((one) => one.step)),
    whole: all.every((one) => one.whole),
    is_log: all.every((one) => one.is_log),
    positions: positionsOf(all),
  };
}

/** Less than as many positions are no slider. */
const LEAST_POSITIONS = 12;

/** Values that each network has whose range they are in; where there are few, those of any. */
function positionsOf(all: readonly SliderKnob[]): number[] {
  const values = rising(all.flatMap((one) => [...gridOf(one), ...one.published, one.default]));
  const agreed = values.filter((value) =>
    all.every((one) => value < one.min || value > one.max || isOnGrid(one, value)),
  );
  const low = Math.max(...all.map((one) => one.min));
  const high = Math.min(...all.map((one) => one.max));
  const shared = agreed.filter((value) => value >= low && value <= high);
  if (low < high && shared.length < LEAST_POSITIONS) return values;
  return rising([...agreed, ...all.map((one) => one.default)]);
}

/** Where one network has a slider and another a list, there is a list of what is known. */
function joinedSelect(all: readonly Knob[]): SelectKnob {
  const values = all.flatMap((one): KnobValue[] => {
    if (one.control === "select") return one.values;
    return one.control === "slider" ? [...one.published, one.default] : [];
  });
  const each = [...new Set(values)];
  return {
    name: all[0].name,
    help: all[0].help,
    default: all[0].default,
    of: all[0].of,
    control: "select",
    values: each.every((one) => typeof one === "number") ? rising(each as number[]) : each,
    published: [],
  };
}

const rising = (values: readonly number[]): number[] =>
  [...new Set(values)].sort((a, b) => a - b);

/** Whether a knob of one network can have a value at all; what its range is only says how far
 * its slider goes, and the guards of its structures say where it holds. */
export function canTake(knob: Knob, value: KnobValue): boolean {
  if (knob.control === "select") return knob.values.includes(value);
  if (knob.control === "fixed") return true;
  return typeof value === "number" && (!knob.whole || Number.isInteger(value));
}

/** Whether a value is where the control of this network alone would go. */
export function isInRange(knob: Knob, value: KnobValue): boolean {
  if (!canTake(knob, value)) return false;
  return knob.control !== "slider" || (Number(value) >= knob.min && Number(value) <= knob.max);
}

/** `one`, `one, two`, or words for all of them. */
export function ownersWords(page: ExploreDocument, owners: readonly number[]): string {
  if (owners.length < page.models.length) {
    return owners.map((index) => page.models[index].title).join(", ");
  }
  return owners.length === 2 ? "both networks" : `all ${owners.length} networks`;
}

/** Controls of the same networks. */
export interface Group {
  owners: readonly number[];
  of: Control[];
}

/** Controls by whose they are: first those of most networks. */
export function grouped(controls: readonly Control[]): Group[] {
  const groups = new Map<string, Group>();
  for (const control of controls) {
    const key = control.owners.join();
    const group = groups.get(key);
    if (group) group.of.push(control);
    else groups.set(key, { owners: control.owners, of: [control] });
  }
  return [...groups.values()].sort((a, b) => b.owners.length - a.owners.length);
}
