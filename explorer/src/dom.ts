// Elements of the page, described as plain data and brought into the document in place.
// Texts become text nodes and values become attributes, so no text can become markup: nothing
// here reads HTML. Descriptions load in Node, too, where tests look at them.

export type Attribute = string | number | boolean | null | undefined;
export type Handlers = { [event: string]: (event: any) => void };

export interface Attributes {
  /** Which element this was before, among its siblings, whatever its place was. */
  key?: string;
  /** Properties of CSS, set by script, since the policy of the page forbids them in markup. */
  style?: { [property: string]: string | number | null };
  on?: Handlers;
  [name: string]: Attribute | { [property: string]: string | number | null } | Handlers;
}

export interface Item {
  readonly tag: string;
  readonly svg: boolean;
  readonly attributes: Attributes;
  readonly children: readonly Child[];
}

export type Child = Item | string;
export type Children = Child | number | null | undefined | false | readonly Children[];

/** A description of an HTML element. */
export function h(tag: string, attributes: Attributes = {}, ...children: Children[]): Item {
  return { tag, svg: false, attributes, children: flat(children) };
}

/** A description of an SVG element. */
export function s(tag: string, attributes: Attributes = {}, ...children: Children[]): Item {
  return { tag, svg: true, attributes, children: flat(children) };
}

function flat(children: readonly Children[]): Child[] {
  const found: Child[] = [];
  const add = (child: Children): void => {
    if (child == null || child === false) return;
    if (Array.isArray(child)) child.forEach(add);
    else if (typeof child === "object") found.push(child as Item);
    else if (typeof found[found.length - 1] === "string") found.push(found.pop() + String(child));
    else found.push(String(child));
  };
  children.forEach(add);
  return found;
}

/** All text of a description, for tests and for labels. */
export function textOf(child: Child): string {
  return typeof child === "string" ? child : child.children.map(textOf).join("");
}

const SVG = "http://www.w3.org/2000/svg";

/** What an element looks like now; kept here, since reading the document is slow. */
interface Shown {
  item: Item;
  nodes: Node[];
  handlers: Handlers;
  /** Events that have a listener, which stays where a handler goes. */
  heard: Set<string>;
}

const shown = new WeakMap<Node, Shown>();

/** Make the children of `parent` what is described, with as few changes as that takes. */
export function patch(parent: Element, children: readonly Children[]): void {
  const wanted = flat(children);
  const before = shown.get(parent);
  const nodes = arrange(parent, before?.nodes ?? [...parent.childNodes], wanted);
  if (before) before.nodes = nodes;
  else shown.set(parent, { item: h("div"), nodes, handlers: {}, heard: new Set() });
}

function arrange(parent: Node, old: Node[], wanted: readonly Child[]): Node[] {
  const byKey = new Map<string, Node>();
  for (const node of old) {
    const key = shown.get(node)?.item.attributes.key;
    if (key !== undefined) byKey.set(key, node);
  }
  const free = byKey.size ? old.filter((n) => !shown.get(n)?.item.attributes.key) : old;
  const kept = new Set<Node>();
  let next = 0;
  const nodes = wanted.map((child) => {
    const key = typeof child === "string" ? undefined : child.attributes.key;
    const candidate = key === undefined ? free[next++] : byKey.get(key);
    const node = candidate && !kept.has(candidate) && fits(candidate, child) ? candidate : null;
    const used = node ? update(node, child) : create(child);
    kept.add(used);
    return used;
  });
  for (const node of old) if (!kept.has(node)) (node as ChildNode).remove();
  let place: Node | null = parent.firstChild;
  for (const node of nodes) {
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
  }
  return nodes;
}

function fits(node: Node, child: Child): boolean {
  if (typeof child === "string") return node.nodeType === 3;
  const item = shown.get(node)?.item;
  return item !== undefined && item.tag === child.tag && item.svg === child.svg;
}

function update(node: Node, child: Child): Node {
  if (typeof child === "string") {
    if (node.nodeValue !== child) node.nodeValue = child;
    return node;
  }
  const state = shown.get(node)!;
  if (state.item === child) return node;
  setAttributes(node as Element, state.item.attributes, child.attributes, state);
  const after = child.children;
  if (after.length === 1 && typeof after[0] === "string" && state.nodes.length === 1) {
    const only = state.nodes[0];
    if (only.nodeType === 3) {
      if (only.nodeValue !== after[0]) only.nodeValue = after[0];
      state.item = child;
      return node;
    }
  }
  state.nodes = arrange(node, state.nodes, after);
  state.item = child;
  return node;
}

function create(child: Child): Node {
  if (typeof child === "string") return document.createTextNode(child);
  const element = child.svg
    ? document.createElementNS(SVG, child.tag)
    : document.createElement(child.tag);
  const state: Shown = { item: child, nodes: [], handlers: {}, heard: new Set() };
  shown.set(element, state);
  state.nodes = child.children.map(create);
  for (const node of state.nodes) element.appendChild(node);
  // Last, since a select takes a value of its options.
  setAttributes(element, {}, child.attributes, state);
  return element;
}

/** Attributes that the user changes; the document's property counts, not the attribute. */
const LIVE = new Set(["value", "checked", "open"]);

function setAttributes(node: Element, old: Attributes, next: Attributes, state: Shown): void {
  for (const name in old) {
    if (!(name in next)) setAttribute(node, name, old[name], null, state);
  }
  for (const name in next) setAttribute(node, name, old[name], next[name], state);
}

function setAttribute(
  node: Element,
  name: string,
  old: Attributes[string],
  next: Attributes[string],
  state: Shown,
): void {
  if (name === "key") return;
  if (name === "style") {
    setStyle(node as HTMLElement, (old ?? {}) as Style, (next ?? {}) as Style);
  } else if (name === "on") {
    listen(node, (next ?? {}) as Handlers, state);
  } else if (LIVE.has(name)) {
    const properties = node as unknown as Record<string, unknown>;
    const value = name === "value" ? String(next ?? "") : Boolean(next);
    if (properties[name] !== value) properties[name] = value;
  } else if (next !== old) {
    if (next == null || next === false) node.removeAttribute(name);
    else node.setAttribute(name, next === true ? "" : String(next));
  }
}

type Style = { [property: string]: string | number | null };

function setStyle(node: HTMLElement, old: Style, next: Style): void {
  for (const property in old) {
    if (next[property] == null) node.style.removeProperty(property);
  }
  for (const property in next) {
    const value = next[property];
    if (value != null && value !== old[property]) node.style.setProperty(property, String(value));
  }
}

/** One listener for each event of a node, which calls the newest handler. */
function listen(node: Element, next: Handlers, state: Shown): void {
  for (const event in next) {
    if (!state.heard.has(event)) {
      state.heard.add(event);
      node.addEventListener(event, (occurred) => state.handlers[event]?.(occurred));
    }
  }
  state.handlers = next;
}
