// How many times as much a number is as another one, where either can be a lower bound: then the
// ratio is a bound as well, or it is not known, and is coloured only where it is surely not 1.

import { ratio } from "./amounts";
import type { Count } from "./document";
import { times } from "./numbers";

/** A number, and whether the real one can be more. */
export interface Amount {
  value: Count;
  isLeast: boolean;
}

export interface Against {
  /** `7.13×`, `≥ 7.13×`; a dash where it is not known. */
  text: string;
  /** Said of a ratio that is of two bounds, and so no ratio of the numbers; else empty. */
  word: string;
  /** The class of its colour; empty where nothing is told. */
  tone: string;
}

/** `one` against `first`. */
export function against(one: Amount, first: Amount): Against {
  const found = ratio(one.value, first.value);
  const text = times(found);
  if (found == null) return { text, word: "", tone: "" };
  if (one.isLeast && first.isLeast) return { text, word: "of bounds", tone: "" };
  if (one.isLeast) return { text: `≥ ${text}`, word: "", tone: found > 1 ? toneOf(found) : "" };
  if (first.isLeast) return { text: `≤ ${text}`, word: "", tone: found < 1 ? toneOf(found) : "" };
  return { text, word: "", tone: toneOf(found) };
}

/** Its words in a line of text. */
export const wordsOf = ({ text, word }: Against): string => (word ? `${text} ${word}` : text);

/** Blue is less, orange is more; the stronger the further from the same. */
export function toneOf(found: Count): string {
  if (found == null || found <= 0) return "";
  const size = Math.abs(Math.log2(found));
  if (size < 0.01) return "";
  const strength = size < 0.25 ? 1 : size < 1 ? 2 : 3;
  return `${found < 1 ? "less" : "more"}${strength}`;
}
