// Where a value is on its slider, and which value a place on it has.

import type { SliderKnob } from "./document";

/** Some sliders stop at these values alone, which rise. */
type Stops = SliderKnob & { positions?: readonly number[] };

/** Steps of a slider whose equal distances are equal ratios. */
export const LOG_STEPS = 240;

/** The place of a value, 0 at the left end and 1 at the right one. */
export function placeOf(knob: SliderKnob, value: number): number {
  if (knob.max <= knob.min) return 0;
  const place = knob.is_log
    ? Math.log(value / knob.min) / Math.log(knob.max / knob.min)
    : (value - knob.min) / (knob.max - knob.min);
  return Math.min(Math.max(place, 0), 1);
}

/** The value that a slider can take nearest to a place. */
export function valueAt(knob: Stops, place: number): number {
  const exact = knob.is_log
    ? knob.min * (knob.max / knob.min) ** place
    : knob.min + place * (knob.max - knob.min);
  return toStep(knob, exact);
}

/** The value of the steps that is nearest; steps start at the least value. */
export function toStep(knob: Stops, value: number): number {
  if (knob.positions) return nearest(knob.positions, value);
  const steps = Math.round((value - knob.min) / knob.step);
  const inside = Math.min(Math.max(knob.min + steps * knob.step, knob.min), knob.max);
  return knob.whole ? Math.round(inside) : Number(inside.toPrecision(12));
}

/** The next value to one side: what an arrow key does, also where steps of places are too small. */
export function neighbour(knob: Stops, value: number, direction: 1 | -1): number {
  if (knob.positions) {
    const beyond = knob.positions.filter((one) => (one - value) * direction > 0);
    return (direction > 0 ? beyond[0] : beyond[beyond.length - 1]) ?? value;
  }
  if (!knob.is_log) return toStep(knob, value + direction * knob.step);
  let place = placeOf(knob, value);
  for (let tries = 0; tries < LOG_STEPS; tries += 1) {
    place += direction / 32;
    const next = valueAt(knob, Math.min(Math.max(place, 0), 1));
    if (next !== value) return next;
    if (place <= 0 || place >= 1) return value;
  }
  return value;
}

const nearest = (values: readonly number[], value: number): number =>
  values.reduce((best, one) => (Math.abs(one - value) < Math.abs(best - value) ? one : best));

/** All values of the steps of a slider. */
export function gridOf(knob: SliderKnob): number[] {
  const count = Math.floor((knob.max - knob.min) / knob.step + 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => toStep(knob, knob.min + i * knob.step));
}

/** Whether a value inside of the range is one of the steps, or is published. */
export const isOnGrid = (knob: SliderKnob, value: number): boolean =>
  Math.abs(toStep(knob, value) - value) < 1e-9 || knob.published.includes(value);
