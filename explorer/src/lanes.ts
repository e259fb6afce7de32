// The graph beside the rows, as `git log --graph` draws it: each row has a dot in a lane, and a
// tensor keeps its lane until the last row that reads it. So a line is a tensor that is alive,
// and no line runs through a dot that does not read it.

import { type Block, isOpen } from "./tree";

export interface Lane {
  /** The lane of the row's dot; none where the row is open, since its children have dots. */
  dot: number | null;
  /** Lanes of tensors that run past the row, from its top to its bottom. */
  past: number[];
  /** Lanes of tensors that arrive at the dot from the row above. */
  arriving: number[];
  /** Whether the row reads an input of the network. */
  fromOutside: boolean;
  /** Pairs of lanes: a tensor leaves `from` in the lower half, since the next row reads it. */
  leaving: { from: number; to: number }[];
  /** Lanes of tensors that run from the top to the middle, where they leave for the last time. */
  ending: number[];
  /** Whether the row's own tensor goes on downwards, in the lane of its dot. */
  goesOn: boolean;
}

export interface Lanes {
  rows: Lane[];
  /** How many lanes there are. */
  width: number;
}

/** The lanes of rows; `inputs` has the layers that each layer reads, negative for outside. */
export function lanesOf(
  rows: readonly Block[],
  open: ReadonlySet<string>,
  inputs: readonly (readonly number[])[],
): Lanes {
  const reads = readsOf(rows, open, inputs);
  const lastReader = new Array<number>(rows.length).fill(-1);
  reads.forEach((sources, row) => {
    for (const source of sources) if (source >= 0) lastReader[source] = row;
  });
  const lanes = rows.map(
    (): Lane => ({
      dot: null,
      past: [],
      arriving: [],
      fromOutside: false,
      leaving: [],
      ending: [],
      goesOn: false,
    }),
  );
  const holder: (number | null)[] = []; // which row's tensor is in each lane
  let width = 1;
  rows.forEach((row, at) => {
    if (isOpen(row, open)) {
      holder.forEach((source, lane) => source != null && lanes[at].past.push(lane));
      return;
    }
    const here = lanes[at];
    const read = new Set(reads[at].filter((source) => source >= 0));
    here.fromOutside = reads[at].some((source) => source < 0);
    let own: number | null = null;
    holder.forEach((source, lane) => {
      if (source == null) return;
      const stays = lastReader[source] > at;
      if (stays) here.past.push(lane);
      if (read.has(source)) here.arriving.push(lane);
      if (!stays) {
        holder[lane] = null;
        own ??= lane;
      }
    });
    own ??= firstFree(holder);
    here.dot = own;
    here.goesOn = lastReader[at] > at;
    holder[own] = here.goesOn ? at : null;
    width = Math.max(width, own + 1);
  });
  leaveAbove(lanes);
  return { rows: lanes, width };
}

/** A line to another lane starts in the middle of the row above. */
function leaveAbove(lanes: Lane[]): void {
  lanes.forEach((here, at) => {
    if (here.dot == null || at === 0) return;
    const above = lanes[at - 1];
    for (const lane of here.arriving) {
      if (lane === here.dot) continue;
      above.leaving.push({ from: lane, to: here.dot });
      if (!here.past.includes(lane) && above.past.includes(lane)) {
        above.past = above.past.filter((other) => other !== lane);
        above.ending.push(lane);
      } else if (!here.past.includes(lane) && above.dot === lane) {
        above.goesOn = false;
      }
    }
  });
}

function firstFree(holder: readonly (number | null)[]): number {
  const free = holder.findIndex((source) => source == null);
  return free < 0 ? holder.length : free;
}

/** For each row the rows that it reads, -1 for an input of the network. */
function readsOf(
  rows: readonly Block[],
  open: ReadonlySet<string>,
  inputs: readonly (readonly number[])[],
): number[][] {
  const rowOf = new Map<number, number>();
  rows.forEach((row, at) => {
    if (!isOpen(row, open)) for (const layer of row.layers) rowOf.set(layer, at);
  });
  return rows.map((row, at) => {
    if (isOpen(row, open)) return [];
    const found = new Set<number>();
    for (const layer of row.layers) {
      for (const source of inputs[layer]) {
        const from = source < 0 ? -1 : (rowOf.get(source) ?? -1);
        if (from < at) found.add(from);
      }
    }
    return [...found];
  });
}

/** The lines of one row as a path: `x` places lanes, the row is `height` high. */
export function pathOf(lane: Lane, x: (lane: number) => number, height: number): string {
  const middle = height / 2;
  const bend = height * 0.28; // where a line starts to turn, from the middle
  const pieces: string[] = [];
  for (const one of lane.past) pieces.push(`M${x(one)},0V${height}`);
  for (const one of lane.ending) pieces.push(`M${x(one)},0V${middle}`);
  if (lane.dot != null) {
    const at = x(lane.dot);
    if (lane.fromOutside && !lane.arriving.includes(lane.dot)) pieces.push(`M${at},3V${middle}`);
    for (const one of lane.arriving) {
      if (one === lane.dot) pieces.push(`M${at},0V${middle}`);
      else pieces.push(`M${(x(one) + at) / 2},0Q${at},${middle - bend} ${at},${middle}`);
    }
    if (lane.goesOn) pieces.push(`M${at},${middle}V${height}`);
  }
  for (const { from, to } of lane.leaving) {
    const between = (x(from) + x(to)) / 2;
    pieces.push(`M${x(from)},${middle}Q${x(from)},${middle + bend} ${between},${height}`);
  }
  return pieces.join("");
}
