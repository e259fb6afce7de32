// The bar that stays in sight: the answer, and the controls that change it. Over each slider is
// the curve of the chosen metric along that knob, below it are the values that sources publish.

import { METRIC_NAMES, METRIC_UNITS, ratio, totalOf } from "../amounts";
import type { Knob, KnobValue, SelectKnob, SliderKnob } from "../document";
import { type Children, h, type Item, s } from "../dom";
import { LOG_STEPS, neighbour, placeOf, valueAt } from "../knobs";
import { quantity, setting, times } from "../numbers";
import { round } from "../picture";
import type { Curve, Scene } from "../scene";
import { defaultsOf, setValue, valueOf } from "../state";

export function sliders(scene: Scene): (Item | null)[] {
  const movable = scene.controls.filter((knob) => knob.control !== "fixed");
  const ofNetwork = movable.filter((knob) => knob.of === "network");
  const ofDevice = movable.filter((knob) => knob.of === "device");
  return [
    now(scene),
    h(
      "div",
      { class: "knobs" },
      ofNetwork.map((knob) => control(scene, knob)),
      scene.page.precisions.length > 1 ? precision(scene) : null,
    ),
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

/** What the chosen metric is now; read to who cannot see it. */
function now(scene: Scene): Item {
  const { metric, chosen, state, device } = scene;
  const at = totalOf(chosen.numbers, metric, state.device);
  const before = chosen.defaults && totalOf(chosen.defaults, metric, state.device);
  const change = ratio(at, before);
  const isLeast = metric === "time" && chosen.numbers.devices[state.device]?.is_least;
  return h(
    "div",
    { class: "now", "aria-live": "polite" },
    h(
      "b",
      {},
      `${isLeast ? "≥ " : ""}${quantity(at, METRIC_UNITS[metric], metric === "time" ? 3 : 4)}`,
    ),
    h(
      "span",
      { class: "cut" },
      metric === "time" ? h("bdi", {}, device?.name) : METRIC_NAMES[metric],
    ),
    h(
      "span",
      { class: "cut" },
      change == null || change === 1 ? "at the defaults" : `${times(change)} the default`,
    ),
  );
}

function control(scene: Scene, knob: Knob): Item | null {
  if (knob.control === "slider") return slider(scene, knob);
  return knob.control === "select" ? select(scene, knob) : null;
}

const idOf = (knob: Knob): string => `knob-${knob.name}`;

function shell(knob: Knob, value: Children, ...content: Children[]): Item {
  return h(
    "div",
    { class: "knob", key: knob.name, "data-tip": knob.help || null },
    h("label", { for: idOf(knob) }, h("bdi", { class: "cut" }, knob.name), value),
    content,
  );
}

function slider(scene: Scene, knob: SliderKnob): Item {
  const value = Number(valueOf(scene.state, knob));
  const set = (next: number): void =>
    scene.change((state) => setValue(scene.page, state, knob.name, next));
  const words = valueWords(scene, knob, value);
  const places = knob.is_log ? LOG_STEPS : (knob.max - knob.min) / knob.step;
  return shell(
    knob,
    h("output", { for: idOf(knob) }, words),
    curve(scene.glance.curves.get(knob.name), knob, value),
    h("input", {
      id: idOf(knob),
      type: "range",
      min: 0,
      max: round(places * 1000) / 1000,
      step: knob.is_log ? 1 : "any",
      value: placeOf(knob, value) * places,
      "aria-valuetext": `${knob.name} ${words}`,
      "data-min": knob.min,
      "data-max": knob.max,
      on: {
        input: (event) =>
          set(valueAt(knob, Number((event.target as HTMLInputElement).value) / places)),
        keydown: (event: KeyboardEvent) => {
          const direction = DIRECTIONS[event.key];
          if (!direction) return;
          event.preventDefault();
          set(neighbour(knob, value, direction));
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

const CURVE = { width: 100, height: 22 };

function curve(found: Curve | undefined, knob: SliderKnob, value: number): Item {
  const fine = { "vector-effect": "non-scaling-stroke" };
  const x = (at: number): number => round(placeOf(knob, at) * CURVE.width);
  return s(
    "svg",
    {
      class: "curve",
      viewBox: `0 0 ${CURVE.width} ${CURVE.height}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    s("path", {
      d: found ? curvePath(found) : "",
      fill: "none",
      stroke: "var(--bar)",
      "stroke-width": 1.5,
      ...fine,
    }),
    s("line", {
      x1: x(value),
      x2: x(value),
      y1: 0,
      y2: CURVE.height,
      stroke: "var(--accent)",
      ...fine,
    }),
    knob.published.map((at) =>
      s("line", { x1: x(at), x2: x(at), y1: 19, y2: CURVE.height, stroke: "var(--mute)", ...fine }),
    ),
  );
}

/** From zero at the bottom; a gap where no structure holds. */
export function curvePath({ points }: Curve): string {
  const most = Math.max(...points.map(([, value]) => value ?? 0), Number.MIN_VALUE);
  let isDrawing = false;
  return points
    .map(([place, value]) => {
      if (value == null) {
        isDrawing = false;
        return "";
      }
      const command = isDrawing ? "L" : "M";
      isDrawing = true;
      return `${command}${round(place * CURVE.width)},${round(21 - (19 * value) / most)}`;
    })
    .join("");
}

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
    h("label", { for: "knob-@precision" }, "precision"),
    choice("knob-@precision", scene.page.precisions, scene.state.precision, (next) =>
      scene.change((state) => (state.precision = String(next))),
    ),
  );
}

/** Numbers of the device as knobs, out of the way until somebody asks what if. */
function whatIf(scene: Scene, knobs: Knob[]): Item {
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
