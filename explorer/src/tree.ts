// Layers as blocks that open: a tree made of their dotted names, and the rows that are shown of it.
// Not here: the lanes beside the rows (lanes.ts), and what rows cost.

export interface Block {
  /** The dotted name, which says where in the network it is. */
  path: string;
  /** What its row says: the last part of the name, or the parts of a chain of blocks. */
  label: string;
  depth: number;
  /** Blocks and layers in it; none for a layer. */
  children: Block[];
  /** Indices of its layers, in the order in which they run. */
  layers: number[];
  /** How many copies it is, where its children are called 1, 2, 3 ...; otherwise 1. */
  copies: number;
}

/** The top of a network as a block without a name, made of the names of all layers. */
export function blocksOf(names: readonly string[]): Block {
  const top = block("", "", -1);
  const byPath = new Map<string, Block>();
  names.forEach((name, layer) => {
    let parent = top;
    let path = "";
    top.layers.push(layer);
    for (const part of name.split(".")) {
      path = path ? `${path}.${part}` : part;
      let child = byPath.get(path);
      if (!child) {
        child = block(path, part, parent.depth + 1);
        byPath.set(path, child);
        parent.children.push(child);
      }
      child.layers.push(layer);
      parent = child;
    }
  });
  top.children = top.children.map(joinChains);
  number(top, -1);
  return top;
}

function block(path: string, label: string, depth: number): Block {
  return { path, label, depth, children: [], layers: [], copies: 1 };
}

/** A block that holds one thing alone is that thing: `a` with only `b` in it is `a.b`. */
function joinChains(one: Block): Block {
  let here = one;
  let label = one.label;
  while (here.children.length === 1) {
    here = here.children[0];
    label = `${label}.${here.label}`;
  }
  const children = here.children.map(joinChains);
  const areCopies = children.length > 1 && children.every((c, i) => isCopy(c.label, i + 1));
  return { ...here, label, children, copies: areCopies ? children.length : 1 };
}

function isCopy(label: string, index: number): boolean {
  return label === String(index) || label.startsWith(`${index}.`);
}

function number(one: Block, depth: number): void {
  one.depth = depth;
  for (const child of one.children) number(child, depth + 1);
}

/** Blocks and layers that have a row, from top to bottom, where the blocks of `open` are open. */
export function rowsOf(top: Block, open: ReadonlySet<string>): Block[] {
  const rows: Block[] = [];
  const walk = (parent: Block): void => {
    for (const child of parent.children) {
      rows.push(child);
      if (child.children.length && open.has(child.path)) walk(child);
    }
  };
  walk(top);
  return rows;
}

/** Whether a row shows its children below it, so that its costs are theirs. */
export function isOpen(one: Block, open: ReadonlySet<string>): boolean {
  return one.children.length > 0 && open.has(one.path);
}

/** Names of all blocks that can be opened. */
export function openable(top: Block): string[] {
  return top.children.flatMap((child) =>
    child.children.length ? [child.path, ...openable(child)] : [],
  );
}

/** The block or layer with this name. */
export function find(top: Block, path: string): Block | undefined {
  for (const child of top.children) {
    if (child.path === path) return child;
    const found = path.startsWith(`${child.path}.`) && find(child, path);
    if (found) return found;
  }
  return undefined;
}
