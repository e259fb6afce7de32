// A recorded program: what Python's rules calculated, replayed on other values of its inputs.
// `mnet_cost/explorer/program.py` writes it and says what each letter means. Runs in Node as well.

import type { ProgramData } from "./document";

const OPERANDS: Readonly<Record<string, number>> = {
  a: 2, s: 2, m: 2, d: 2, f: 2, r: 2, l: 1, c: 1, i: 1, q: 1, e: 1, g: 1, x: 2, n: 2, v: 2, w: 3,
  t: 2, u: 2, y: 2, b: 2, o: 2, z: 1, p: 2, k: 2,
};

/** Nodes back that are near. */
const NEAR = 32;

/** Above it, what stands for a whole number may be another one that was rounded. */
const MOST = Number.MAX_SAFE_INTEGER;

/** Python's `%`: of the sign of the divisor. */
export function remainder(a: number, b: number): number {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}

/** Python's `//`, which is rounded down; done as Python does it, so that the last bit is equal. */
export function floorDivide(a: number, b: number): number {
  if (b === 0) return NaN;
  const rest = a % b;
  let quotient = (a - rest) / b;
  if (rest !== 0 && rest < 0 !== b < 0) quotient -= 1;
  const below = Math.floor(quotient);
  return quotient - below > 0.5 ? below + 1 : below;
}

/** Python's `round`: halves to the even number. */
export function roundEven(a: number): number {
  const below = Math.floor(a);
  const above = a - below;
  return above > 0.5 || (above === 0.5 && below % 2 !== 0) ? below + 1 : below;
}

/** The larger one, the first of equal ones; of what is not known it is not known. */
function larger(a: number, b: number): number {
  return a !== a ? a : b !== b || b > a ? b : a;
}

function smaller(a: number, b: number): number {
  return a !== a ? a : b !== b || b < a ? b : a;
}

function commonDivisor(a: number, b: number): number {
  a = Math.abs(a);
  b = Math.abs(b);
  while (b > 0) [a, b] = [b, a % b];
  return a;
}

interface OperandList {
  list: readonly number[];
  next: number;
  /** The last node far away. */
  far: number;
}

export class Program {
  /** Values of constants, then of inputs, then of the other nodes, at the last run. */
  readonly values: Float64Array;
  /** Whether all whole numbers of the last run are below 2^53, and so exact. */
  isExact = true;
  readonly inputs: readonly string[];
  private readonly constants: number;
  private readonly operations: Uint8Array;
  private readonly isWhole: Uint8Array;
  private readonly operands: Int32Array;

  constructor(data: ProgramData) {
    this.inputs = data.inputs;
    this.constants = data.constants.length;
    const letters = data.operations;
    const first = this.constants + data.inputs.length;
    this.values = new Float64Array(first + letters.length);
    data.constants.forEach((constant, i) => (this.values[i] = Number(constant)));
    this.operations = new Uint8Array(letters.length);
    this.isWhole = new Uint8Array(letters.length);
    const lists = new Map<string, OperandList>();
    for (const [key, list] of Object.entries(data.operands)) {
      lists.set(key, { list, next: 0, far: 0 });
    }
    const operands: number[] = [];
    const next = (key: string): number => {
      const list = lists.get(key)!;
      return list.list[list.next++];
    };
    for (let i = 0; i < letters.length; i++) {
      const letter = letters[i].toLowerCase();
      this.operations[i] = letter.charCodeAt(0);
      this.isWhole[i] = letter === letters[i] ? 0 : 1;
      let count = OPERANDS[letter];
      if (letter === "h") {
        count = next(letters[i]) + 1;
        operands.push(count - 1);
      } else if (letter === "j") {
        this.sum(operands, first + i, letters[i], next);
        continue;
      } else if (count === undefined) {
        throw new Error(`a program has no operation "${letter}"`);
      }
      for (let place = 0; place < count; place++) {
        const from = lists.get(letters[i] + Math.min(place, 2))!;
        operands.push(this.place(from, first + i));
      }
    }
    this.operands = Int32Array.from(operands);
  }

  /** Append how many terms a sum has, then the address of each and how often it is added. */
  private sum(
    operands: number[],
    own: number,
    letter: string,
    next: (key: string) => number,
  ): void {
    const count = next(letter);
    const last = own - this.constants - next(`${letter}0`);
    const steps = Array.from({ length: count - 1 }, () => next(`${letter}1`));
    let slot = steps.reduce((rest, step) => rest - step, last);
    operands.push(count);
    for (let term = 0; term < count; term++) {
      if (term > 0) slot += steps[term - 1];
      const address = this.address(slot);
      if (!(address >= 0 && address < own)) throw new Error("a program has a term out of place");
      operands.push(address, 1 + next(`${letter}2`));
    }
  }

  /** The address of the next operand in a list, of the node at the address `own`. */
  private place(from: OperandList, own: number): number {
    const written = from.list[from.next++];
    let place: number;
    if (written < 0) {
      place = -1 - written;
    } else if (written <= NEAR) {
      place = own - written;
    } else {
      const step = written - NEAR - 1;
      from.far += step % 2 === 0 ? step / 2 : -(step + 1) / 2;
      place = this.constants + from.far;
    }
    if (!(place >= 0 && place < own)) throw new Error("a program has an operand out of place");
    return place;
  }

  /** Where the value of a slot is. */
  address(slot: number): number {
    return slot < 0 ? -1 - slot : this.constants + slot;
  }

  /** Calculate all nodes for these values of the inputs, in their order. */
  run(inputs: readonly number[]): void {
    const { values, operations, operands, isWhole } = this;
    values.set(inputs, this.constants);
    let own = this.constants + inputs.length;
    let isExact = true;
    let at = 0;
    for (let i = 0; i < operations.length; i++, own++) {
      const a = values[operands[at]];
      let value: number;
      switch (operations[i]) {
        case 97: value = a + values[operands[at + 1]]; at += 2; break; // a
        case 98: value = a !== 0 && values[operands[at + 1]] !== 0 ? 1 : 0; at += 2; break; // b
        case 99: value = Math.ceil(a); at += 1; break; // c
        case 100: value = a / values[operands[at + 1]]; at += 2; break; // d
        case 101: value = Math.exp(a); at += 1; break; // e
        case 102: value = floorDivide(a, values[operands[at + 1]]); at += 2; break; // f
        case 103: value = Math.log(a); at += 1; break; // g
        case 104: { // h: operands[at] factors after a coefficient
          const end = at + 2 + operands[at];
          value = values[operands[at + 1]];
          for (at += 2; at < end; at++) value *= values[operands[at]];
          break;
        }
        case 105: value = roundEven(a); at += 1; break; // i
        case 106: { // j: operands[at] terms, each with how often it is added
          const end = at + 1 + 2 * operands[at];
          value = 0;
          for (at += 1; at < end; at += 2) {
            value += operands[at + 1] * values[operands[at]];
            if (isWhole[i] !== 0 && (value > MOST || value < -MOST)) isExact = false;
          }
          break;
        }
        case 107: case 109: case 112: value = a * values[operands[at + 1]]; at += 2; break; // k m p
        case 108: value = Math.floor(a); at += 1; break; // l
        case 110: value = smaller(a, values[operands[at + 1]]); at += 2; break; // n
        case 111: value = a !== 0 || values[operands[at + 1]] !== 0 ? 1 : 0; at += 2; break; // o
        case 113: value = Math.sqrt(a); at += 1; break; // q
        case 114: value = remainder(a, values[operands[at + 1]]); at += 2; break; // r
        case 115: value = a - values[operands[at + 1]]; at += 2; break; // s
        case 116: value = a === values[operands[at + 1]] ? 1 : 0; at += 2; break; // t
        case 117: value = a < values[operands[at + 1]] ? 1 : 0; at += 2; break; // u
        case 118: value = commonDivisor(a, values[operands[at + 1]]); at += 2; break; // v
        case 119: value = values[operands[a !== 0 ? at + 1 : at + 2]]; at += 3; break; // w
        case 120: value = larger(a, values[operands[at + 1]]); at += 2; break; // x
        case 121: value = a <= values[operands[at + 1]] ? 1 : 0; at += 2; break; // y
        default: value = a === 0 ? 1 : 0; at += 1; // z
      }
      values[own] = value;
      if (isWhole[i] !== 0 && (value > MOST || value < -MOST)) isExact = false;
    }
    this.isExact = isExact;
  }

  /** Whether conditions came out as they have to: 2 * node + 1 where one has to hold. */
  holds(guards: readonly number[]): boolean {
    const { values, constants } = this;
    for (const guard of guards) {
      if ((values[constants + (guard >> 1)] !== 0 ? 1 : 0) !== (guard & 1)) return false;
    }
    return true;
  }
}
