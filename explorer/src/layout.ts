// The frame of the page: places of all views, with their headings from the first frame on. Views
// fill them, and bring headings to what they are about.

import type { ExploreDocument } from "./document";
import { type Children, h, type Item, patch } from "./dom";
import { heading } from "./parts";

/** Of more devices, only the chosen one has a whole card. */
const MOST_WHOLE = 10;

/** Build it, once. */
export function buildLayout(root: HTMLElement, page: ExploreDocument): void {
  const skip = (): void => document.getElementById("table")!.focus();
  const isCompared = page.models.length > 1;
  patch(root, [
    h("button", { type: "button", class: "skip", on: { click: skip } }, "Skip to the layers"),
    h("header", { id: "top" }),
    h("div", { id: "said" }),
    h("fieldset", {
      id: "cards",
      class: page.devices.length > MOST_WHOLE ? "short" : "",
      style: { "--count": page.devices.length },
    }),
    h("dl", { id: "totals" }),
    h("div", { id: "answer", class: "unseen", role: "status" }),
    h("div", { id: "sliders", role: "group", "aria-label": "Knobs" }),
    h(
      "div",
      { id: "content" },
      isCompared ? section("comparison", "Comparison") : null,
      h("div", { class: "two" }, section("shares", "Shares"), section("accuracy", "Accuracy")),
      h(
        "section",
        { id: "blocks", "aria-label": "Blocks and layers" },
        h("div", { id: "table-head" }, heading("Blocks and layers")),
        h(
          "div",
          { class: "beside" },
          region("table", "Layers", { class: "scroll" }),
          region("details", "Details"),
        ),
      ),
      isCompared ? section("pairs", "Blocks side by side") : null,
      h("div", { class: "two" }, section("memory", "Memory"), section("roofline", "Roofline")),
      section("notes", "Notes"),
    ),
  ]);
}

const section = (id: string, label: string): Children =>
  h("section", { id, "aria-label": label }, heading(label));

const region = (id: string, label: string, more: { class?: string } = {}): Item =>
  h("div", { id, tabindex: 0, role: "region", "aria-label": label, ...more });

/** The width between the paddings of an element. */
export function contentWidth(element: HTMLElement): number {
  const style = getComputedStyle(element);
  const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
  return Math.max(260, Math.floor(element.clientWidth - padding));
}
