// Blocks of compared networks side by side: those of equal names, and between them by order.

import type { Structure } from "./document";
import { topOf } from "./rows";
import { type Block, isOpen, openable } from "./tree";

/** One row: a block or layer of each network, null where one has none there. */
export interface Pair {
  members: (Block | null)[];
  depth: number;
}

let kept: { structures: (Structure | null)[]; key: string; pairs: Pair[] } | null = null;

/** The rows of some networks; a row is open where one of its blocks is. */
export function pairsOf(structures: (Structure | null)[], open: ReadonlySet<string>): Pair[] {
  const key = [...open].join("\n");
  const isSame = kept?.key === key && kept.structures.every((one, i) => one === structures[i]);
  if (kept && isSame) return kept.pairs;
  const pairs: Pair[] = [];
  const walk = (parents: readonly (Block | null)[], depth: number): void => {
    for (const members of matched(parents.map((one) => one?.children ?? []))) {
      pairs.push({ members, depth });
      if (isPairOpen(members, open)) walk(members, depth + 1);
    }
  };
  walk(
    structures.map((one) => one && topOf(one)),
    0,
  );
  kept = { structures, key, pairs };
  return pairs;
}

/** All layers side by side, by index; null where a network has none. */
export function layerPairs(structures: (Structure | null)[]): (number | null)[][] {
  const all = new Set(structures.flatMap((one) => (one ? openable(topOf(one)) : [])));
  return pairsOf(structures, all)
    .map(({ members }) => members.map((one) => (one?.children.length === 0 ? one.layers[0] : null)))
    .filter((pair) => pair.some((layer) => layer !== null));
}

/** Whether something of a row is not shown by rows below it: such rows can be sorted. */
export const isOwn = (members: readonly (Block | null)[], open: ReadonlySet<string>): boolean =>
  members.some((one) => one !== null && !isOpen(one, open));

export const isPairOpen = (
  members: readonly (Block | null)[],
  open: ReadonlySet<string>,
): boolean => members.some((one) => one !== null && isOpen(one, open));

/** Lists of blocks as rows of one of each: of equal names, and between those by order, a block
 * beside a block and a layer beside a layer. */
export function matched(lists: readonly (readonly Block[])[]): (Block | null)[][] {
  let rows = lists[0].map((one): (Block | null)[] => [one]);
  lists.slice(1).forEach((list, i) => {
    const empty = new Array<null>(i + 1).fill(null);
    rows = merged(rows, list, (one) => one.label, (between, others) =>
      merged(between, others, (one) => String(one.children.length > 0), (left, more) => [
        ...left.map((row) => [...row, null]),
        ...more.map((one) => [...empty, one]),
      ]),
    );
  });
  return rows;
}

/** Rows with one more member: items whose key is that of a row; `rest` has those between. */
function merged(
  rows: (Block | null)[][],
  items: readonly Block[],
  keyOf: (one: Block) => string,
  rest: (rows: (Block | null)[][], items: readonly Block[]) => (Block | null)[][],
): (Block | null)[][] {
  const places = equalNames(
    rows.map((row) => keyOf(row.find((one) => one !== null)!)),
    items.map(keyOf),
  );
  const found: (Block | null)[][] = [];
  let [row, item] = [0, 0];
  for (const [nextRow, nextItem] of places) {
    found.push(...rest(rows.slice(row, nextRow), items.slice(item, nextItem)));
    found.push([...rows[nextRow], items[nextItem]]);
    [row, item] = [nextRow + 1, nextItem + 1];
  }
  return [...found, ...rest(rows.slice(row), items.slice(item))];
}

/** Places of equal names in both lists, rising in both: as many as there can be. */
function equalNames(a: readonly string[], b: readonly string[]): [number, number][] {
  const width = b.length + 1;
  const most = new Uint32Array((a.length + 1) * width); // of what follows both places
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      most[i * width + j] =
        a[i] === b[j]
          ? most[(i + 1) * width + j + 1] + 1
          : Math.max(most[(i + 1) * width + j], most[i * width + j + 1]);
    }
  }
  const found: [number, number][] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    if (a[i] === b[j]) found.push([i++, j++]);
    else if (most[(i + 1) * width + j] >= most[i * width + j + 1]) i += 1;
    else j += 1;
  }
  return found;
}
