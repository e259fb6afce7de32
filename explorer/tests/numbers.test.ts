// Numbers are written as the terminal report writes them.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bytes,
  capacity,
  count,
  percent,
  plural,
  quantity,
  range,
  seconds,
  setting,
  times,
  whole,
} from "../src/numbers";

test("three digits and a prefix, rounded before the prefix is chosen", () => {
  assert.equal(seconds(0.0531649), "53.2 ms");
  assert.equal(seconds(999.6e-6), "1.00 ms");
  assert.equal(seconds(0.9996), "1.00 s");
  assert.equal(seconds(4000.2), "4000 s"); // nobody says kiloseconds
  assert.equal(seconds(54.7e-6), "54.7 µs");
  assert.equal(quantity(9.37e9, "MAC/s"), "9.37 GMAC/s");
  assert.equal(quantity(0.0268, "J"), "26.8 mJ");
  assert.equal(quantity(1e-14, "J"), "0.01 pJ");
});

test("a small whole number is not rounded", () => {
  assert.equal(quantity(42, "s"), "42 s");
  assert.equal(count(864), "864");
  assert.equal(count(568_740_352), "568.7 M");
  assert.equal(count(999_960), "1.000 M");
});

test("bytes have no prefix below one", () => {
  assert.equal(bytes(0.4), "0 B");
  assert.equal(bytes(4_816_896), "4.82 MB");
  assert.equal(capacity(4e9), "4.00 GB");
  assert.equal(capacity(512 * 1024), "512 KiB");
  assert.equal(capacity(null), "–");
});

test("unknown is a dash and never a zero", () => {
  for (const write of [seconds, bytes, count, whole, percent, times, capacity]) {
    assert.equal(write(null), "–");
    assert.equal(write(undefined), "–");
  }
  assert.equal(seconds(Number.NaN), "–");
  assert.equal(range(null, 2, "s"), "–");
  assert.equal(seconds(0), "0 s");
  assert.equal(whole(0), "0");
});

test("a count beyond what a double holds is marked", () => {
  assert.equal(whole(9_007_199_254_740_991), "9,007,199,254,740,991");
  assert.equal(whole(2 ** 60), "about 1,152,921,504,606,847,000");
});

test("shares", () => {
  assert.equal(percent(0), "0");
  assert.equal(percent(0.0002), "<0.1 %");
  assert.equal(percent(0.031), "3.1 %");
  assert.equal(percent(0.0994), "9.9 %");
  assert.equal(percent(0.0996), "10 %");
  assert.equal(percent(0.999), "100 %");
  assert.equal(percent(1), "100 %");
  assert.equal(percent(Infinity), "–");
});

test("ratios and ranges", () => {
  assert.equal(times(0.4389), "0.44×");
  assert.equal(times(0.01234), "0.012×");
  assert.equal(times(9.999), "10.0×");
  assert.equal(times(1503.4), "1,503×");
  assert.equal(range(0.0461, 0.0614, "s"), "46.1–61.4 ms");
  assert.equal(range(0.000912, 0.00131, "s"), "912 µs – 1.31 ms");
  assert.equal(range(1, 2, ""), "1–2");
});

test("settings and plurals", () => {
  assert.equal(setting(0.1 + 0.2), "0.3");
  assert.equal(setting(true), "true");
  assert.equal(setting("relu6"), "relu6");
  assert.equal(plural(1, "layer"), "1 layer");
  assert.equal(plural(0, "layer"), "0 layers");
  assert.equal(plural(1234, "layer"), "1,234 layers");
});
