// Activation memory over the schedule: what is alive while each layer runs, tensor on tensor.

import type { Capacity } from "../document";
import { type Children, h, type Item, s } from "../dom";
import { bytes, capacity, plural, quantity, UNKNOWN, whole } from "../numbers";
import { type Cell, heading, note, scrolling, table, tableBelow } from "../parts";
import { axes, type Frame, linear, round, roundTicks, type Scale } from "../picture";
import type { Scene } from "../scene";
import { aliveAt, outlinePath, stackPaths } from "../stacking";
import { heightOf } from "./accuracy";

export function memory(scene: Scene, width: number): Children[] {
  const { live } = scene.chosen.numbers.memory;
  const title = "Memory over the schedule";
  const peak = scene.chosen.numbers.totals.peak_bytes;
  if (peak == null || !live.length)
    return [...heading(title), note("It is not known what is alive.")];
  const { frame, x, words, items } = stillOf(scene, width, peak);
  const step = Math.min(scene.glance.step ?? live.indexOf(peak), live.length - 1);
  const most = bytes(peak);
  return [
    ...heading(title, [
      "Activations that are alive while each layer runs, in place where possible. ",
      words,
    ]),
    s(
      "svg",
      {
        width,
        height: frame.height,
        role: "group",
        "aria-label": `Activation memory over ${plural(live.length, "layer")}, at most ${most}`,
      },
      items,
      cursor(scene, frame, x, step),
    ),
    readout(scene, step),
    tableBelow(scene, "memory", "Table of what is alive", () => stepTable(scene)),
  ];
}

/** All of the picture but what follows the pointer. */
interface Still {
  frame: Frame;
  x: Scale;
  words: Children;
  items: Item;
}

/** Made once a scene and width: the pointer moves over it often. */
const still = new WeakMap<Scene, { width: number; made: Still }>();

function stillOf(scene: Scene, width: number, peak: number): Still {
  const kept = still.get(scene);
  if (kept?.width === width) return kept.made;
  const made = makeStill(scene, width, peak);
  still.set(scene, { width, made });
  return made;
}

function makeStill(scene: Scene, width: number, peak: number): Still {
  const { numbers, blocks } = scene.chosen;
  const { live } = numbers.memory;
  const limit = limitOf(scene, peak);
  const top = Math.max(peak, limit?.isNear ? limit.bytes : 0) * 1.08 || 1;
  const frame: Frame = { width, height: heightOf(width), left: 56, right: 10, top: 20, bottom: 36 };
  const x = linear([0, live.length], [frame.left, width - frame.right]);
  const y = linear([0, top], [frame.height - frame.bottom, frame.top]);
  const [odd, even] = stackPaths(numbers.memory, live.length, x, y);
  const items = s(
    "g",
    {},
    axes(
      frame,
      { scale: x, ticks: [], write: String, title: "layers in order" },
      {
        scale: y,
        ticks: roundTicks(0, top, 4),
        write: (v) => (v ? quantity(v, "B", 2) : "0"),
        title: "alive",
      },
    ),
    s("path", { d: odd, fill: "var(--heat1)" }),
    s("path", { d: even, fill: "var(--heat2)" }),
    s("path", {
      d: outlinePath(live, x, y),
      fill: "none",
      stroke: "var(--accent)",
      "stroke-width": 1.5,
    }),
    peakLabel(scene, frame, x, y, peak),
    limit?.isNear ? limitLine(limit, frame, y) : null,
    blockTicks(
      blocks.children.map((one) => ({
        label: one.label,
        first: one.layers[0],
        count: one.layers.length,
      })),
      frame,
      x,
    ),
  );
  return { frame, x, words: limit?.words, items };
}

function peakLabel(scene: Scene, frame: Frame, x: Scale, y: Scale, peak: number): Item[] {
  const { memory: kept, structure } = scene.chosen.numbers;
  const at = kept.live.indexOf(peak);
  const isRight = x(at) > frame.width * 0.55;
  return [
    s("circle", { cx: round(x(at + 0.5)), cy: round(y(peak)), r: 3.5, fill: "var(--accent)" }),
    s(
      "text",
      {
        class: "ink",
        x: round(x(at + 0.5)) + (isRight ? -8 : 8),
        y: round(Math.max(y(peak) - 4, frame.top - 6)),
        "text-anchor": isRight ? "end" : "start",
      },
      `${bytes(peak)} at ${shortName(structure.layers.name[at], frame.width / 13)}`,
    ),
  ];
}

/** The end of a dotted name, which says most, if there is no room for all of it. */
function shortName(name: string, room: number): string {
  return name.length <= room ? name : `…${name.slice(name.length - Math.floor(room) + 1)}`;
}

interface Limit {
  bytes: number;
  isNear: boolean;
  words: Children;
  label: string;
}

/** What the chosen device has for activations, less its weights where they share a memory. */
function limitOf(scene: Scene, peak: number): Limit | null {
  const { numbers } = scene.chosen;
  const all = numbers.devices[scene.state.device]?.capacity ?? [];
  const one = all.find((entry) => /activation/.test(entry.what)) ?? null;
  if (!one || one.available_bytes == null || !scene.device) return null;
  const sharing = /weight/.test(one.what) ? (numbers.totals.weight_bytes ?? 0) : 0;
  const left = Math.max(one.available_bytes - sharing, 0);
  return {
    bytes: left,
    isNear: left <= peak * 3,
    words: wordsOf(scene, one, left, peak),
    label: `${one.where}: ${capacity(one.available_bytes)}${sharing ? " less weights" : ""}`,
  };
}

function wordsOf(scene: Scene, one: Capacity, left: number, peak: number): Children {
  const device = h("bdi", {}, scene.device?.name);
  if (left > peak * 3)
    return [`${one.where} of `, device, ` holds ${whole(Math.floor(left / peak))} times the peak.`];
  if (!one.is_least) return null;
  return [
    "On ",
    device,
    " it takes at least the peak: an arena can have gaps, which are not shown here.",
  ];
}

function limitLine(limit: Limit, frame: Frame, y: Scale): Item[] {
  const at = round(y(limit.bytes));
  const right = frame.width - frame.right;
  return [
    s("line", {
      x1: frame.left,
      x2: right,
      y1: at,
      y2: at,
      stroke: "var(--bad)",
      "stroke-width": 1.5,
      "stroke-dasharray": "5 3",
    }),
    s("text", { class: "limit", x: right, y: at - 5, "text-anchor": "end" }, limit.label),
  ];
}

/** Names of top blocks below the picture, as many as have room: first those of most layers. */
function blockTicks(
  all: { label: string; first: number; count: number }[],
  frame: Frame,
  x: Scale,
): Item[] {
  const items: Item[] = [];
  const taken: [number, number][] = [];
  const below = frame.height - frame.bottom;
  for (const { label, first } of [...all].sort((a, b) => b.count - a.count)) {
    const from = round(x(first));
    const to = from + label.length * 6.4 + 8;
    const isFree = taken.every(([left, right]) => to <= left || from >= right);
    if (!isFree || to > frame.width - frame.right) continue;
    taken.push([from, to]);
    items.push(
      s("line", { x1: from, x2: from, y1: below, y2: below + 4, stroke: "var(--faint)" }),
      s("text", { x: from + 2, y: below + 15 }, label),
    );
  }
  return items;
}

/** The layer that is pointed at; arrow keys move it. */
function cursor(scene: Scene, frame: Frame, x: Scale, step: number): Item[] {
  const { memory: kept, structure } = scene.chosen.numbers;
  const steps = kept.live.length;
  const move = (to: number): void =>
    scene.look("memory", (glance) => (glance.step = Math.max(0, Math.min(steps - 1, to))));
  const area = { y: frame.top, height: frame.height - frame.top - frame.bottom };
  return [
    s("rect", {
      x: round(x(step)),
      width: Math.max(round(x(1) - x(0)), 1),
      fill: "var(--ink)",
      opacity: 0.14,
      ...area,
    }),
    s("rect", {
      x: frame.left,
      width: frame.width - frame.left - frame.right,
      fill: "transparent",
      tabindex: 0,
      role: "slider",
      "aria-label": "Layer whose memory is shown",
      "aria-valuemin": 1,
      "aria-valuemax": steps,
      "aria-valuenow": step + 1,
      "aria-valuetext": `${structure.layers.name[step]}: ${bytes(kept.live[step])}`,
      on: {
        pointermove: (event: PointerEvent) => {
          const box = (event.currentTarget as Element).getBoundingClientRect();
          move(Math.floor(((event.clientX - box.left) / box.width) * steps));
        },
        keydown: (event: KeyboardEvent) => {
          const by = { ArrowRight: 1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[event.key];
          if (!by) return;
          event.preventDefault();
          move((scene.glance.step ?? step) + by);
        },
      },
      ...area,
    }),
  ];
}

/** What is alive at the layer that is pointed at. */
function readout(scene: Scene, step: number): Item {
  const { memory: kept, structure } = scene.chosen.numbers;
  const alive = aliveAt(kept, step);
  const shown = alive.slice(0, 4).map((one) => `${one.name} ${bytes(one.bytes)}`);
  const rest = alive.length > 4 ? ` and ${plural(alive.length - 4, "tensor")} more` : "";
  return h(
    "p",
    { class: "readout" },
    h("b", {}, h("bdi", {}, structure.layers.name[step])),
    ` ${bytes(kept.live[step])}: `,
    h("bdi", {}, shown.join(", ") || "nothing"),
    rest,
  );
}

const stepTables = new WeakMap<Scene, Item>();

/** Made once a scene, as the picture is. */
function stepTable(scene: Scene): Item {
  let made = stepTables.get(scene);
  if (!made) {
    made = scrolling("Memory by layer", makeStepTable(scene));
    stepTables.set(scene, made);
  }
  return made;
}

function makeStepTable(scene: Scene): Item {
  const { memory: kept, structure } = scene.chosen.numbers;
  const rows = kept.live.map((value, step): Cell[] => [
    structure.layers.name[step],
    bytes(value) || UNKNOWN,
    String(aliveAt(kept, step).length),
    aliveAt(kept, step)[0]?.name ?? UNKNOWN,
  ]);
  return table(
    "Bytes alive while each layer runs",
    [
      { title: "layer", isText: true },
      { title: "alive" },
      { title: "tensors" },
      { title: "largest", isText: true },
    ],
    rows,
  );
}
