// What is wrong with the link or the setting, above everything else.

import { commandFor } from "../command";
import type { ExploreDocument } from "../document";
import { type Children, h } from "../dom";
import type { Scene } from "../scene";
import type { State } from "../state";

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
      h(
        "p",
        {},
        "At this setting ",
        h("bdi", {}, broken.map((one) => one.title).join(", ")),
        " has another structure than in this page, or is not valid. This command shows it:",
      ),
      h("pre", { class: "code" }, commandFor(page, state)),
    ),
  ];
}
