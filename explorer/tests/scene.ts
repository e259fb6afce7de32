// A scene of the test document, for tests of views: views are functions, so no browser is needed.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Columns, totalOf } from "../src/amounts";
import { controlsOf } from "../src/controls";
import { costsOf } from "../src/costs";
import { type ExploreDocument, readDocument } from "../src/document";
import { type Child, type Children, h, type Item } from "../src/dom";
import { topOf } from "../src/rows";
import type { Scene } from "../src/scene";
import { initialState, settingOf, type State } from "../src/state";

export function document(): ExploreDocument {
  return readDocument(readFileSync(join(process.cwd(), "tests/data/mobilenet_v1.json"), "utf8"));
}

/** A scene of the document at a state; what is not given is as at first. */
export function sceneOf(changes: Partial<State> = {}, page = document()): Scene {
  const state = { ...initialState(page), ...changes };
  const costs = costsOf(page);
  const models = page.models.map((model, index) => {
    const setting = settingOf(page, state, index);
    const numbers = costs[index].numbers(setting, state.precision);
    return { index, model, setting, numbers, defaults: numbers };
  });
  const numbers = models[state.model].numbers!;
  const hasTime = totalOf(numbers, state.metric, state.device) != null;
  return {
    page,
    state,
    controls: controlsOf(page),
    models,
    chosen: {
      ...models[state.model],
      numbers,
      columns: new Columns(numbers, state.device),
      blocks: topOf(numbers.structure),
    },
    device: page.devices[state.device],
    metric: state.metric === "time" && !hasTime ? "mult_adds" : state.metric,
    glance: {
      step: null,
      level: null,
      active: new Map(),
      pairSort: null,
      tables: new Set(),
      sight: { first: 0, last: 99 },
      curves: new Map(),
    },
    headlineAt: (index, setting) => costs[index].headline(setting, state.precision),
    change: (what) => what(state),
    look: () => undefined,
  };
}

/** All elements of a description that `is` holds for. */
export function all(items: Children, is: (item: Item) => boolean): Item[] {
  const found: Item[] = [];
  const walk = (child: Child): void => {
    if (typeof child === "string") return;
    if (is(child)) found.push(child);
    child.children.forEach(walk);
  };
  h("div", {}, items).children.forEach(walk);
  return found;
}
