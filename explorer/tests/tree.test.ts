// Blocks and lanes of small graphs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { lanesOf, pathOf } from "../src/lanes";
import { type Block, blocksOf, find, isOpen, openable, rowsOf } from "../src/tree";

const NAMES = ["stem", "middle.1.a", "middle.1.b", "middle.2.a", "middle.2.b", "head.only.linear"];
const outline = (rows: Block[]): string[] =>
  rows.map((row) => `${" ".repeat(row.depth)}${row.label}`);

test("dotted names are blocks, and a block of one thing is that thing", () => {
  const top = blocksOf(NAMES);
  assert.deepEqual(outline(rowsOf(top, new Set())), ["stem", "middle", "head.only.linear"]);
  assert.equal(top.children[1].copies, 2);
  assert.deepEqual(top.children[1].layers, [1, 2, 3, 4]);
  assert.equal(top.children[2].children.length, 0);
  assert.equal(top.children[2].path, "head.only.linear");
});

test("open blocks show their children below them", () => {
  const top = blocksOf(NAMES);
  const open = new Set(["middle", "middle.2"]);
  assert.deepEqual(outline(rowsOf(top, open)), [
    "stem",
    "middle",
    " 1",
    " 2",
    "  a",
    "  b",
    "head.only.linear",
  ]);
  assert.deepEqual(openable(top), ["middle", "middle.1", "middle.2"]);
  assert.equal(isOpen(find(top, "middle.2")!, open), true);
  assert.equal(isOpen(find(top, "middle.2.a")!, open), false);
});

test("a path is found, and one that is not there is not", () => {
  const top = blocksOf(NAMES);
  assert.equal(find(top, "middle.1.b")?.layers[0], 2);
  assert.equal(find(top, "middle.3"), undefined);
  assert.equal(find(top, "mid"), undefined);
  assert.equal(find(top, ""), undefined);
});

test("children that are not called 1, 2, 3 are no copies", () => {
  assert.equal(blocksOf(["a.1", "a.3"]).children[0].copies, 1);
  assert.equal(blocksOf(["a.x", "a.y"]).children[0].copies, 1);
});

const lanes = (inputs: number[][]): ReturnType<typeof lanesOf> => {
  const names = inputs.map((_, i) => `l${i}`);
  return lanesOf(rowsOf(blocksOf(names), new Set()), new Set(), inputs);
};

test("a chain is one lane", () => {
  const { rows, width } = lanes([[-1], [0], [1]]);
  assert.equal(width, 1);
  assert.deepEqual(
    rows.map((row) => row.dot),
    [0, 0, 0],
  );
  assert.deepEqual(
    rows.map((row) => row.goesOn),
    [true, true, false],
  );
  assert.equal(rows[0].fromOutside, true);
});

test("a tensor that is read later keeps its lane, and no dot is on it", () => {
  const { rows, width } = lanes([[-1], [0], [1], [2, 0]]); // a residual around two layers
  assert.equal(width, 2);
  assert.deepEqual(
    rows.map((row) => row.dot),
    [0, 1, 1, 0],
  );
  assert.deepEqual(rows[1].past, [0]);
  assert.deepEqual(rows[1].arriving, [0]);
  assert.deepEqual(rows[0].leaving, [{ from: 0, to: 1 }]);
  assert.deepEqual(rows[3].arriving, [0, 1]);
  assert.deepEqual(rows[2].leaving, [{ from: 1, to: 0 }]);
});

test("four branches of one tensor join in its lane", () => {
  const { rows, width } = lanes([[-1], [0], [0], [0], [0], [1, 2, 3, 4]]);
  assert.equal(width, 4); // the last branch takes over the lane of the tensor
  assert.deepEqual(
    rows.map((row) => row.dot),
    [0, 1, 2, 3, 0, 0],
  );
  assert.deepEqual(rows[5].arriving, [0, 1, 2, 3]);
});

test("no line runs through a dot that does not read it", () => {
  const { rows } = lanes([[-1], [0], [0], [1], [2, 0], [3, 4], [5, 1]]);
  rows.forEach((row) => {
    if (row.dot != null && row.past.includes(row.dot)) {
      assert.fail(`lane ${row.dot} runs past its own dot`);
    }
  });
});

test("rows of a closed block read what its layers read from outside", () => {
  const names = ["a", "b.x", "b.y", "c"];
  const top = blocksOf(names);
  const { rows } = lanesOf(rowsOf(top, new Set()), new Set(), [[-1], [0], [1], [2]]);
  assert.deepEqual(
    rows.map((row) => row.dot),
    [0, 0, 0],
  );
  assert.equal(rows.length, 3);
});

test("lines of a row are a path", () => {
  const { rows } = lanes([[-1], [0]]);
  assert.equal(
    pathOf(rows[0], (lane) => 10 + lane, 20),
    "M10,3V10M10,10V20",
  );
  assert.equal(
    pathOf(rows[1], (lane) => 10 + lane, 20),
    "M10,0V10",
  );
});
