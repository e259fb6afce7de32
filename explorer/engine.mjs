// src/program.ts
var OPERANDS = {
  a: 2,
  s: 2,
  m: 2,
  d: 2,
  f: 2,
  r: 2,
  l: 1,
  c: 1,
  i: 1,
  q: 1,
  e: 1,
  g: 1,
  x: 2,
  n: 2,
  v: 2,
  w: 3,
  t: 2,
  u: 2,
  y: 2,
  b: 2,
  o: 2,
  z: 1,
  p: 2,
  k: 2
};
var NEAR = 32;
var MOST = Number.MAX_SAFE_INTEGER;
function remainder(a, b) {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
}
function floorDivide(a, b) {
  if (b === 0) return NaN;
  const rest = a % b;
  let quotient = (a - rest) / b;
  if (rest !== 0 && rest < 0 !== b < 0) quotient -= 1;
  const below = Math.floor(quotient);
  return quotient - below > 0.5 ? below + 1 : below;
}
function roundEven(a) {
  const below = Math.floor(a);
  const above = a - below;
  return above > 0.5 || above === 0.5 && below % 2 !== 0 ? below + 1 : below;
}
function larger(a, b) {
  return a !== a ? a : b !== b || b > a ? b : a;
}
function smaller(a, b) {
  return a !== a ? a : b !== b || b < a ? b : a;
}
function commonDivisor(a, b) {
  a = Math.abs(a);
  b = Math.abs(b);
  while (b > 0) [a, b] = [b, a % b];
  return a;
}
var Program = class {
  /** Values of constants, then of inputs, then of the other nodes, at the last run. */
  values;
  /** Whether all whole numbers of the last run are below 2^53, and so exact. */
  isExact = true;
  inputs;
  constants;
  operations;
  isWhole;
  operands;
  constructor(data) {
    this.inputs = data.inputs;
    this.constants = data.constants.length;
    const letters = data.operations;
    const first = this.constants + data.inputs.length;
    this.values = new Float64Array(first + letters.length);
    data.constants.forEach((constant, i) => this.values[i] = Number(constant));
    this.operations = new Uint8Array(letters.length);
    this.isWhole = new Uint8Array(letters.length);
    const lists = /* @__PURE__ */ new Map();
    for (const [key, list] of Object.entries(data.operands)) {
      lists.set(key, { list, next: 0, far: 0 });
    }
    const operands = [];
    const next = (key) => {
      const list = lists.get(key);
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
      } else if (count === void 0) {
        throw new Error(`a program has no operation "${letter}"`);
      }
      for (let place = 0; place < count; place++) {
        const from = lists.get(letters[i] + Math.min(place, 2));
        operands.push(this.place(from, first + i));
      }
    }
    this.operands = Int32Array.from(operands);
  }
  /** Append how many terms a sum has, then the address of each and how often it is added. */
  sum(operands, own, letter, next) {
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
  place(from, own) {
    const written = from.list[from.next++];
    let place;
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
  address(slot) {
    return slot < 0 ? -1 - slot : this.constants + slot;
  }
  /** Calculate all nodes for these values of the inputs, in their order. */
  run(inputs) {
    const { values, operations, operands, isWhole } = this;
    values.set(inputs, this.constants);
    let own = this.constants + inputs.length;
    let isExact = true;
    let at = 0;
    for (let i = 0; i < operations.length; i++, own++) {
      const a = values[operands[at]];
      let value;
      switch (operations[i]) {
        case 97:
          value = a + values[operands[at + 1]];
          at += 2;
          break;
        // a
        case 98:
          value = a !== 0 && values[operands[at + 1]] !== 0 ? 1 : 0;
          at += 2;
          break;
        // b
        case 99:
          value = Math.ceil(a);
          at += 1;
          break;
        // c
        case 100:
          value = a / values[operands[at + 1]];
          at += 2;
          break;
        // d
        case 101:
          value = Math.exp(a);
          at += 1;
          break;
        // e
        case 102:
          value = floorDivide(a, values[operands[at + 1]]);
          at += 2;
          break;
        // f
        case 103:
          value = Math.log(a);
          at += 1;
          break;
        // g
        case 104: {
          const end = at + 2 + operands[at];
          value = values[operands[at + 1]];
          for (at += 2; at < end; at++) value *= values[operands[at]];
          break;
        }
        case 105:
          value = roundEven(a);
          at += 1;
          break;
        // i
        case 106: {
          const end = at + 1 + 2 * operands[at];
          value = 0;
          for (at += 1; at < end; at += 2) {
            value += operands[at + 1] * values[operands[at]];
            if (isWhole[i] !== 0 && (value > MOST || value < -MOST)) isExact = false;
          }
          break;
        }
        case 107:
        case 109:
        case 112:
          value = a * values[operands[at + 1]];
          at += 2;
          break;
        // k m p
        case 108:
          value = Math.floor(a);
          at += 1;
          break;
        // l
        case 110:
          value = smaller(a, values[operands[at + 1]]);
          at += 2;
          break;
        // n
        case 111:
          value = a !== 0 || values[operands[at + 1]] !== 0 ? 1 : 0;
          at += 2;
          break;
        // o
        case 113:
          value = Math.sqrt(a);
          at += 1;
          break;
        // q
        case 114:
          value = remainder(a, values[operands[at + 1]]);
          at += 2;
          break;
        // r
        case 115:
          value = a - values[operands[at + 1]];
          at += 2;
          break;
        // s
        case 116:
          value = a === values[operands[at + 1]] ? 1 : 0;
          at += 2;
          break;
        // t
        case 117:
          value = a < values[operands[at + 1]] ? 1 : 0;
          at += 2;
          break;
        // u
        case 118:
          value = commonDivisor(a, values[operands[at + 1]]);
          at += 2;
          break;
        // v
        case 119:
          value = values[operands[a !== 0 ? at + 1 : at + 2]];
          at += 3;
          break;
        // w
        case 120:
          value = larger(a, values[operands[at + 1]]);
          at += 2;
          break;
        // x
        case 121:
          value = a <= values[operands[at + 1]] ? 1 : 0;
          at += 2;
          break;
        // y
        default:
          value = a === 0 ? 1 : 0;
          at += 1;
      }
      values[own] = value;
      if (isWhole[i] !== 0 && (value > MOST || value < -MOST)) isExact = false;
    }
    this.isExact = isExact;
  }
  /** Whether conditions came out as they have to: 2 * node + 1 where one has to hold. */
  holds(guards) {
    const { values, constants } = this;
    for (const guard of guards) {
      if ((values[constants + (guard >> 1)] !== 0 ? 1 : 0) !== (guard & 1)) return false;
    }
    return true;
  }
};

// src/costs.ts
var DEVICE_NUMBERS = [
  "latency_s",
  "low_s",
  "high_s",
  "bound_s",
  "inference_s",
  "untimed",
  "energy_j",
  "energy_low_j",
  "energy_high_j"
];
var ModelCosts = class {
  constructor(model) {
    this.model = model;
    const program = new Program(model.program);
    const knobs = new Map(model.knobs.map((knob) => [knob.name, knob]));
    this.program = program;
    this.sliders = program.inputs.map((name) => {
      const knob = knobs.get(name);
      if (knob === void 0) throw new Error(`there is no knob for the input "${name}"`);
      return knob;
    });
    this.others = model.knobs.filter((knob) => !program.inputs.includes(knob.name));
    this.read = (slot) => {
      if (slot === null) return null;
      const value = program.values[program.address(slot)];
      return Number.isNaN(value) ? null : value;
    };
  }
  program;
  sliders;
  others;
  read;
  /** All numbers at a setting; null where no structure of the page holds. */
  numbers(setting, precision) {
    const found = this.find(setting, precision);
    if (found === null) return null;
    const { structure, outline } = found;
    const read = this.read;
    const layers = readTable(outline.layers, read);
    const { memory } = outline;
    const bytes = undifferenced(memory.bytes, read);
    return {
      structure,
      precision,
      is_exact: this.program.isExact,
      totals: readTotals(outline, read),
      layers: {
        shape: layers.list("shape"),
        symbols: layers.list("symbols"),
        values: layers.list("values"),
        mult_adds: layers.column("mult_adds"),
        params: layers.column("params"),
        weight_bytes: layers.column("weight_bytes"),
        input_bytes: layers.column("input_bytes"),
        output_bytes: layers.column("output_bytes")
      },
      memory: {
        live: undifferenced(memory.live, read),
        tensors: memory.name.map((name, i) => ({
          name: typeof name === "number" ? structure.layers.name[name] : name,
          bytes: bytes[i],
          first: memory.first[i],
          last: memory.last[i]
        }))
      },
      devices: outline.devices.map((device, index) => ({
        ...readDevice(device, structure, read),
        timed_at: read(device.numbers.latency_s) === null ? timedAt(structure, index, precision) : []
      }))
    };
  }
  /** Totals and times at a setting; null where no structure of the page holds. */
  headline(setting, precision) {
    const found = this.find(setting, precision);
    if (found === null) return null;
    return {
      totals: readTotals(found.outline, this.read),
      devices: found.outline.devices.map((device) => ({
        ...readNumbers(device, this.read),
        basis: device.basis
      }))
    };
  }
  /** Run the program, and find the structure that holds. */
  find(setting, precision) {
    const valueOf = (knob) => setting[knob.name] ?? knob.default;
    this.program.run(this.sliders.map((knob) => Number(valueOf(knob))));
    for (const structure of this.model.structures) {
      const outline = structure.at[precision];
      if (outline !== void 0 && this.others.every((knob) => structure.fixed[knob.name] === valueOf(knob)) && this.program.holds(outline.guards)) {
        return { structure, outline };
      }
    }
    return null;
  }
};
function costsOf(page) {
  return page.models.map((model) => new ModelCosts(model));
}
function undifferenced(column, read) {
  let slot = 0;
  return column.map((more) => more === null ? null : read(slot += more));
}
var keptSlots = /* @__PURE__ */ new WeakMap();
var keptLists = /* @__PURE__ */ new WeakMap();
function slotsOf(column) {
  let slots = keptSlots.get(column);
  if (slots === void 0) keptSlots.set(column, slots = undifferenced(column, (slot) => slot));
  return slots;
}
function listsOf(table) {
  let found = keptLists.get(table);
  if (found === void 0) {
    const { lengths, places } = table;
    const parts = lengths.map(() => []);
    places.forEach((column, place) => {
      const slots = slotsOf(column);
      let next = 0;
      lengths.forEach((length, i) => {
        if (place < length) parts[i].push(slots[next++]);
      });
    });
    keptLists.set(table, found = parts);
  }
  return found;
}
function readTable(table, read) {
  const { row, columns, lists } = table;
  return {
    column(name) {
      const slots = slotsOf(columns[name]);
      return row.map((i) => read(slots[i]));
    },
    list(name) {
      const slots = listsOf(lists[name]);
      return row.map((i) => slots[i].map(read));
    }
  };
}
function readTotals(outline, read) {
  const totals = Object.entries(outline.totals).map(([name, slot]) => [name, read(slot)]);
  return Object.fromEntries(totals);
}
function readNumbers(device, read) {
  const numbers = DEVICE_NUMBERS.map((name) => [name, read(device.numbers[name])]);
  return Object.fromEntries(numbers);
}
function timedAt(structure, device, shown) {
  return Object.keys(structure.at).filter(
    (precision) => precision !== shown && structure.at[precision].devices[device].numbers.latency_s !== null
  );
}
function readDevice(device, structure, read) {
  const numbers = readNumbers(device, read);
  return {
    ...numbers,
    basis: numbers.latency_s === null ? null : device.basis,
    is_least: device.basis === "bound" || (numbers.untimed ?? 0) > 0,
    energy_how: numbers.energy_j === null ? "" : device.energy_how,
    notes: said(device.notes, read),
    outside: said(device.outside, read),
    capacity: device.capacity.map((row) => ({
      what: row.what,
      where: row.where,
      needed_bytes: read(row.needed),
      available_bytes: read(row.available),
      is_least: row.is_least
    })),
    kernels: readKernels(device, structure, read)
  };
}
function readKernels(device, structure, read) {
  const table = readTable(device.kernels, read);
  const layers = structure.kernel_layers[device.kernel_layers];
  const levels = table.list("level_bytes");
  return {
    name: layers.map(([anchor]) => structure.layers.name[anchor]),
    layers,
    latency_s: table.column("latency_s"),
    compute_s: table.column("compute_s"),
    memory_s: table.column("memory_s"),
    overhead_s: table.column("overhead_s"),
    bound_compute_s: table.column("bound_compute_s"),
    bound_memory_s: table.column("bound_memory_s"),
    mult_adds: table.column("mult_adds"),
    traffic_bytes: table.column("traffic_bytes"),
    level_bytes: (levels[0] ?? []).map((_, level) => levels.map((bytes) => bytes[level] ?? null))
  };
}
function said(sentences, read) {
  const texts = [];
  for (const { text, one, holds, number } of sentences) {
    if (!read(holds)) continue;
    const value = read(number);
    if (one !== "" && value === 1) texts.push(one);
    else if (value === null) texts.push(text);
    else texts.push(text.replace("{}", text.startsWith("{} %") ? percent(value) : `${value}`));
  }
  return texts;
}
function percent(share) {
  return (100 * share).toFixed(0);
}

// src/reading.ts
function readDocument(text) {
  const page = JSON.parse(text);
  if (page.format !== "mnet-cost/explore/1") throw new Error("it is of another version");
  for (const model of page.models) readStructures(model);
  return page;
}
function readStructures(model) {
  model.structures = model.structures.map(
    (structure) => structureOf(withShared(structure, model.shared), model)
  );
}
function structureOf(written, model) {
  const { layers, reads, calls, kernel_layers, at, ...rest } = written;
  const rows = summed(layers);
  const pick = (column) => rows.map((row) => column[row]);
  const { name, kind, variety, line, nodes, form, count } = model.texts;
  return {
    ...rest,
    layers: {
      name: pick(name),
      kind: pick(kind),
      variety: pick(variety),
      line: pick(line),
      nodes: pick(nodes),
      form: pick(form),
      count: pick(count),
      inputs: reads.map((back, layer) => back.map((distance) => layer - distance))
    },
    calls: summed(calls).map((row) => model.calls[row]),
    kernel_layers: kernel_layers.map(kernelLayers),
    at: Object.fromEntries(
      Object.entries(at).map(([precision, outline]) => [
        precision,
        outlineOf(outline, model.tables[precision])
      ])
    )
  };
}
function outlineOf(written, tables) {
  const first = summed(written.memory.first);
  return {
    ...written,
    guards: summed(written.guards),
    layers: { row: summed(written.layers), ...tables.layers },
    memory: {
      ...written.memory,
      name: written.memory.name.map((name, i) => typeof name === "number" ? first[i] + name : name),
      first,
      last: written.memory.last.map((more, i) => first[i] + more)
    },
    devices: written.devices.map((device, i) => ({
      ...device,
      kernels: { row: summed(device.kernels), ...tables.kernels[i] }
    }))
  };
}
function kernelLayers(written) {
  let first = 0;
  return written.map((steps) => {
    if (steps.length === 0) return [];
    first += steps[0];
    return summed([first, ...steps.slice(1)]);
  });
}
function summed(steps) {
  let number = 0;
  return steps.map((step) => number += step);
}
function withShared(value, shared) {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) {
    return typeof value[0] === "object" ? value.map((item) => withShared(item, shared)) : value;
  }
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0][0] === "shared") {
    return withShared(shared[entries[0][1]], shared);
  }
  return Object.fromEntries(entries.map(([key, item]) => [key, withShared(item, shared)]));
}
export {
  ModelCosts,
  Program,
  costsOf,
  readDocument
};
