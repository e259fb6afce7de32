// Frames, scales and axes of pictures, in CSS pixels: a picture is drawn at the width of its
// container, since a scaled one has type that cannot be read on a phone.

import { type Item, s } from "./dom";

export interface Frame {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

export type Scale = (value: number) => number;

export function linear(from: [number, number], to: [number, number]): Scale {
  const span = from[1] - from[0] || 1;
  return (value) => to[0] + ((value - from[0]) / span) * (to[1] - to[0]);
}

export function logarithmic(from: [number, number], to: [number, number]): Scale {
  const low = Math.log10(from[0]);
  const span = Math.log10(from[1]) - low || 1;
  return (value) => to[0] + ((Math.log10(value) - low) / span) * (to[1] - to[0]);
}

/** Round numbers from `low` to `high`, at most `most` of them. */
export function roundTicks(low: number, high: number, most: number): number[] {
  const span = high - low;
  if (!(span > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = [1, 2, 5, 10].map((n) => n * power).find((one) => span / one <= most)!;
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i += 1) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/** Round numbers of a logarithmic axis: powers of ten, with 2 and 5 between if there is room. */
export function logTicks(low: number, high: number, most: number): number[] {
  const between: number[][] = [[1, 1.5, 2, 3, 4, 5, 7], [1, 2, 5], [1, 3], [1]];
  for (const mantissas of between) {
    const ticks = powers(low, high, mantissas, 1);
    if (ticks.length <= most) return ticks;
  }
  for (const every of [2, 3, 6]) {
    const ticks = powers(low, high, [1], every);
    if (ticks.length <= most) return ticks;
  }
  return [];
}

function powers(low: number, high: number, mantissas: number[], every: number): number[] {
  const ticks: number[] = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e += 1) {
    if (e % every) continue;
    for (const mantissa of mantissas) {
      const value = Number(`${mantissa}e${e}`);
      if (value >= low * 0.9999 && value <= high * 1.0001) ticks.push(value);
    }
  }
  return ticks;
}

export interface Axis {
  scale: Scale;
  ticks: number[];
  write: (value: number) => string;
  title: string;
}

/** Hairlines with their numbers, and the titles of both axes. */
export function axes(frame: Frame, x: Axis, y: Axis): Item[] {
  const { width, height, left, right, top, bottom } = frame;
  const items: Item[] = [];
  for (const tick of x.ticks) {
    const at = round(x.scale(tick));
    if (at < left - 1 || at > width - right + 1) continue;
    items.push(
      s("line", { class: "hair", x1: at, x2: at, y1: top, y2: height - bottom }),
      s("text", { x: at, y: height - bottom + 15, "text-anchor": "middle" }, x.write(tick)),
    );
  }
  for (const tick of y.ticks) {
    const at = round(y.scale(tick));
    if (at < top - 1 || at > height - bottom + 1) continue;
    items.push(
      s("line", { class: "hair", x1: left, x2: width - right, y1: at, y2: at }),
      s("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, y.write(tick)),
    );
  }
  items.push(
    s("text", { x: width - right, y: height - 4, "text-anchor": "end" }, x.title),
    s("text", { x: 2, y: 11 }, y.title),
  );
  return items;
}

/** A tenth of a pixel is exact enough, and keeps the document small. */
export const round = (value: number): number => Math.round(value * 10) / 10;

export interface Legend {
  color: string;
  text: string;
  hollow?: boolean;
}
