// The title, what is looked at, and the tools of the page: link, colours, print.

import { type Control, grouped, ownersWords } from "../controls";
import { type Children, h, type Item } from "../dom";
import { setting } from "../numbers";
import type { Scene } from "../scene";
import { defaultsOf, valueOf } from "../state";

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
  const [{ source }, ...others] = page.models;
  return source && !others.length ? [h("bdi", {}, source), " · "] : null;
}

/** The settings in words, for print and for a first look. */
function settingsOf(scene: Scene): Children {
  const shown = scene.controls.filter(
    (knob) => knob.of === "network" || valueOf(scene.state, knob) !== knob.default,
  );
  const words = (all: readonly Control[]): string[] =>
    all.map((knob) => `${knob.name} ${valueWords(scene, knob)}`);
  const count = scene.page.models.length;
  const shared = shown.filter((knob) => knob.owners.length === count);
  const own = grouped(shown.filter((knob) => knob.owners.length < count));
  return [
    count > 1 ? "At " : null,
    [...words(shared), scene.state.precision].join(" · "),
    own.map(({ owners, of }) => [
      "; ",
      h("bdi", {}, ownersWords(scene.page, owners)),
      ` at ${words(of).join(" · ")}`,
    ]),
  ];
}

/** Its value; each default of its own where networks have different ones and none was chosen. */
function valueWords({ page, state }: Scene, knob: Control): string {
  if (Object.hasOwn(state.values, knob.name)) return setting(state.values[knob.name]);
  return defaultsOf(page, knob.name).map(setting).join(" / ");
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
