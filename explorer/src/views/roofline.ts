// Roofline: each kernel by its mult-adds for each byte and by the rate that it reaches, below the
// roofs of the device. Bytes are those that pass the level that is chosen, main memory at first.

import { VARIETIES, varietyIndex } from "../amounts";
import type { DeviceFacts } from "../document";
import { type Children, h, type Item, s } from "../dom";
import { bytes, percent, plural, quantity, seconds, UNKNOWN, whole } from "../numbers";
import { type Cell, heading, legend, note, scrolling, table, tableBelow } from "../parts";
import { axes, type Frame, logarithmic, logTicks, round, type Scale } from "../picture";
import { pointList } from "../points";
import type { Scene } from "../scene";
import { valueOf } from "../state";
import { heightOf } from "./accuracy";

interface Dot {
  name: string;
  variety: number;
  macs: number;
  bytes: number;
  time: number;
  /** Mult-adds for each byte. */
  intensity: number;
  /** Mult-adds a second. */
  rate: number;
}

interface Roof {
  name: string;
  bytes_per_s: number;
}

/** Whether this device has times and a peak; else the section says so. */
export function roofline(scene: Scene, width: number): Children[] {
  const title = "Roofline";
  const { device, state, glance } = scene;
  const known = device?.at[state.precision]?.peak_macs_per_s ?? null;
  if (!device || known == null)
    return [...heading(title), note("No peak rate is known in this precision.")];
  const peak = known * factorOf(scene, "macs");
  const level = levelOf(device, glance.level);
  const { dots, left } = dotsOf(scene, level);
  if (!dots.length)
    return [...heading(title), note("No times of kernels with mult-adds are known.")];
  const roofs = roofsOf(scene, device);
  const time = scene.chosen.numbers.devices[state.device];
  const kinds = [...new Set(dots.map((one) => one.variety))].sort();
  return [
    ...heading(title, sentence(scene, device, peak, dots.length)),
    device.levels.length > 1 ? levelChoice(scene, device, level) : null,
    picture(scene, dots, roofs, peak, time.latency_s ?? total(dots), width),
    legend(kinds.map((kind) => ({ color: `var(--kind${kind})`, text: VARIETIES[kind][1] }))),
    left ? note(leftOut(left)) : null,
    tableBelow(scene, "roofline", "Table of kernels", () =>
      scrolling("Kernels", kernelTable(dots, peak)),
    ),
  ];
}

/** The time of the kernels that are known, where the network has none. */
const total = (dots: readonly Dot[]): number => dots.reduce((sum, dot) => sum + dot.time, 0);

const leftOut = (kernels: number): string =>
  `${plural(kernels, "kernel")} without mult-adds, bytes or a known time ` +
  `${kernels === 1 ? "is" : "are"} not shown.`;

function sentence(scene: Scene, device: DeviceFacts, peak: number, shown: number): Children {
  const { numbers } = scene.chosen;
  const { latency_s: time, is_least: isLeast } = numbers.devices[scene.state.device];
  const counted = numbers.totals.mult_adds;
  return [
    `${plural(shown, "kernel")} on `,
    h("bdi", {}, device.name),
    ", area by time; a click shows its details. ",
    time && counted != null
      ? `The whole network runs at ${isLeast ? "most " : ""}` +
        `${percent(counted / time / peak)} of the peak.`
      : null,
  ];
}

/** What the user made of a number of the devices: a factor, 1 where there is no such knob. */
function factorOf({ controls, state }: Scene, name: string): number {
  const knob = controls.find((one) => one.of === "device" && one.name === name);
  return knob ? Number(valueOf(state, knob)) : 1;
}

/** Bandwidths of levels; the knob is about main memory. */
function roofsOf(scene: Scene, device: DeviceFacts): Roof[] {
  const main = mainLevel(device);
  return device.levels.flatMap(({ name, bytes_per_s: rate }, level) => {
    const factor = level === main ? factorOf(scene, "bandwidth") : 1;
    return rate == null ? [] : [{ name, bytes_per_s: rate * factor }];
  });
}

const mainLevel = (device: DeviceFacts): number =>
  device.levels.length - (device.has_storage ? 2 : 1);

/** The index of a level: the chosen one, else main memory, which is before the storage. */
function levelOf(device: DeviceFacts, chosen: number | null): number {
  return chosen != null && chosen < device.levels.length ? chosen : mainLevel(device);
}

function dotsOf(scene: Scene, level: number): { dots: Dot[]; left: number } {
  const { numbers } = scene.chosen;
  const { kernels } = numbers.devices[scene.state.device];
  const dots: Dot[] = [];
  let left = 0;
  kernels.name.forEach((name, i) => {
    const macs = kernels.mult_adds[i];
    const time = kernels.latency_s[i];
    // What stays in caches passes no level further out: then all of its traffic is what is known.
    const moved = kernels.level_bytes[level]?.[i] || kernels.traffic_bytes[i];
    if (!macs || !time || !moved) {
      left += 1;
      return;
    }
    const variety = varietyIndex(numbers.structure.layers.variety[kernels.layers[i][0]] ?? "");
    dots.push({
      name,
      variety,
      macs,
      bytes: moved,
      time,
      intensity: macs / moved,
      rate: macs / time,
    });
  });
  return { dots: dots.sort((a, b) => b.time - a.time), left };
}

function levelChoice(scene: Scene, device: DeviceFacts, level: number): Item {
  return h(
    "div",
    { class: "bar" },
    h("span", { class: "faint" }, "bytes that pass"),
    h(
      "div",
      { class: "segments", role: "group", "aria-label": "Memory whose bytes are counted" },
      device.levels.map((one, index) =>
        h(
          "button",
          {
            type: "button",
            "aria-pressed": String(index === level),
            on: { click: () => scene.look("roofline", (glance) => (glance.level = index)) },
          },
          one.name,
        ),
      ),
    ),
  );
}

function picture(
  scene: Scene,
  dots: Dot[],
  roofs: Roof[],
  peak: number,
  total: number,
  width: number,
): Item {
  const frame: Frame = { width, height: heightOf(width), left: 58, right: 14, top: 24, bottom: 36 };
  const ridges = roofs.map((roof) => peak / roof.bytes_per_s);
  const intensities = dots.map((one) => one.intensity);
  const xs: [number, number] = [
    Math.min(...intensities, ...ridges) / 2,
    Math.max(...intensities, ...ridges) * 2.5,
  ];
  const ys: [number, number] = [Math.min(...dots.map((one) => one.rate)) / 2, peak * 2];
  // The peak is a roof from where the fastest memory reaches it; everywhere if none is known.
  const flatFrom = ridges.length ? Math.max(Math.min(...ridges), xs[0]) : xs[0];
  const x = logarithmic(xs, [frame.left, width - frame.right]);
  const y = logarithmic(ys, [frame.height - frame.bottom, frame.top]);
  return s(
    "svg",
    {
      width,
      height: frame.height,
      role: "group",
      "aria-label": `Roofline of ${plural(dots.length, "kernel")}; the table below has the numbers`,
    },
    axes(
      frame,
      {
        scale: x,
        ticks: logTicks(...xs, width / 60),
        write: (v) => String(v),
        title: "mult-adds for each byte",
      },
      {
        scale: y,
        ticks: logTicks(...ys, 7),
        write: (v) => quantity(v, "", 2),
        title: "mult-adds a second",
      },
    ),
    slopes(roofs, peak, xs, ys, x, y),
    s("line", {
      class: "roof",
      x1: round(x(flatFrom)),
      x2: width - frame.right,
      y1: round(y(peak)),
      y2: round(y(peak)),
    }),
    s(
      "text",
      { x: width - frame.right, y: round(y(peak)) - 6, "text-anchor": "end" },
      `peak ${quantity(peak, "MAC/s")}`,
    ),
    pointList(
      scene,
      "roofline",
      "Kernels, the longest first",
      dots.map((dot) => {
        const tip = tipOf(dot, peak, total);
        const isSelected = scene.state.selected === dot.name;
        return {
          attributes: {
            cx: round(x(dot.intensity)),
            cy: round(y(dot.rate)),
            r: round(Math.max(3, Math.sqrt(total ? dot.time / total : 0) * 26)),
            fill: `var(--kind${dot.variety})`,
            stroke: isSelected ? "var(--ink)" : "var(--card)",
            opacity: 0.75,
          },
          words: tip.replace(/\n/g, ", "),
          tip,
          isSelected,
          go: () => scene.change((state) => (state.selected = dot.name)),
        };
      }),
    ),
  );
}

function tipOf(dot: Dot, peak: number, total: number): string {
  const part = total ? `, ${percent(dot.time / total)} of the time` : "";
  return `${dot.name}\n${seconds(dot.time)}${part}\n${percent(dot.rate / peak)} of the peak`;
}

/** A roof that rises with intensity for each level, with its name along the line. */
function slopes(
  roofs: Roof[],
  peak: number,
  xs: [number, number],
  ys: [number, number],
  x: Scale,
  y: Scale,
): Item[] {
  return roofs.flatMap(({ name, bytes_per_s: rate }) => {
    const from = Math.max(xs[0], ys[0] / rate);
    const to = Math.min(peak / rate, xs[1]);
    if (to <= from) return [];
    const [x1, y1, x2, y2] = [x(from), y(from * rate), x(to), y(to * rate)].map(round);
    const angle = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI;
    const label = `${name} ${quantity(rate, "B/s")}`;
    const hasRoom = Math.hypot(x2 - x1, y2 - y1) > label.length * 6.5;
    return [
      s("line", { class: "roof", x1, y1, x2, y2 }),
      hasRoom
        ? s(
            "text",
            { x: x1 + 4, y: y1 - 6, transform: `rotate(${round(angle)} ${x1 + 4} ${y1 - 6})` },
            label,
          )
        : s("text", { x: round((x1 + x2) / 2) + 8, y: round((y1 + y2) / 2) + 10 }, label),
    ];
  });
}

function kernelTable(dots: Dot[], peak: number): Item {
  const rows = dots.map((dot): Cell[] => [
    dot.name,
    seconds(dot.time),
    whole(dot.macs),
    bytes(dot.bytes),
    dot.intensity.toPrecision(3),
    percent(dot.rate / peak) || UNKNOWN,
  ]);
  return table(
    "Kernels with their intensity and rate",
    [
      { title: "kernel", isText: true },
      { title: "time" },
      { title: "mult-adds" },
      { title: "bytes" },
      { title: "mult-adds for each byte" },
      { title: "of the peak" },
    ],
    rows,
  );
}
