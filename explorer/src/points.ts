// The points of a picture as a list: one stop of the Tab key, in which arrow keys go from point to
// point, and Enter does what a click does.

import { type Item, s } from "./dom";
import type { Scene } from "./scene";

export interface PicturePoint {
  /** Of its circle. */
  attributes: { [name: string]: string | number };
  /** What it is called; a tip can say more. */
  words: string;
  tip: string;
  /** Whether it is what the page is about now. */
  isSelected: boolean;
  go: () => void;
}

/** How far a key goes; to one of the ends where it is infinite. */
const STEPS: Record<string, number | undefined> = {
  ArrowRight: 1,
  ArrowDown: 1,
  ArrowLeft: -1,
  ArrowUp: -1,
  PageDown: 10,
  PageUp: -10,
  Home: -Infinity,
  End: Infinity,
};

/** Points of a view, in the order in which keys go. */
export function pointList(
  scene: Scene,
  view: string,
  label: string,
  points: readonly PicturePoint[],
): Item {
  const last = points.length - 1;
  const selected = points.findIndex((one) => one.isSelected);
  const now = (): number =>
    Math.min(scene.glance.active.get(view) ?? Math.max(selected, 0), last);
  const active = now();
  const idOf = (index: number): string => `${view}-point-${index}`;
  const move = (to: number): void =>
    scene.look(view, (glance) => glance.active.set(view, Math.min(Math.max(to, 0), last)));
  return s(
    "g",
    {
      class: "points",
      role: "listbox",
      tabindex: 0,
      "aria-label": label,
      "aria-activedescendant": points.length ? idOf(active) : null,
      on: {
        keydown: (event: KeyboardEvent) => {
          const step = STEPS[event.key];
          if (step !== undefined) move(now() + step);
          else if (event.key === "Enter" || event.key === " ") points[now()]?.go();
          else return;
          event.preventDefault();
        },
      },
    },
    points.map(({ attributes, words, tip, isSelected, go }, index) =>
      s("circle", {
        ...attributes,
        class: index === active ? "point active" : "point",
        id: idOf(index),
        role: "option",
        "aria-selected": String(isSelected),
        "aria-label": words,
        "data-tip": tip,
        on: {
          click: () => {
            move(index);
            go();
          },
        },
      }),
    ),
  );
}
