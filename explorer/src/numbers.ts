// How numbers are written: three digits and a prefix, as the terminal report writes them.
// Unknown is a dash, never a zero. Not here: what the numbers mean.

export type Maybe = number | null | undefined;

export const UNKNOWN = "–";

const PREFIXES: readonly [number, string][] = [
  [15, "P"],
  [12, "T"],
  [9, "G"],
  [6, "M"],
  [3, "k"],
  [0, ""],
  [-3, "m"],
  [-6, "µ"],
  [-9, "n"],
  [-12, "p"],
];

/** Made once: to make one takes longer than a whole table of numbers. */
const GROUPED = new Intl.NumberFormat("en-US");

/** Units that have no prefix below one: nobody means a milli-byte. */
const WHOLE_UNITS = new Set(["", "B", "MAC", "op"]);

/** `53.2 ms`, `4.82 MB`: `value` in `unit`, rounded to `digits` before the prefix is chosen. */
export function quantity(value: Maybe, unit: string, digits = 3): string {
  if (value == null || Number.isNaN(value)) return UNKNOWN;
  const end = (text: string, prefix = ""): string =>
    prefix + unit ? `${text} ${prefix}${unit}` : text;
  if (!Number.isFinite(value)) return end(value > 0 ? "∞" : "-∞");
  if (Number.isInteger(value) && Math.abs(value) < 1000) return end(String(value));
  const exponent = Number(value.toExponential(digits - 1).split("e")[1]);
  const highest = unit === "s" ? 0 : 15; // nobody says kiloseconds
  const lowest = WHOLE_UNITS.has(unit) ? 0 : -12;
  const usable = PREFIXES.filter(([power]) => power <= highest && power >= lowest);
  const [power, prefix] = usable.find(([p]) => p <= exponent) ?? usable[usable.length - 1];
  const scaled = power >= 0 ? value / 10 ** power : value * 10 ** -power;
  if (exponent < power) return end(String(Number(scaled.toPrecision(digits))), prefix);
  return end(scaled.toFixed(Math.max(0, digits - 1 - exponent + power)), prefix);
}

export const seconds = (value: Maybe): string => quantity(value, "s");

/** A number of bytes that is no capacity: what is moved, or alive. */
export const bytes = (value: Maybe): string =>
  quantity(value == null ? value : Math.round(value), "B");

/** A count in short: `568.7 M`. */
export const count = (value: Maybe): string => quantity(value, "", 4);

/** Every digit of a count. One that a double cannot hold exactly is marked. */
export function whole(value: Maybe): string {
  if (value == null || Number.isNaN(value)) return UNKNOWN;
  const text = GROUPED.format(Math.round(value));
  return Math.abs(value) > Number.MAX_SAFE_INTEGER ? `about ${text}` : text;
}

/** The size of a memory, with the prefix that makes the number short: `512 KiB`, `4.00 GB`. */
export function capacity(value: Maybe): string {
  if (value == null) return UNKNOWN;
  if (value % 1024 === 0 && value % 1000 !== 0) {
    for (const [power, prefix] of [
      [40, "Ti"],
      [30, "Gi"],
      [20, "Mi"],
      [10, "Ki"],
    ] as const) {
      const size = value / 2 ** power;
      if (Number.isInteger(size)) return `${size} ${prefix}B`;
    }
  }
  return bytes(value);
}

/** `13 %`, `0.3 %`, `<0.1 %`; nothing at all is `0`. */
export function percent(share: Maybe): string {
  if (share == null || !Number.isFinite(share)) return UNKNOWN;
  if (share === 0) return "0";
  if (share < 0.0005) return "<0.1 %";
  const hundred = 100 * share;
  return `${hundred.toFixed(hundred >= 9.95 && hundred < 99.95 ? 0 : hundred >= 99.95 ? 0 : 1)} %`;
}

/** `0.44×`: how many times as much. */
export function times(ratio: Maybe): string {
  if (ratio == null || !Number.isFinite(ratio)) return UNKNOWN;
  if (ratio === 0) return "0×";
  if (ratio < 0.1) return `${Number(ratio.toPrecision(2))}×`;
  if (ratio < 9.995) return `${ratio.toFixed(2)}×`;
  if (ratio < 99.95) return `${ratio.toFixed(1)}×`;
  return `${GROUPED.format(Math.round(ratio))}×`;
}

/** `46.1–61.4 ms`, with two units where one is not enough. */
export function range(low: Maybe, high: Maybe, unit: string): string {
  if (low == null || high == null) return UNKNOWN;
  const [least, first = ""] = split(quantity(low, unit));
  const [most, second = ""] = split(quantity(high, unit));
  if (first === second) return `${least}–${most} ${second}`.trimEnd();
  return `${least} ${first} – ${most} ${second}`;
}

function split(text: string): [string, string?] {
  const at = text.indexOf(" ");
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

/** The value of a knob: `0.75`, not `0.7500000000000001`. */
export function setting(value: unknown): string {
  if (typeof value === "number") return String(Number(value.toPrecision(12)));
  return String(value);
}

/** `1 layer`, `2 layers`. */
export const plural = (n: number, word: string): string =>
  `${GROUPED.format(n)} ${word}${n === 1 ? "" : "s"}`;
