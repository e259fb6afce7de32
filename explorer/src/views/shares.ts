// Params, mult-adds and time as three bars of 100 %, joined by ribbons: where they part is what
// counting alone does not show.

import { type Amounts, Columns, VARIETIES, varietyIndex } from "../amounts";
import type { Count, Numbers } from "../document";
import { type Children, h, type Item, s } from "../dom";
import { percent, UNKNOWN } from "../numbers";
import { type Cell, heading, named, note, scrolling, table } from "../parts";
import { round } from "../picture";
import type { Scene } from "../scene";

interface Kind {
  variety: number;
  amounts: Amounts;
}

export function shares(scene: Scene, width: number): (Item | null)[] {
  const { numbers, columns } = scene.chosen;
  const kinds = kindsOf(numbers, columns);
  const total = numbers.devices[scene.state.device]?.latency_s ?? null;
  const bars = barsOf(kinds, numbers, total);
  const title = total == null ? "Where params and mult-adds part" : "Where mult-adds and time part";
  if (!bars.length) {
    return [...heading(title), note("Some layers have no cost rule, so there are no shares.")];
  }
  return [
    ...heading(title, sentence(scene, kinds, total)),
    picture(bars, width),
    scrolling("Shares by kind of layer", shareTable(scene, kinds)),
  ];
}

function kindsOf(numbers: Numbers, columns: Columns): Kind[] {
  const layersOf = new Map<number, number[]>();
  numbers.structure.layers.variety.forEach((variety, layer) => {
    const index = varietyIndex(variety);
    const found = layersOf.get(index);
    if (found) found.push(layer);
    else layersOf.set(index, [layer]);
  });
  return [...layersOf]
    .sort(([a], [b]) => a - b)
    .map(([variety, layers]) => ({ variety, amounts: columns.of(layers) }));
}

interface Bar {
  name: string;
  /** A share for each kind; they add up to 1, but for time beside the kernels. */
  parts: { variety: number; share: number }[];
}

function barsOf(kinds: Kind[], numbers: Numbers, time: Count): Bar[] {
  const bar = (name: string, total: Count, of: (one: Amounts) => Count): Bar[] =>
    total
      ? [
          {
            name,
            parts: kinds.map(({ variety, amounts }) => ({
              variety,
              share: (of(amounts) ?? 0) / total,
            })),
          },
        ]
      : [];
  return [
    ...bar("params", numbers.totals.params, (one) => one.params),
    ...bar("mult-adds", numbers.totals.mult_adds, (one) => one.mult_adds),
    ...bar("time", time, (one) => one.time),
  ];
}

function sentence(scene: Scene, kinds: Kind[], time: Count): Children {
  const { totals } = scene.chosen.numbers;
  const of = ({ variety, amounts }: Kind): Shares => ({
    name: VARIETIES[variety][1],
    mult_adds: totals.mult_adds ? (amounts.mult_adds ?? 0) / totals.mult_adds : 0,
    other: time
      ? (amounts.time ?? 0) / time
      : totals.params
        ? (amounts.params ?? 0) / totals.params
        : 0,
  });
  const text = partingSentence(kinds.map(of), time ? "time" : "params");
  return time && scene.device
    ? ["On ", h("bdi", {}, scene.device.name), `, ${text}`]
    : capital(text);
}

export interface Shares {
  name: string;
  mult_adds: number;
  other: number;
}

/** `depthwise layers are 3.1 % of the mult-adds and 32 % of the time.` */
export function partingSentence(all: readonly Shares[], what: "time" | "params"): string {
  const widest = [...all].sort((a, b) => b.other - b.mult_adds - (a.other - a.mult_adds))[0];
  if (!widest || widest.other - widest.mult_adds < 0.01) {
    return `the ${what} ${what === "time" ? "is" : "are"} shared as the mult-adds are, within 1 %.`;
  }
  const { name, mult_adds: counted, other } = widest;
  const layers = name.startsWith("the ") ? `${name} of the layers` : `${name} layers`;
  const verb = name.startsWith("the ") ? "has" : "have";
  const first = counted === 0 ? "none" : percent(counted);
  return `${layers} ${verb} ${first} of the mult-adds and ${percent(other)} of the ${what}.`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

const BAR = { height: 30, gap: 26, left: 72, top: 4 };

function picture(bars: Bar[], width: number): Item {
  const room = width - BAR.left - 2;
  const ends = bars.map(({ parts }) => {
    let at = BAR.left;
    return parts.map(({ share }) => [at, (at += share * room)] as const);
  });
  const y = (row: number): number => BAR.top + row * (BAR.height + BAR.gap);
  const items: Item[] = [];
  bars.forEach((bar, row) => {
    items.push(
      s("text", { class: "ink", x: BAR.left - 8, y: y(row) + 19, "text-anchor": "end" }, bar.name),
    );
    bar.parts.forEach(({ variety, share }, i) => {
      const [from, to] = ends[row][i];
      if (row)
        items.push(ribbon(ends[row - 1][i], ends[row][i], y(row) - BAR.gap, y(row), variety));
      items.push(...segment(bar.name, variety, share, from, to, y(row)));
    });
  });
  const height = y(bars.length - 1) + BAR.height + 4;
  return s(
    "svg",
    {
      width,
      height,
      role: "img",
      "aria-label":
        `Shares of ${bars.map((one) => one.name).join(", ")} by kind of layer; ` +
        "the table below has the numbers",
    },
    items,
  );
}

function segment(
  name: string,
  variety: number,
  share: number,
  from: number,
  to: number,
  y: number,
): Item[] {
  const isWide = to - from > 36;
  const tip = `${VARIETIES[variety][1]}: ${percent(share)} of the ${name}`;
  return [
    s("rect", {
      x: round(from),
      y,
      width: share > 0.0005 ? Math.max(round(to - from - 1), 0.5) : 0,
      height: BAR.height,
      rx: 2,
      fill: `var(--kind${variety})`,
      "data-tip": tip,
    }),
    s(
      "text",
      { class: "on-color", x: round((from + to) / 2), y: y + 19, "text-anchor": "middle" },
      isWide ? percent(share) : "",
    ),
  ];
}

function ribbon(
  above: readonly [number, number],
  below: readonly [number, number],
  top: number,
  bottom: number,
  variety: number,
): Item {
  const middle = (top + bottom) / 2;
  const [a, b] = above.map(round);
  const [c, d] = below.map(round);
  const isThere = b - a > 0.3 || d - c > 0.3;
  return s("path", {
    d: isThere
      ? `M${a},${top}C${a},${middle} ${c},${middle} ${c},${bottom}` +
        `L${d},${bottom}C${d},${middle} ${b},${middle} ${b},${top}Z`
      : "",
    fill: `var(--kind${variety})`,
    opacity: 0.22,
  });
}

/** Params, mult-adds and the time on each device that has one. */
function shareTable(scene: Scene, kinds: Kind[]): Item {
  const { numbers } = scene.chosen;
  const { totals } = numbers;
  const timed = scene.page.devices.flatMap((device, index) => {
    const total = numbers.devices[index].latency_s;
    if (!total) return [];
    const isChosen = index === scene.state.device;
    const columns = isChosen ? scene.chosen.columns : new Columns(numbers, index);
    const shares = kindsOf(numbers, columns).map(({ amounts }) => (amounts.time ?? 0) / total);
    return [{ device, isChosen, shares }];
  });
  const part = (value: Count, total: Count): Cell =>
    value == null || !total ? UNKNOWN : percent(value / total);
  const rows = kinds.map((kind, i): Cell[] => [
    { text: VARIETIES[kind.variety][1], class: `swatch kind${kind.variety}` },
    part(kind.amounts.params, totals.params),
    part(kind.amounts.mult_adds, totals.mult_adds),
    ...timed.map(({ shares }): Cell => percent(shares[i])),
  ]);
  return table(
    "Shares by kind of layer",
    [
      { title: "kind", isText: true },
      { title: "params" },
      { title: "mult-adds" },
      ...timed.map(({ device, isChosen }) => ({
        title: [isChosen ? "▸ " : null, named(device.name)],
        tip: device.title,
        isWide: !isChosen,
      })),
    ],
    rows,
  );
}
