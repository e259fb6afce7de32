// The program's arithmetic, by numbers worked out by hand: that of Python, not that of JavaScript.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProgramData } from "../src/document";
import { floorDivide, Program, remainder, roundEven } from "../src/program";

/** A program, and what each node after the inputs is at some values of them. */
function valuesOf(data: Partial<ProgramData>, inputs: number[]): number[] {
  const program = new Program({ inputs: [], constants: [], operations: "", operands: {}, ...data });
  program.run(inputs);
  const count = data.operations?.length ?? 0;
  return Array.from({ length: count }, (_, i) =>
    program.values[program.address(inputs.length + i)]);
}

/** One operation on inputs: the operand at place i is the input i. */
function once(letter: string, ...inputs: number[]): number {
  const operands = Object.fromEntries(
    inputs.map((_, i) => [`${letter}${i}`, [inputs.length - i]]), // that many nodes back
  );
  const names = inputs.map((_, i) => `x${i}`);
  return valuesOf({ inputs: names, operations: letter, operands }, inputs)[0];
}

test("// is rounded down, and % has the sign of the divisor", () => {
  const rows = [[7, 2, 3, 1], [-7, 2, -4, 1], [7, -2, -4, -1], [-7, -2, 3, -1], [6, -3, -2, 0]];
  for (const [a, b, quotient, rest] of rows) {
    assert.equal(floorDivide(a, b), quotient, `${a} // ${b}`);
    assert.ok(remainder(a, b) === rest, `${a} % ${b}`); // 0 and -0 are one number here
    assert.equal(once("F", a, b), quotient);
    assert.ok(once("R", a, b) === rest);
  }
});

test("// of fractions is that of Python, where a quotient rounded first is one too many", () => {
  assert.equal(1 / 0.1, 10); // and yet ten times the double 0.1 is more than 1
  assert.equal(once("f", 1, 0.1), 9);
  assert.equal(once("f", -1, 0.1), -10);
  assert.equal(once("r", 1, 0.1), 0.09999999999999995);
  assert.equal(once("f", 7.5, 2), 3);
  assert.equal(once("r", -7.5, 2), 0.5);
});

test("halves are rounded to the even number", () => {
  const rows = [[0.5, 0], [1.5, 2], [2.5, 2], [3.5, 4], [-1.5, -2], [-2.5, -2], [2.4, 2], [2.6, 3]];
  for (const [a, rounded] of rows) {
    assert.equal(roundEven(a), rounded, `${a}`);
    assert.equal(once("I", a), rounded, `${a}`);
  }
  assert.ok(roundEven(-0.5) === 0);
  assert.equal(roundEven(2 ** 52 + 1), 2 ** 52 + 1);
});

test("the larger and the smaller, of equal ones the first", () => {
  assert.equal(once("x", 2, 3), 3);
  assert.equal(once("x", 3, 2), 3);
  assert.equal(once("n", 2, 3), 2);
  assert.equal(once("n", 3, 2), 2);
  // 0 and -0 are equal, and tell which one was taken.
  assert.ok(Object.is(once("x", -0, 0), -0));
  assert.ok(Object.is(once("x", 0, -0), 0));
  assert.ok(Object.is(once("n", 0, -0), 0));
  assert.ok(Object.is(once("n", -0, 0), -0));
});

test("of what is not known nothing is known", () => {
  for (const letter of ["a", "s", "m", "d", "f", "r", "x", "n"]) {
    assert.ok(Number.isNaN(once(letter, NaN, 2)), letter);
    assert.ok(Number.isNaN(once(letter, 2, NaN)), letter);
  }
  for (const letter of ["l", "c", "i", "q", "e", "g"]) {
    assert.ok(Number.isNaN(once(letter, NaN)), letter);
  }
  assert.ok(Number.isNaN(once("f", 1, 0)));
  assert.ok(Number.isNaN(once("r", 1, 0)));
});

test("the other operations", () => {
  assert.equal(once("A", 2, 3), 5);
  assert.equal(once("S", 2, 3), -1);
  assert.equal(once("M", 2, 3), 6);
  assert.equal(once("d", 3, 2), 1.5);
  assert.equal(once("L", -1.5), -2);
  assert.equal(once("C", -1.5), -1);
  assert.equal(once("q", 9), 3);
  assert.equal(once("e", 0), 1);
  assert.equal(once("g", 1), 0);
  assert.equal(once("V", 12, 18), 6);
  assert.equal(once("V", -12, 0), 12);
});

test("conditions are 0 and 1, and choose", () => {
  assert.deepEqual([once("t", 2, 2), once("t", 2, 3)], [1, 0]);
  assert.deepEqual([once("u", 2, 3), once("u", 3, 3)], [1, 0]);
  assert.deepEqual([once("y", 3, 3), once("y", 4, 3)], [1, 0]);
  assert.deepEqual([once("b", 2, 1), once("b", 2, 0)], [1, 0]);
  assert.deepEqual([once("o", 0, 2), once("o", 0, 0)], [1, 0]);
  assert.deepEqual([once("z", 0), once("z", 5)], [1, 0]);
  assert.equal(once("w", 1, 10, 20), 10);
  assert.equal(once("w", 0, 10, 20), 20);
});

test("products of two, of a coefficient and one, and of a coefficient and some", () => {
  assert.equal(once("P", 6, 7), 42);
  const data = {
    inputs: ["x", "y", "z"],
    constants: [9],
    operations: "KH",
    // 9 * x, where x is three nodes back; then three factors y, z and the node before.
    operands: { K0: [-1], K1: [3], H: [3], H0: [-1], H1: [3], H2: [2, 1] },
  };
  assert.deepEqual(valuesOf(data, [2, 3, 5]), [18, 9 * 3 * 5 * 18]);
});

test("operands far away are written by the distance from the one before", () => {
  const inputs = Array.from({ length: 50 }, (_, i) => `x${i}`);
  // Nodes 3, then 1, by 32 + 1 + 2 * 3 and 32 + 2 * 2; the other operand is the node before.
  const data = { inputs, operations: "AA", operands: { A0: [39, 36], A1: [1, 1] } };
  const numbers = inputs.map((_, i) => 10 * i);
  assert.deepEqual(valuesOf(data, numbers), [30 + 490, 10 + 520]);
});

test("constants that JSON has no word for", () => {
  const constants = ["Infinity", "-Infinity", "NaN", 0.5];
  const data = {
    inputs: ["x"],
    constants,
    operations: "xnam",
    operands: { x0: [1], x1: [-1], n0: [2], n1: [-2], a0: [3], a1: [-3], m0: [4], m1: [-4] },
  };
  assert.deepEqual(valuesOf(data, [3]), [Infinity, -Infinity, NaN, 1.5]);
});

test("whole numbers beyond 2^53 are marked, fractions are not", () => {
  const square = (letter: string) =>
    new Program({
      inputs: ["x"], constants: [], operations: letter,
      operands: { [`${letter}0`]: [1], [`${letter}1`]: [1] },
    });
  const whole = square("M");
  whole.run([2 ** 26]);
  assert.equal(whole.isExact, true); // 2^52
  whole.run([2 ** 27]);
  assert.equal(whole.isExact, false); // 2^54
  whole.run([3]);
  assert.equal(whole.isExact, true); // and not for ever
  const fraction = square("m");
  fraction.run([2 ** 27]);
  assert.equal(fraction.isExact, true);
});

test("guards hold where every condition comes out as it did", () => {
  const program = new Program({
    inputs: ["x"], constants: [4, 0], operations: "ut",
    operands: { u0: [1], u1: [-1], t0: [2], t1: [-2] },
  });
  const isBelow = 1, isZero = 2; // nodes; the input is node 0
  const guards = [2 * isBelow + 1, 2 * isZero]; // x < 4, and not x == 0
  const holds = (x: number) => (program.run([x]), program.holds(guards));
  assert.deepEqual([3, 4, 0, -1, NaN].map(holds), [true, false, false, true, false]);
  assert.equal(program.holds([]), true);
});

test("a program that cannot be is refused", () => {
  const data = { inputs: ["x"], constants: [], operations: "!", operands: {} };
  assert.throws(() => new Program(data), /no operation "!"/);
  const forward = { inputs: ["x"], constants: [], operations: "l", operands: { l0: [2] } };
  assert.throws(() => new Program(forward), /out of place/);
});

test("a long sum: its terms in rising order, each as often as it is added", () => {
  const sum = {
    inputs: ["a", "b", "c"], constants: [100], operations: "J",
    // The terms are the constant, a and c: c is one node back, and 2 behind a, which is 1 behind.
    operands: { J: [3], J0: [1], J1: [1, 2], J2: [0, 4, 0] },
  };
  assert.deepEqual(valuesOf(sum, [7, 1000, 2]), [100 + 5 * 7 + 2]);
  assert.deepEqual(valuesOf(sum, [Number.NaN, 0, 0]), [Number.NaN]);
  const program = new Program(sum);
  program.run([2 ** 52, 0, 0]);
  assert.equal(program.isExact, false);
});
