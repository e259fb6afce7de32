// What the user chose: values of knobs, precision, device, metric, what is open. It goes into the
// fragment of the address and comes back from it. A fragment is written by anyone, so names that
// this page does not have are ignored with a word, and values are brought into their ranges.

import { controlsOf } from "./controls";
import type { ExploreDocument, Knob, KnobValue } from "./document";
import { setting } from "./numbers";

export type Metric = "time" | "mult_adds" | "params" | "bytes" | "alive";
export const METRICS: readonly Metric[] = ["time", "mult_adds", "params", "bytes", "alive"];

export interface Sort {
  by: Metric;
  rising: boolean;
}

export interface State {
  /** Values of knobs that are not their defaults, by name; models share them. */
  values: Record<string, KnobValue>;
  precision: string;
  /** Indices in the document. */
  device: number;
  model: number;
  metric: Metric;
  /** Paths of blocks that show their layers. */
  open: Set<string>;
  /** Path of the block or layer that the details are about; empty for the longest. */
  selected: string;
  sort: Sort | null;
}

export function initialState(page: ExploreDocument): State {
  return {
    values: {},
    precision: page.precisions[0],
    device: 0,
    model: 0,
    metric: page.devices.length ? "time" : "mult_adds",
    open: new Set(),
    selected: "",
    sort: null,
  };
}

/** The values of all knobs of one model. */
export function settingOf(
  page: ExploreDocument,
  state: State,
  model: number,
): Record<string, KnobValue> {
  const found: Record<string, KnobValue> = {};
  for (const knob of page.models[model].knobs) {
    const chosen = Object.hasOwn(state.values, knob.name) ? state.values[knob.name] : undefined;
    found[knob.name] = chosen === undefined || knob.control === "fixed" ? knob.default : chosen;
  }
  return found;
}

/** The value of a control now. */
export function valueOf(state: State, knob: Knob): KnobValue {
  return Object.hasOwn(state.values, knob.name) ? state.values[knob.name] : knob.default;
}

/** Set a knob of all models. A value that is the default of each is no choice, and no part of a
 * link; where defaults differ, the default of one model is a choice for the others. */
export function setValue(
  page: ExploreDocument,
  state: State,
  name: string,
  value: KnobValue,
): void {
  const isDefault = defaultsOf(page, name).every((one) => one === value);
  if (isDefault) delete state.values[name];
  else state.values[name] = value;
}

/** The defaults of a knob, each once: compared models can have different ones. */
export function defaultsOf(page: ExploreDocument, name: string): KnobValue[] {
  const found = page.models.flatMap((model) =>
    model.knobs.filter((knob) => knob.name === name).map((knob) => knob.default),
  );
  return [...new Set(found)];
}

/** The words of the address that are not knobs; no knob can have their names. */
const OWN = ["@precision", "@device", "@model", "@metric", "@sort", "@layer", "@open"] as const;

/** The fragment of the address for this state, without `#`; empty for the initial one. */
export function toFragment(page: ExploreDocument, state: State): string {
  const first = initialState(page);
  const parts: [string, string][] = Object.entries(state.values).map(([name, value]) => [
    name,
    setting(value),
  ]);
  if (state.precision !== first.precision) parts.push(["@precision", state.precision]);
  if (state.device) parts.push(["@device", page.devices[state.device].name]);
  if (state.model) parts.push(["@model", page.models[state.model].title]);
  if (state.metric !== first.metric) parts.push(["@metric", state.metric]);
  if (state.sort) parts.push(["@sort", (state.sort.rising ? "-" : "") + state.sort.by]);
  if (state.selected) parts.push(["@layer", state.selected]);
  for (const path of state.open) parts.push(["@open", path]);
  return parts.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
}

const encode = (text: string): string => encodeURIComponent(text).replace(/%40/g, "@");

/** The state of a fragment, and a sentence for each part of it that this page has no use for. */
export function fromFragment(
  page: ExploreDocument,
  fragment: string,
): { state: State; ignored: string[] } {
  const state = initialState(page);
  const ignored: string[] = [];
  const knobs = new Map(controlsOf(page).map((knob) => [knob.name, knob]));
  const own: readonly string[] = OWN;
  const seen = new Set<string>();
  for (const [name, value] of pairsOf(fragment)) {
    const knob = knobs.get(name);
    if (seen.has(name) && name !== "@open") {
      ignored.push(`The link sets “${cut(name)}” more than once: the last value holds.`);
    }
    seen.add(name);
    if (knob) readKnob(page, state, knob, value, ignored);
    else if (own.includes(name)) readOwn(page, state, name, value, ignored);
    // Who writes a link by hand leaves out the sign.
    else if (own.includes(`@${name}`)) readOwn(page, state, `@${name}`, value, ignored);
    else ignored.push(`The link sets “${cut(name)}”, which is no knob of this page.`);
  }
  return { state, ignored };
}

function pairsOf(fragment: string): [string, string][] {
  const text = fragment.replace(/^#/, "");
  if (!text) return [];
  return text
    .split("&")
    .filter(Boolean)
    .map((part) => {
      const at = part.indexOf("=");
      const name = at < 0 ? part : part.slice(0, at);
      return [decode(name), at < 0 ? "" : decode(part.slice(at + 1))];
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray percent sign
  }
}

function readKnob(
  page: ExploreDocument,
  state: State,
  knob: Knob,
  text: string,
  ignored: string[],
): void {
  if (knob.control === "fixed") {
    if (text !== setting(knob.default)) {
      ignored.push(`The link sets “${knob.name}”, which stays ${setting(knob.default)} here.`);
    }
  } else if (knob.control === "select") {
    const value = knob.values.find((one) => setting(one) === text);
    if (value === undefined) {
      ignored.push(`“${knob.name}” cannot be “${cut(text)}” here: it is its default.`);
    } else setValue(page, state, knob.name, value);
  } else {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(value)) {
      ignored.push(`“${knob.name}” cannot be “${cut(text)}”: it is its default.`);
      return;
    }
    const rounded = knob.whole ? Math.round(value) : value;
    if (rounded !== value) {
      ignored.push(`“${knob.name}” is a whole number, not “${cut(text)}”: it is ${rounded}.`);
    }
    const inside = Math.min(Math.max(rounded, knob.min), knob.max);
    if (inside !== rounded) {
      ignored.push(`“${knob.name}” goes from ${knob.min} to ${knob.max} here: it is ${inside}.`);
    }
    setValue(page, state, knob.name, inside);
  }
}

function readOwn(
  page: ExploreDocument,
  state: State,
  name: string,
  value: string,
  ignored: string[],
): void {
  const unknown = (): void => {
    ignored.push(`The link asks for ${name.slice(1)} “${cut(value)}”, which this page has not.`);
  };
  const among = (names: readonly string[], then: (index: number) => void): void => {
    const index = names.indexOf(value);
    if (index < 0) unknown();
    else then(index);
  };
  if (name === "@precision") among(page.precisions, () => (state.precision = value));
  else if (name === "@device") {
    among(
      page.devices.map((one) => one.name),
      (index) => (state.device = index),
    );
  } else if (name === "@model") {
    among(
      page.models.map((one) => one.title),
      (index) => (state.model = index),
    );
  } else if (name === "@metric") {
    among(METRICS, (index) => (state.metric = METRICS[index]));
  } else if (name === "@sort") {
    const by = METRICS.find((one) => one === value.replace(/^-/, ""));
    if (by) state.sort = { by, rising: value.startsWith("-") };
    else unknown();
  } else if (name === "@layer")
    state.selected = value; // no layer of this name: the longest one
  else state.open.add(value);
}

/** Text of a link as it is quoted in a sentence. */
const cut = (text: string): string => (text.length > 40 ? `${text.slice(0, 40)}…` : text);
