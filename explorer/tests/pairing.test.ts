// Which blocks of compared networks stand in one row.

import assert from "node:assert/strict";
import { test } from "node:test";
import { matched, pairsOf } from "../src/pairing";
import { blocksOf } from "../src/tree";
import { sceneOf } from "./scene";

const labels = (...networks: string[][]): string[] =>
  matched(networks.map((names) => blocksOf(names).children)).map((row) =>
    row.map((one) => one?.label ?? "-").join(" "),
  );

test("blocks of equal names stand in one row, and those between them by order", () => {
  assert.deepEqual(labels(["stem", "a", "b", "head"], ["stem", "x", "y", "z", "head"]), [
    "stem stem",
    "a x",
    "b y",
    "- z",
    "head head",
  ]);
  assert.deepEqual(labels(["a"], []), ["a -"]);
  assert.deepEqual(labels([], ["a"]), ["- a"]);
});

test("a block stands beside no layer", () => {
  assert.deepEqual(labels(["a.1", "a.2"], ["relu", "b.1", "b.2"]), [
    "- relu",
    "a b",
  ]);
});

test("a third network stands in the rows of both", () => {
  assert.deepEqual(labels(["stem", "head"], ["stem", "x", "head"], ["x", "head"]), [
    "stem stem -",
    "- x x",
    "head head head",
  ]);
});

test("pairs open together, and a network without numbers has none", () => {
  const { structure } = sceneOf().chosen.numbers;
  const closed = pairsOf([structure, structure, null], new Set());
  assert.ok(closed.every(({ members }) => members[0] === members[1] && members[2] === null));
  const open = pairsOf([structure, structure, null], new Set(["middle"]));
  assert.equal(open.length, closed.length + 5);
  assert.equal(open.filter((one) => one.depth === 1).length, 5);
});
