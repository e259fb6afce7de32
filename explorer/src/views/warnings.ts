// What is wrong with the link or the setting, above everything else.

import { commandFor } from "../command";
import { isInRange } from "../controls";
import type { ExploreDocument, Knob, ModelDocument } from "../document";
import { type Children, h } from "../dom";
import { setting } from "../numbers";
import type { Scene } from "../scene";
import { settingOf, type State } from "../state";

/** Sentences about a link, and the command for a setting that the page does not have. */
export function warnings(
  page: ExploreDocument,
  state: State,
  scene: Scene | null,
  ignored: readonly string[],
): Children[] {
  const items = ignored.map((one) => h("p", { class: "warning" }, h("bdi", {}, one)));
  const broken = scene
    ? scene.models.filter((one) => !one.numbers).map((one) => one.model)
    : page.models;
  if (!broken.length) return items;
  return [
    ...items,
    h(
      "div",
      { class: "warning", role: "alert" },
      broken.map((model) => h("p", {}, whyNot(page, state, model))),
      h("p", {}, "This command shows it:"),
      h("pre", { class: "code" }, commandFor(page, state)),
    ),
  ];
}

/** Which knobs are out of the network's range here; else it can be anything. */
function whyNot(page: ExploreDocument, state: State, model: ModelDocument): Children {
  const now = settingOf(page, state, page.models.indexOf(model));
  const outside = model.knobs.filter((knob) => !isInRange(knob, now[knob.name]));
  const name = h("bdi", {}, model.title);
  if (!outside.length) {
    return [
      "At this setting ",
      name,
      " has another structure than in this page, or is not valid.",
    ];
  }
  const words = outside.map((knob) => `${knob.name} ${setting(now[knob.name])} ${rangeOf(knob)}`);
  return ["Out of the range of ", name, ` here: ${words.join(", ")}.`];
}

function rangeOf(knob: Knob): string {
  if (knob.control === "slider") return `(of ${setting(knob.min)} to ${setting(knob.max)})`;
  return knob.control === "select" ? `(of ${knob.values.map(setting).join(", ")})` : "";
}
