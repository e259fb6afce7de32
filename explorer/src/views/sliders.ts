// The bar that stays in sight: the answer, and the controls that change it. Over each slider is
// the curve of the chosen metric along that knob, below it are the values that sources publish.

import { METRIC_NAMES, METRIC_UNITS, ratio, totalOf } from "../amounts";
import { type Control, grouped, ownersWords, type Slider } from "../controls";
import type { Knob, KnobValue, SelectKnob } from "../document";
import { type Children, h, type Item } from "../dom";
import { LOG_STEPS, neighbour, placeOf, valueAt } from "../knobs";
import { quantity, setting } from "../numbers";
import { round } from "../picture";
import type { Scene } from "../scene";
import { defaultsOf, setValue, valueOf } from "../state";
import { changeWords } from "./cards";
import { curve } from "./curve";

export function sliders(scene: Scene): (Item | null)[] {
  const movable = scene.controls.filter((knob) => knob.control !== "fixed");
  const ofNetwork = movable.filter((knob) => knob.of === "network");
  const ofDevice = movable.filter((knob) => knob.of === "device");
  return [
    now(scene),
    groups(scene, ofNetwork),
    ofDevice.length ? whatIf(scene, ofDevice) : null,
    h(
      "button",
      {
        type: "button",
        class: "reset",
        "aria-label": "Reset all knobs to their defaults",
        on: {
          click: () =>
            scene.change((state) => {
              state.values = {};
              state.precision = scene.page.precisions[0];
            }),
        },
      },
      "Reset",
    ),
  ];
}

/** Knobs of all networks come first; those of one stand under its name. */
function groups(scene: Scene, controls: Control[]): Item {
  const isPrecise = scene.page.precisions.length > 1;
  const all = grouped(controls);
  const everywhere = scene.page.models.length;
  if (isPrecise && all[0]?.owners.length !== everywhere) {
    all.unshift({ owners: scene.page.models.map((_, index) => index), of: [] });
  }
  const isNamed = all.length > 1;
  return h(
    "div",
    { class: isNamed ? "groups" : "groups alone" },
    all.map(({ owners, of }) => {
      const words = ownersWords(scene.page, owners);
      const isShared = owners.length === everywhere;
      return h(
        "div",
        {
          class: "owned",
          key: owners.join(),
          role: isNamed ? "group" : null,
          "aria-label": isNamed ? `Knobs of ${words}` : null,
          style: { "--count": of.length + (isShared && isPrecise ? 1 : 0) },
        },
        isNamed
          ? h("div", { class: "whose cut", "aria-hidden": "true" }, h("bdi", {}, words))
          : null,
        h(
          "div",
          { class: "knobs" },
          of.map((knob) => control(scene, knob)),
          isShared && isPrecise ? precision(scene) : null,
        ),
      );
    }),
  );
}

const isLeastOf = ({ metric, chosen, state }: Scene): boolean =>
  metric === "time" && (chosen.numbers.devices[state.device]?.is_least ?? false);

/** What the chosen metric is now: `121 ms`. */
function answer(scene: Scene): string {
  const { metric, chosen, state } = scene;
  const at = totalOf(chosen.numbers, metric, state.device);
  if (at == null) return "not known";
  const digits = metric === "time" ? 3 : 4;
  return `${isLeastOf(scene) ? "≥ " : ""}${quantity(at, METRIC_UNITS[metric], digits)}`;
}

/** The same for who hears it: `121 ms on pixel_1`, `149.5 M mult-adds`. */
export function answerWords(scene: Scene): string {
  const { metric, chosen, device } = scene;
  if (scene.models[chosen.index].numbers == null) return "not known here";
  const said = answer(scene).replace("≥", "at least");
  return metric === "time" ? `${said} on ${device?.name}` : `${said} ${METRIC_NAMES[metric]}`;
}

/** What the chosen metric is now. */
function now(scene: Scene): Item {
  const { metric, chosen, state, device } = scene;
  const at = totalOf(chosen.numbers, metric, state.device);
  const before = chosen.defaults && totalOf(chosen.defaults, metric, state.device);
  const change = ratio(at, before);
  return h(
    "div",
    { class: "now" },
    h("b", { class: at == null ? "unknown" : null }, answer(scene)),
    h(
      "span",
      { class: "cut" },
      metric === "time" ? h("bdi", {}, device?.name) : METRIC_NAMES[metric],
    ),
    h(
      "span",
      { class: "cut" },
      change == null || change === 1 ? "at the defaults" : changeWords(change, isLeastOf(scene)),
    ),
  );
}

function control(scene: Scene, knob: Control): Item | null {
  if (knob.control === "slider") return slider(scene, knob);
  return knob.control === "select" ? select(scene, knob) : null;
}

const idOf = (knob: Knob): string => `knob-${knob.name}`;

function shell(knob: Knob, value: Children, ...content: Children[]): Item {
  return h(
    "div",
    { class: "knob", key: knob.name, "data-tip": knob.help || null },
    h(
      "div",
      { class: "knob-head" },
      h("label", { for: idOf(knob), class: "cut" }, h("bdi", {}, knob.name)),
      value,
    ),
    content,
  );
}

function slider(scene: Scene, knob: Slider): Item {
  const value = Number(valueOf(scene.state, knob));
  const set = (next: number): void =>
    scene.change((state) => setValue(scene.page, state, knob.name, next));
  const words = valueWords(scene, knob, value);
  const places = knob.is_log ? LOG_STEPS : (knob.max - knob.min) / knob.step;
  return shell(
    knob,
    h("span", { class: "at", "aria-hidden": "true" }, words),
    curve(scene.glance.curves.get(knob.name), knob, value),
    h("input", {
      id: idOf(knob),
      type: "range",
      min: 0,
      max: round(places * 1000) / 1000,
      step: knob.is_log ? 1 : "any",
      value: placeOf(knob, value) * places,
      "aria-valuetext": `${words}, ${answerWords(scene)}`,
      "data-min": knob.min,
      "data-max": knob.max,
      on: {
        input: (event) =>
          set(valueAt(knob, Number((event.target as HTMLInputElement).value) / places)),
        keydown: (event: KeyboardEvent) => {
          const direction = DIRECTIONS[event.key];
          if (!direction) return;
          event.preventDefault();
          // Keys can come faster than frames: the value is what it is by now.
          set(neighbour(knob, Number(valueOf(scene.state, knob)), direction));
        },
      },
    }),
  );
}

/** The value; each default of its own where models have different ones and none was chosen. */
function valueWords(scene: Scene, knob: Knob, value: KnobValue): string {
  if (knob.of === "device") return `${setting(value)}×`;
  if (Object.hasOwn(scene.state.values, knob.name)) return setting(value);
  return defaultsOf(scene.page, knob.name).map(setting).join(" / ");
}

const DIRECTIONS: Record<string, 1 | -1 | undefined> = {
  ArrowRight: 1,
  ArrowUp: 1,
  ArrowLeft: -1,
  ArrowDown: -1,
};

function select(scene: Scene, knob: SelectKnob): Item {
  const value = valueOf(scene.state, knob);
  return shell(
    knob,
    null,
    choice(idOf(knob), knob.values, value, (next) =>
      scene.change((state) => setValue(scene.page, state, knob.name, next)),
    ),
  );
}

function choice(
  id: string,
  values: readonly KnobValue[],
  value: KnobValue,
  set: (value: KnobValue) => void,
): Item {
  return h(
    "select",
    {
      id,
      value: String(values.indexOf(value)),
      on: {
        change: (event) => set(values[Number((event.target as HTMLSelectElement).value)]),
      },
    },
    values.map((one, index) => h("option", { value: String(index) }, setting(one))),
  );
}

function precision(scene: Scene): Item {
  return h(
    "div",
    { class: "knob", key: "@precision" },
    h("div", { class: "knob-head" }, h("label", { for: "knob-@precision" }, "precision")),
    choice("knob-@precision", scene.page.precisions, scene.state.precision, (next) =>
      scene.change((state) => (state.precision = String(next))),
    ),
  );
}

/** Numbers of the device as knobs, out of the way until somebody asks what if. */
function whatIf(scene: Scene, knobs: Control[]): Item {
  const name = "what if";
  const moved = knobs.filter((knob) => valueOf(scene.state, knob) !== knob.default).length;
  const isOpen = scene.glance.tables.has(name);
  return h(
    "div",
    { class: "what-if" },
    h(
      "button",
      {
        type: "button",
        "aria-expanded": String(isOpen),
        on: {
          click: () =>
            scene.look("sliders", ({ tables }) =>
              isOpen ? tables.delete(name) : tables.add(name),
            ),
        },
      },
      moved ? `Device (${moved} changed)` : "Device",
    ),
    isOpen
      ? h(
          "div",
          { class: "knobs" },
          knobs.map((knob) => control(scene, knob)),
        )
      : null,
  );
}
