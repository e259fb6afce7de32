// Pieces that several views are made of: sections, tables below pictures, legends.

import { type Children, h, type Item } from "./dom";
import type { Legend } from "./picture";
import type { Scene } from "./scene";

export type Cell = string | { text: string; class?: string; tip?: string };

export interface Column {
  title: Children;
  /** Texts are at the left, numbers at the right. */
  isText?: boolean;
  tip?: string;
  /** Left out where the window is narrow. */
  isWide?: boolean;
}

const classOf = ({ isText, isWide }: Column): string =>
  [isText ? "" : "num", isWide ? "wide" : ""].filter(Boolean).join(" ");

/** A name, of a device or a layer, that breaks between its words where there is little room. */
export function named(name: string): Item {
  const words = name.split(/(?<=[_.])/);
  return h(
    "bdi",
    {},
    words.map((word, i) => [i ? h("wbr") : null, word]),
  );
}

/** A table with a heading for each row. */
export function table(caption: string, columns: Column[], rows: Cell[][]): Item {
  return h(
    "table",
    { class: "plain" },
    h("caption", { class: "unseen" }, caption),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        columns.map((one) =>
          h("th", { scope: "col", class: classOf(one), "data-tip": one.tip }, one.title),
        ),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row) =>
        h(
          "tr",
          {},
          row.map((cell, i) => cellOf(cell, columns[i], i)),
        ),
      ),
    ),
  );
}

function cellOf(cell: Cell, column: Column, index: number): Item {
  const {
    text,
    class: name = "",
    tip = undefined,
  } = typeof cell === "string" ? { text: cell } : cell;
  const classes = [name, classOf(column)].filter(Boolean).join(" ");
  if (index === 0)
    return h("th", { scope: "row", class: classes, "data-tip": tip }, h("bdi", {}, text));
  return h("td", { class: classes, "data-tip": tip }, column.isText ? h("bdi", {}, text) : text);
}

/** A part of the page that scrolls sideways by itself, so that the page never does. */
export function scrolling(label: string, ...children: Children[]): Item {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, children);
}

/** The table of a view, closed at first and made when it is opened. */
export function tableBelow(scene: Scene, view: string, title: string, make: () => Children): Item {
  const isOpen = scene.glance.tables.has(view);
  return h(
    "details",
    {
      open: isOpen,
      on: {
        toggle: (event) => {
          const opened = (event.target as HTMLDetailsElement).open;
          if (opened === scene.glance.tables.has(view)) return;
          scene.look(view, ({ tables }) => (opened ? tables.add(view) : tables.delete(view)));
        },
      },
    },
    h("summary", {}, title),
    isOpen ? make() : null,
  );
}

export function legend(entries: Legend[]): Item {
  return h(
    "div",
    { class: "legend" },
    entries.map(({ color, text, hollow }) =>
      h(
        "span",
        {},
        h("i", {
          class: hollow ? "hollow" : "",
          style: { "--swatch": color },
        }),
        h("bdi", {}, text),
      ),
    ),
  );
}

/** The heading of a section and the sentence below it. */
export function heading(title: string, sentence: Children = null): Item[] {
  return [h("h2", {}, title), h("p", { class: "sub" }, sentence)];
}

export const note = (...text: Children[]): Item => h("p", { class: "note" }, text);
