// The rows of the layer table: which there are, in which order, with their costs and lanes.
// What depends on the structure alone is kept, so that a slider only adds up numbers.

import { type Amounts } from "./amounts";
import type { Structure } from "./document";
import { type Lanes, lanesOf, pathOf } from "./lanes";
import type { Scene } from "./scene";
import type { Sort } from "./state";
import { type Block, blocksOf, isOpen, openable, rowsOf } from "./tree";

export interface Outline {
  top: Block;
  rows: Block[];
  lanes: Lanes;
  /** Distance between lanes, and how wide all of them are. */
  step: number;
  laneWidth: number;
  /** The lines of each row. */
  paths: string[];
}

export const ROW_HEIGHT = 28;
const LANE_STEP = 14;
const LANE_MARGIN = 9;

const tops = new WeakMap<Structure, Block>();

/** The blocks of a structure. */
export function topOf(structure: Structure): Block {
  let top = tops.get(structure);
  if (!top) {
    top = blocksOf(structure.layers.name);
    if (top.children.length === 1 && top.children[0].children.length) {
      // One block around everything says nothing: it is open from the start.
      top = { ...top.children[0], path: "" };
    }
    tops.set(structure, top);
  }
  return top;
}

type Call = Structure["calls"][number];

const callsOf = new WeakMap<Structure, Map<string, Call>>();

/** The call in the spec that a block comes from; for copies, the one of the first. */
export function callOf(structure: Structure, block: Block): Call | undefined {
  let calls = callsOf.get(structure);
  if (!calls) {
    calls = new Map(structure.calls.map((call) => [call.path, call]));
    callsOf.set(structure, calls);
  }
  return calls.get(block.path) ?? calls.get(`${block.path}.1`);
}

/** How many layers of the network some of its rows are: in a large one a row stands for many. */
export function layerCount({ layers }: Structure, rows: readonly number[]): number {
  return rows.reduce((sum, row) => sum + layers.count[row], 0);
}

let kept: { structure: Structure; key: string; room: number; outline: Outline } | null = null;

/** Rows and lanes; `room` is the most pixels that lanes may take. */
export function outlineOf(structure: Structure, open: ReadonlySet<string>, room: number): Outline {
  const key = [...open].join("\n");
  if (kept && kept.structure === structure && kept.key === key && kept.room === room) {
    return kept.outline;
  }
  const top = topOf(structure);
  const rows = rowsOf(top, open);
  const lanes = lanesOf(rows, open, structure.layers.inputs);
  const gaps = Math.max(lanes.width - 1, 1);
  const step = Math.min(LANE_STEP, Math.max((room - 2 * LANE_MARGIN) / gaps, 2));
  const outline: Outline = {
    top,
    rows,
    lanes,
    step,
    laneWidth: Math.ceil((lanes.width - 1) * step + 2 * LANE_MARGIN),
    paths: lanes.rows.map((lane) => pathOf(lane, (one) => LANE_MARGIN + one * step, ROW_HEIGHT)),
  };
  kept = { structure, key, room, outline };
  return outline;
}

export const laneX = (outline: Outline, lane: number): number => LANE_MARGIN + lane * outline.step;

/** Paths of all blocks that can be open at the chosen structure. */
export const allOpenable = (scene: Scene): string[] => openable(scene.chosen.blocks);

/** Which rows are shown, by index: all in their order, or those that are not open, sorted. */
export function orderOf(
  rows: readonly Block[],
  amounts: readonly Amounts[],
  open: ReadonlySet<string>,
  sort: Sort | null,
): number[] {
  const all = rows.map((_, index) => index);
  if (!sort) return all;
  const direction = sort.rising ? 1 : -1;
  const value = (index: number): number => amounts[index][sort.by] ?? -1; // unknown is last
  return all
    .filter((index) => !isOpen(rows[index], open))
    .sort((a, b) => {
      if (value(a) < 0 || value(b) < 0) return value(b) - value(a) || a - b;
      return direction * (value(a) - value(b)) || a - b;
    });
}

/** The block that takes longest, or has most of the metric: what the details start with. */
export function heaviest(
  rows: readonly Block[],
  amounts: readonly Amounts[],
  open: ReadonlySet<string>,
  metric: Sort["by"],
): Block | undefined {
  let best: Block | undefined;
  let most = -1;
  rows.forEach((row, index) => {
    const value = amounts[index][metric] ?? -1;
    if (!isOpen(row, open) && value > most) {
      best = row;
      most = value;
    }
  });
  return best ?? rows[0];
}
