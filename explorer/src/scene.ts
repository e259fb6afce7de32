// What views draw: the numbers of each model at the chosen setting, and what the user chose.
// A view is a function of a scene and a width; it changes the state by `change` alone.

import type { Columns } from "./amounts";
import type { Control } from "./controls";
import type { Headline } from "./costs";
import type {
  DeviceFacts,
  ExploreDocument,
  ModelDocument,
  Numbers,
  Setting,
} from "./document";
import type { Children } from "./dom";
import type { Metric, State } from "./state";
import type { Block } from "./tree";

export interface ModelScene {
  index: number;
  model: ModelDocument;
  setting: Setting;
  /** None where no structure of the page holds at the setting. */
  numbers: Numbers | null;
  /** At the defaults of the model, in the chosen precision. */
  defaults: Numbers | null;
}

/** The chosen model, where the page has its numbers. */
export interface Chosen extends ModelScene {
  numbers: Numbers;
  columns: Columns;
  blocks: Block;
}

/** What is looked at and is not worth a link: it is gone when the page is closed. */
export interface Glance {
  /** Step of the memory picture that is pointed at. */
  step: number | null;
  /** Level of the memory that the roofline measures bytes at; null for main memory. */
  level: number | null;
  /** Which point of a picture arrow keys are at, by view. */
  active: Map<string, number>;
  /** How blocks side by side are sorted; null as the networks run. */
  pairSort: PairSort | null;
  /** Names of the tables below pictures that are open. */
  tables: Set<string>;
  /** Rows of the layer table that are in sight. */
  sight: { first: number; last: number };
  /** Curves over sliders, by knob; empty while they wait. */
  curves: Map<string, Curve>;
}

export interface PairSort {
  /** A network, by index. */
  model: number;
  /** By how many times as much it is as the first one, else by its own number. */
  isRatio: boolean;
  rising: boolean;
}

export interface Curve {
  /** Places on the slider, 0 to 1, and the metric there; null where no structure holds. */
  points: [number, number | null][];
}

export interface Scene {
  page: ExploreDocument;
  state: State;
  controls: Control[];
  models: ModelScene[];
  chosen: Chosen;
  device: DeviceFacts | undefined;
  /** The chosen metric, or mult-adds where the device has no time. */
  metric: Metric;
  glance: Glance;
  /** Totals and times of a model elsewhere: for curves and published settings. */
  headlineAt(model: number, setting: Setting): Headline | null;
  change(what: (state: State) => void): void;
  /** Look at something else: it changes what one view shows, by its name, and no other. */
  look(view: string, what: (glance: Glance) => void): void;
}

export type View = (scene: Scene, width: number) => Children[];
