// The title, what is looked at, and the tools of the page: link, colours, print.

import { type Children, h, type Item } from "../dom";
import { setting } from "../numbers";
import type { Scene } from "../scene";
import { controlsOf, valueOf } from "../state";

export interface Tools {
  copyLink: () => void;
  toggleTheme: () => void;
}

export function header(scene: Scene, tools: Tools, said: string): (Item | null)[] {
  const { page, chosen } = scene;
  const titles = page.models.map((one) => one.title);
  return [
    h(
      "h1",
      {},
      titles.map((title, i) => [
        i ? h("span", { class: "versus" }, " vs ") : null,
        h("bdi", {}, title),
      ]),
    ),
    h("p", { class: "where" }, sourceOf(scene), settingsOf(scene)),
    h(
      "div",
      { class: "tools" },
      h("span", { class: "said", role: "status" }, said),
      h("button", { type: "button", on: { click: tools.copyLink } }, "Copy link"),
      h(
        "button",
        {
          type: "button",
          "aria-label": "Switch between light and dark",
          on: { click: tools.toggleTheme },
        },
        h("span", { "aria-hidden": "true" }, "◐"),
      ),
    ),
    titles.length > 1 ? modelChoice(scene, chosen.index) : null,
  ];
}

function sourceOf({ page }: Scene): Children {
  const source = page.models.length === 1 ? page.models[0].source : "compared at the same settings";
  return source ? [h("bdi", {}, source), " · "] : null;
}

/** The settings in words, for print and for a first look. */
function settingsOf(scene: Scene): string {
  const knobs = controlsOf(scene.page)
    .filter((knob) => knob.of === "network" || valueOf(scene.state, knob) !== knob.default)
    .map((knob) => `${knob.name} ${setting(valueOf(scene.state, knob))}`);
  return [...knobs, scene.state.precision].join(" · ");
}

function modelChoice(scene: Scene, chosen: number): Item {
  return h(
    "div",
    { class: "segments", role: "group", "aria-label": "Network of the cards and pictures" },
    scene.page.models.map((model, index) =>
      h(
        "button",
        {
          type: "button",
          "aria-pressed": String(index === chosen),
          on: { click: () => scene.change((state) => (state.model = index)) },
        },
        h("bdi", {}, model.title),
      ),
    ),
  );
}
