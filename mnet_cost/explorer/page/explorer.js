"use strict";
(() => {
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
    const pick = (column) => rows.map((row2) => column[row2]);
    const { name, kind, variety, line, nodes, form, count: count2 } = model.texts;
    return {
      ...rest,
      layers: {
        name: pick(name),
        kind: pick(kind),
        variety: pick(variety),
        line: pick(line),
        nodes: pick(nodes),
        form: pick(form),
        count: pick(count2),
        inputs: reads.map((back, layer) => back.map((distance) => layer - distance))
      },
      calls: summed(calls).map((row2) => model.calls[row2]),
      kernel_layers: kernel_layers.map(kernelLayers),
      at: Object.fromEntries(
        Object.entries(at).map(([precision2, outline]) => [
          precision2,
          outlineOf(outline, model.tables[precision2])
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
    let number2 = 0;
    return steps.map((step) => number2 += step);
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

  // src/knobs.ts
  var LOG_STEPS = 240;
  function placeOf(knob, value) {
    if (knob.max <= knob.min) return 0;
    const place2 = knob.is_log ? Math.log(value / knob.min) / Math.log(knob.max / knob.min) : (value - knob.min) / (knob.max - knob.min);
    return Math.min(Math.max(place2, 0), 1);
  }
  function valueAt(knob, place2) {
    const exact = knob.is_log ? knob.min * (knob.max / knob.min) ** place2 : knob.min + place2 * (knob.max - knob.min);
    return toStep(knob, exact);
  }
  function toStep(knob, value) {
    if (knob.positions) return nearest(knob.positions, value);
    const steps = Math.round((value - knob.min) / knob.step);
    const inside = Math.min(Math.max(knob.min + steps * knob.step, knob.min), knob.max);
    return knob.whole ? Math.round(inside) : Number(inside.toPrecision(12));
  }
  function neighbour(knob, value, direction) {
    if (knob.positions) {
      const beyond = knob.positions.filter((one) => (one - value) * direction > 0);
      return (direction > 0 ? beyond[0] : beyond[beyond.length - 1]) ?? value;
    }
    if (!knob.is_log) return toStep(knob, value + direction * knob.step);
    let place2 = placeOf(knob, value);
    for (let tries = 0; tries < LOG_STEPS; tries += 1) {
      place2 += direction / 32;
      const next = valueAt(knob, Math.min(Math.max(place2, 0), 1));
      if (next !== value) return next;
      if (place2 <= 0 || place2 >= 1) return value;
    }
    return value;
  }
  var nearest = (values, value) => values.reduce((best, one) => Math.abs(one - value) < Math.abs(best - value) ? one : best);
  function gridOf(knob) {
    const count2 = Math.floor((knob.max - knob.min) / knob.step + 1e-9);
    return Array.from({ length: count2 + 1 }, (_, i) => toStep(knob, knob.min + i * knob.step));
  }
  var isOnGrid = (knob, value) => Math.abs(toStep(knob, value) - value) < 1e-9 || knob.published.includes(value);

  // src/controls.ts
  function controlsOf(page) {
    const found = /* @__PURE__ */ new Map();
    page.models.forEach((model, index) => {
      for (const knob of model.knobs) {
        const same = found.get(knob.name);
        if (same) same.push({ index, knob });
        else found.set(knob.name, [{ index, knob }]);
      }
    });
    return [...found.values()].map(joined);
  }
  function joined(all) {
    const movable = all.filter(({ knob: knob2 }) => knob2.control !== "fixed");
    const those = movable.length ? movable : all;
    const owners = those.map(({ index }) => index);
    const [{ knob }] = those;
    const sliders2 = those.flatMap((one) => one.knob.control === "slider" ? [one.knob] : []);
    if (those.length === 1 || knob.control === "fixed") return { ...knob, owners };
    if (sliders2.length === those.length) return { ...joinedSlider(sliders2), owners };
    return { ...joinedSelect(those.map((one) => one.knob)), owners };
  }
  function joinedSlider(all) {
    const [first] = all;
    const isSame = all.every(
      (one) => one.min === first.min && one.max === first.max && one.step === first.step
    );
    const published = rising(all.flatMap((one) => one.published));
    if (isSame) return { ...first, published };
    return {
      ...first,
      published,
      min: Math.min(...all.map((one) => one.min)),
      max: Math.max(...all.map((one) => one.max)),
      step: Math.min(...all.map((one) => one.step)),
      whole: all.every((one) => one.whole),
      is_log: all.every((one) => one.is_log),
      positions: positionsOf(all)
    };
  }
  var LEAST_POSITIONS = 12;
  function positionsOf(all) {
    const values = rising(all.flatMap((one) => [...gridOf(one), ...one.published, one.default]));
    const agreed = values.filter(
      (value) => all.every((one) => value < one.min || value > one.max || isOnGrid(one, value))
    );
    const low = Math.max(...all.map((one) => one.min));
    const high = Math.min(...all.map((one) => one.max));
    const shared = agreed.filter((value) => value >= low && value <= high);
    if (low < high && shared.length < LEAST_POSITIONS) return values;
    return rising([...agreed, ...all.map((one) => one.default)]);
  }
  function joinedSelect(all) {
    const values = all.flatMap((one) => {
      if (one.control === "select") return one.values;
      return one.control === "slider" ? [...one.published, one.default] : [];
    });
    const each = [...new Set(values)];
    return {
      name: all[0].name,
      help: all[0].help,
      default: all[0].default,
      of: all[0].of,
      control: "select",
      values: each.every((one) => typeof one === "number") ? rising(each) : each,
      published: []
    };
  }
  var rising = (values) => [...new Set(values)].sort((a, b) => a - b);
  function canTake(knob, value) {
    if (knob.control === "select") return knob.values.includes(value);
    if (knob.control === "fixed") return true;
    return typeof value === "number" && (!knob.whole || Number.isInteger(value));
  }
  function isInRange(knob, value) {
    if (!canTake(knob, value)) return false;
    return knob.control !== "slider" || Number(value) >= knob.min && Number(value) <= knob.max;
  }
  function ownersWords(page, owners) {
    if (owners.length < page.models.length) {
      return owners.map((index) => page.models[index].title).join(", ");
    }
    return owners.length === 2 ? "both networks" : `all ${owners.length} networks`;
  }
  function grouped(controls) {
    const groups2 = /* @__PURE__ */ new Map();
    for (const control2 of controls) {
      const key = control2.owners.join();
      const group = groups2.get(key);
      if (group) group.of.push(control2);
      else groups2.set(key, { owners: control2.owners, of: [control2] });
    }
    return [...groups2.values()].sort((a, b) => b.owners.length - a.owners.length);
  }

  // src/numbers.ts
  var UNKNOWN = "–";
  var PREFIXES = [
    [15, "P"],
    [12, "T"],
    [9, "G"],
    [6, "M"],
    [3, "k"],
    [0, ""],
    [-3, "m"],
    [-6, "µ"],
    [-9, "n"],
    [-12, "p"]
  ];
  var GROUPED = new Intl.NumberFormat("en-US");
  var WHOLE_UNITS = /* @__PURE__ */ new Set(["", "B", "MAC", "op"]);
  function quantity(value, unit, digits = 3) {
    if (value == null || Number.isNaN(value)) return UNKNOWN;
    const end = (text, prefix2 = "") => prefix2 + unit ? `${text} ${prefix2}${unit}` : text;
    if (!Number.isFinite(value)) return end(value > 0 ? "∞" : "-∞");
    if (Number.isInteger(value) && Math.abs(value) < 1e3) return end(String(value));
    const exponent = Number(value.toExponential(digits - 1).split("e")[1]);
    const highest = unit === "s" ? 0 : 15;
    const lowest = WHOLE_UNITS.has(unit) ? 0 : -12;
    const usable = PREFIXES.filter(([power2]) => power2 <= highest && power2 >= lowest);
    const [power, prefix] = usable.find(([p]) => p <= exponent) ?? usable[usable.length - 1];
    const scaled = power >= 0 ? value / 10 ** power : value * 10 ** -power;
    if (exponent < power) return end(String(Number(scaled.toPrecision(digits))), prefix);
    return end(scaled.toFixed(Math.max(0, digits - 1 - exponent + power)), prefix);
  }
  var seconds = (value) => quantity(value, "s");
  var bytes = (value) => quantity(value == null ? value : Math.round(value), "B");
  var count = (value) => quantity(value, "", 4);
  function whole(value) {
    if (value == null || Number.isNaN(value)) return UNKNOWN;
    const text = GROUPED.format(Math.round(value));
    return Math.abs(value) > Number.MAX_SAFE_INTEGER ? `about ${text}` : text;
  }
  function capacity(value) {
    if (value == null) return UNKNOWN;
    if (value % 1024 === 0 && value % 1e3 !== 0) {
      for (const [power, prefix] of [
        [40, "Ti"],
        [30, "Gi"],
        [20, "Mi"],
        [10, "Ki"]
      ]) {
        const size = value / 2 ** power;
        if (Number.isInteger(size)) return `${size} ${prefix}B`;
      }
    }
    return bytes(value);
  }
  function percent(share) {
    if (share == null || !Number.isFinite(share)) return UNKNOWN;
    if (share === 0) return "0";
    if (share < 5e-4) return "<0.1 %";
    const hundred = 100 * share;
    return `${hundred.toFixed(hundred >= 9.95 && hundred < 99.95 ? 0 : hundred >= 99.95 ? 0 : 1)} %`;
  }
  function times(ratio2) {
    if (ratio2 == null || !Number.isFinite(ratio2)) return UNKNOWN;
    if (ratio2 === 0) return "0×";
    if (ratio2 < 0.1) return `${Number(ratio2.toPrecision(2))}×`;
    if (ratio2 < 9.995) return `${ratio2.toFixed(2)}×`;
    if (ratio2 < 99.95) return `${ratio2.toFixed(1)}×`;
    return `${GROUPED.format(Math.round(ratio2))}×`;
  }
  function range(low, high, unit) {
    if (low == null || high == null) return UNKNOWN;
    const [least, first = ""] = split(quantity(low, unit));
    const [most, second = ""] = split(quantity(high, unit));
    if (first === second) return `${least}–${most} ${second}`.trimEnd();
    return `${least} ${first} – ${most} ${second}`;
  }
  function split(text) {
    const at = text.indexOf(" ");
    return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
  }
  function setting(value) {
    if (typeof value === "number") return String(Number(value.toPrecision(12)));
    return String(value);
  }
  var plural = (n, word) => `${GROUPED.format(n)} ${word}${n === 1 ? "" : "s"}`;

  // src/state.ts
  var METRICS = ["time", "mult_adds", "params", "bytes", "alive"];
  function initialState(page) {
    return {
      values: {},
      precision: page.precisions[0],
      device: 0,
      model: 0,
      metric: page.devices.length ? "time" : "mult_adds",
      open: /* @__PURE__ */ new Set(),
      selected: "",
      sort: null
    };
  }
  function settingOf(page, state, model) {
    const found = {};
    for (const knob of page.models[model].knobs) {
      const chosen = Object.hasOwn(state.values, knob.name) ? state.values[knob.name] : void 0;
      found[knob.name] = chosen === void 0 || knob.control === "fixed" ? knob.default : chosen;
    }
    return found;
  }
  function valueOf(state, knob) {
    return Object.hasOwn(state.values, knob.name) ? state.values[knob.name] : knob.default;
  }
  function setValue(page, state, name, value) {
    const isDefault = defaultsOf(page, name).every((one) => one === value);
    if (isDefault) delete state.values[name];
    else state.values[name] = value;
  }
  function defaultsOf(page, name) {
    const found = page.models.flatMap(
      (model) => model.knobs.filter((knob) => knob.name === name).map((knob) => knob.default)
    );
    return [...new Set(found)];
  }
  var OWN = ["@precision", "@device", "@model", "@metric", "@sort", "@layer", "@open"];
  function toFragment(page, state) {
    const first = initialState(page);
    const parts = Object.entries(state.values).map(([name, value]) => [
      name,
      setting(value)
    ]);
    if (state.precision !== first.precision) parts.push(["@precision", state.precision]);
    if (state.device) parts.push(["@device", page.devices[state.device].name]);
    if (state.model) parts.push(["@model", page.models[state.model].title]);
    if (state.metric !== first.metric) parts.push(["@metric", state.metric]);
    if (state.sort) parts.push(["@sort", (state.sort.rising ? "-" : "") + state.sort.by]);
    if (state.selected) parts.push(["@layer", state.selected]);
    for (const path of state.open) parts.push(["@open", path]);
    return parts.map(([name, value]) => `${encode(name)}=${encode(value)}`).join("&");
  }
  var encode = (text) => encodeURIComponent(text).replace(/%40/g, "@");
  function fromFragment(page, fragment) {
    const state = initialState(page);
    const ignored = [];
    const knobs = new Map(controlsOf(page).map((knob) => [knob.name, knob]));
    const own = OWN;
    const seen = /* @__PURE__ */ new Set();
    for (const [name, value] of pairsOf(fragment)) {
      const knob = knobs.get(name);
      if (seen.has(name) && name !== "@open") {
        ignored.push(`The link sets “${cut(name)}” more than once: the last value holds.`);
      }
      seen.add(name);
      if (knob) readKnob(page, state, knob, value, ignored);
      else if (own.includes(name)) readOwn(page, state, name, value, ignored);
      else if (own.includes(`@${name}`)) readOwn(page, state, `@${name}`, value, ignored);
      else ignored.push(`The link sets “${cut(name)}”, which is no knob of this page.`);
    }
    return { state, ignored };
  }
  function pairsOf(fragment) {
    const text = fragment.replace(/^#/, "");
    if (!text) return [];
    return text.split("&").filter(Boolean).map((part) => {
      const at = part.indexOf("=");
      const name = at < 0 ? part : part.slice(0, at);
      return [decode(name), at < 0 ? "" : decode(part.slice(at + 1))];
    });
  }
  function decode(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  }
  function readKnob(page, state, knob, text, ignored) {
    if (knob.control === "fixed") {
      if (text !== setting(knob.default)) {
        ignored.push(`The link sets “${knob.name}”, which stays ${setting(knob.default)} here.`);
      }
    } else if (knob.control === "select") {
      const value = knob.values.find((one) => setting(one) === text);
      if (value === void 0) {
        ignored.push(`“${knob.name}” cannot be “${cut(text)}” here: it is its default.`);
      } else setValue(page, state, knob.name, value);
    } else {
      const value = text.trim() === "" ? Number.NaN : Number(text);
      if (!Number.isFinite(value)) {
        ignored.push(`“${knob.name}” cannot be “${cut(text)}”: it is its default.`);
        return;
      }
      const rounded2 = knob.whole ? Math.round(value) : value;
      if (rounded2 !== value) {
        ignored.push(`“${knob.name}” is a whole number, not “${cut(text)}”: it is ${rounded2}.`);
      }
      const inside = Math.min(Math.max(rounded2, knob.min), knob.max);
      if (inside !== rounded2) {
        ignored.push(`“${knob.name}” goes from ${knob.min} to ${knob.max} here: it is ${inside}.`);
      }
      setValue(page, state, knob.name, inside);
    }
  }
  function readOwn(page, state, name, value, ignored) {
    const unknown = () => {
      ignored.push(`The link asks for ${name.slice(1)} “${cut(value)}”, which this page has not.`);
    };
    const among = (names, then) => {
      const index = names.indexOf(value);
      if (index < 0) unknown();
      else then(index);
    };
    if (name === "@precision") among(page.precisions, () => state.precision = value);
    else if (name === "@device") {
      among(
        page.devices.map((one) => one.name),
        (index) => state.device = index
      );
    } else if (name === "@model") {
      among(
        page.models.map((one) => one.title),
        (index) => state.model = index
      );
    } else if (name === "@metric") {
      among(METRICS, (index) => state.metric = METRICS[index]);
    } else if (name === "@sort") {
      const by = METRICS.find((one) => one === value.replace(/^-/, ""));
      if (by) state.sort = { by, rising: value.startsWith("-") };
      else unknown();
    } else if (name === "@layer")
      state.selected = value;
    else state.open.add(value);
  }
  var cut = (text) => text.length > 40 ? `${text.slice(0, 40)}…` : text;

  // src/address.ts
  function isInAddress(page, state) {
    return toFragment(page, state) === location.hash.replace(/^#/, "");
  }
  function writeAddress(page, state) {
    if (location.protocol === "about:" || isInAddress(page, state)) return;
    history.replaceState(null, "", `#${toFragment(page, state)}`);
  }

  // src/amounts.ts
  var Columns = class {
    /** The kernel that each layer names; -1 for a layer that runs in a kernel of another. */
    kernelOf;
    kernels;
    numbers;
    known = /* @__PURE__ */ new Map();
    constructor(numbers, device) {
      this.numbers = numbers;
      this.kernels = numbers.devices[device]?.kernels ?? null;
      this.kernelOf = new Int32Array(numbers.structure.layers.name.length).fill(-1);
      this.kernels?.layers.forEach((layers, kernel) => {
        if (layers.length) this.kernelOf[layers[0]] = kernel;
      });
    }
    /** Whether this device times kernels at all. */
    get hasTime() {
      return this.kernels?.latency_s.some((one) => one != null) ?? false;
    }
    /** The same for a block, once: views ask for the same blocks. */
    ofBlock(block2) {
      let found = this.known.get(block2);
      if (!found) {
        found = this.of(block2.layers);
        this.known.set(block2, found);
      }
      return found;
    }
    of(layers) {
      const { layers: columns, memory: memory2 } = this.numbers;
      let timed = 0;
      let kernels = 0;
      let time2 = 0;
      const sums = { mult_adds: 0, params: 0, bytes: 0 };
      let alive = null;
      for (const layer of layers) {
        sums.mult_adds = plus(sums.mult_adds, columns.mult_adds[layer]);
        sums.params = plus(sums.params, columns.params[layer]);
        sums.bytes = plus(sums.bytes, bytesOf(this.numbers, layer));
        const live = memory2.live[layer];
        if (live != null && (alive == null || live > alive)) alive = live;
        const kernel = this.kernelOf[layer];
        if (kernel < 0) continue;
        kernels += 1;
        const latency = this.kernels.latency_s[kernel];
        if (latency == null) continue;
        timed += 1;
        time2 += latency;
      }
      return {
        ...sums,
        alive,
        time: timed ? time2 : null,
        isLeast: timed > 0 && timed < kernels,
        isFused: this.hasKernels && kernels === 0
      };
    }
    get hasKernels() {
      return (this.kernels?.layers.length ?? 0) > 0;
    }
  };
  function bytesOf({ layers }, layer) {
    return plus(
      plus(layers.weight_bytes[layer], layers.input_bytes[layer]),
      layers.output_bytes[layer]
    );
  }
  var plus = (a, b) => a == null || b == null ? null : a + b;
  var ratio = (a, b) => a == null || !b ? null : a / b;
  function totalOf(numbers, metric, device) {
    const { totals: totals2, devices } = numbers;
    switch (metric) {
      case "time":
        return devices[device]?.latency_s ?? null;
      case "mult_adds":
        return totals2.mult_adds;
      case "params":
        return totals2.params;
      case "bytes":
        return totals2.traffic_bytes;
      case "alive":
        return totals2.peak_bytes;
    }
  }
  var METRIC_NAMES = {
    time: "time",
    mult_adds: "mult-adds",
    params: "params",
    bytes: "bytes moved",
    alive: "memory alive"
  };
  var METRIC_UNITS = {
    time: "s",
    mult_adds: "",
    params: "",
    bytes: "B",
    alive: "B"
  };
  var VARIETIES = [
    ["1x1", "1×1 convolution"],
    ["depthwise", "depthwise"],
    ["convolution", "other convolution"],
    ["linear", "linear"],
    ["product", "attention, products"],
    ["recurrent", "recurrent"],
    ["pooling", "pooling"],
    ["other", "the rest"]
  ];
  function varietyIndex(variety) {
    const index = VARIETIES.findIndex(([name]) => name === variety);
    return index < 0 ? VARIETIES.length - 1 : index;
  }

  // src/curves.ts
  var PLACES = 33;
  var AT_ONCE = 8;
  var Curves = class {
    keys = /* @__PURE__ */ new Map();
    begun = null;
    /** Go on with the first curve that is missing or old: whether it is done now, or null where
     * there is none. */
    makeNext(scene) {
      const { controls, glance } = scene;
      for (const knob of controls) {
        const isShown = knob.of === "network" || glance.tables.has("what if");
        if (knob.control !== "slider" || !isShown) continue;
        const key = curveKey(scene, knob);
        if (this.keys.get(knob.name) === key) continue;
        if (this.begun?.key !== key) this.begun = { key, points: [], places: 0, last: null };
        goOn(this.begun, scene, knob, modelOf(scene, knob));
        const isDone = this.begun.places === PLACES;
        if (isDone) {
          glance.curves.set(knob.name, { points: this.begun.points });
          this.keys.set(knob.name, key);
        }
        return { isDone };
      }
      return null;
    }
  };
  function goOn(begun, scene, knob, index) {
    const { setting: setting2 } = scene.models[index];
    const end = Math.min(begun.places + AT_ONCE, PLACES);
    for (; begun.places < end; begun.places += 1) {
      const value = valueAt(knob, begun.places / (PLACES - 1));
      if (value === begun.last) continue;
      begun.last = value;
      const numbers = scene.headlineAt(index, { ...setting2, [knob.name]: value });
      begun.points.push([
        placeOf(knob, value),
        numbers && totalOf(numbers, scene.metric, scene.state.device)
      ]);
    }
  }
  function modelOf({ chosen }, { owners }) {
    return owners.includes(chosen.index) ? chosen.index : owners[0];
  }
  function curveKey(scene, knob) {
    const index = modelOf(scene, knob);
    const { [knob.name]: _own, ...others2 } = scene.models[index].setting;
    return JSON.stringify([
      knob.name,
      index,
      scene.metric,
      scene.state.device,
      scene.state.precision,
      others2
    ]);
  }

  // src/dom.ts
  function h(tag, attributes = {}, ...children) {
    return { tag, svg: false, attributes, children: flat(children) };
  }
  function s(tag, attributes = {}, ...children) {
    return { tag, svg: true, attributes, children: flat(children) };
  }
  function flat(children) {
    const found = [];
    const add = (child) => {
      if (child == null || child === false) return;
      if (Array.isArray(child)) child.forEach(add);
      else if (typeof child === "object") found.push(child);
      else if (typeof found[found.length - 1] === "string") found.push(found.pop() + String(child));
      else found.push(String(child));
    };
    children.forEach(add);
    return found;
  }
  var SVG = "http://www.w3.org/2000/svg";
  var shown = /* @__PURE__ */ new WeakMap();
  function patch(parent, children) {
    const wanted = flat(children);
    const before = shown.get(parent);
    const nodes = arrange(parent, before?.nodes ?? [...parent.childNodes], wanted);
    if (before) before.nodes = nodes;
    else shown.set(parent, { item: h("div"), nodes, handlers: {}, heard: /* @__PURE__ */ new Set() });
  }
  function arrange(parent, old, wanted) {
    const byKey = /* @__PURE__ */ new Map();
    for (const node of old) {
      const key = shown.get(node)?.item.attributes.key;
      if (key !== void 0) byKey.set(key, node);
    }
    const free = byKey.size ? old.filter((n) => !shown.get(n)?.item.attributes.key) : old;
    const kept4 = /* @__PURE__ */ new Set();
    let next = 0;
    const nodes = wanted.map((child) => {
      const key = typeof child === "string" ? void 0 : child.attributes.key;
      const candidate = key === void 0 ? free[next++] : byKey.get(key);
      const node = candidate && !kept4.has(candidate) && fits(candidate, child) ? candidate : null;
      const used = node ? update(node, child) : create(child);
      kept4.add(used);
      return used;
    });
    for (const node of old) if (!kept4.has(node)) node.remove();
    let place2 = parent.firstChild;
    for (const node of nodes) {
      if (node === place2) place2 = place2.nextSibling;
      else parent.insertBefore(node, place2);
    }
    return nodes;
  }
  function fits(node, child) {
    if (typeof child === "string") return node.nodeType === 3;
    const item = shown.get(node)?.item;
    return item !== void 0 && item.tag === child.tag && item.svg === child.svg;
  }
  function update(node, child) {
    if (typeof child === "string") {
      if (node.nodeValue !== child) node.nodeValue = child;
      return node;
    }
    const state = shown.get(node);
    if (state.item === child) return node;
    setAttributes(node, state.item.attributes, child.attributes, state);
    const after = child.children;
    if (after.length === 1 && typeof after[0] === "string" && state.nodes.length === 1) {
      const only = state.nodes[0];
      if (only.nodeType === 3) {
        if (only.nodeValue !== after[0]) only.nodeValue = after[0];
        state.item = child;
        return node;
      }
    }
    state.nodes = arrange(node, state.nodes, after);
    state.item = child;
    return node;
  }
  function create(child) {
    if (typeof child === "string") return document.createTextNode(child);
    const element = child.svg ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
    const state = { item: child, nodes: [], handlers: {}, heard: /* @__PURE__ */ new Set() };
    shown.set(element, state);
    state.nodes = child.children.map(create);
    for (const node of state.nodes) element.appendChild(node);
    setAttributes(element, {}, child.attributes, state);
    return element;
  }
  var LIVE = /* @__PURE__ */ new Set(["value", "checked", "open"]);
  function setAttributes(node, old, next, state) {
    for (const name in old) {
      if (!(name in next)) setAttribute(node, name, old[name], null, state);
    }
    for (const name in next) setAttribute(node, name, old[name], next[name], state);
  }
  function setAttribute(node, name, old, next, state) {
    if (name === "key") return;
    if (name === "style") {
      setStyle(node, old ?? {}, next ?? {});
    } else if (name === "on") {
      listen(node, next ?? {}, state);
    } else if (LIVE.has(name)) {
      const properties = node;
      const value = name === "value" ? String(next ?? "") : Boolean(next);
      if (properties[name] !== value) properties[name] = value;
    } else if (next !== old) {
      if (next == null || next === false) node.removeAttribute(name);
      else node.setAttribute(name, next === true ? "" : String(next));
    }
  }
  function setStyle(node, old, next) {
    for (const property in old) {
      if (next[property] == null) node.style.removeProperty(property);
    }
    for (const property in next) {
      const value = next[property];
      if (value != null && value !== old[property]) node.style.setProperty(property, String(value));
    }
  }
  function listen(node, next, state) {
    for (const event in next) {
      if (!state.heard.has(event)) {
        state.heard.add(event);
        node.addEventListener(event, (occurred) => state.handlers[event]?.(occurred));
      }
    }
    state.handlers = next;
  }

  // src/later.ts
  var BUDGET = 8;
  var AT_LATEST = 500;
  var Later = class {
    /** `step` does one piece and says whether there is more. `ended` is called after the last. */
    constructor(step, ended) {
      this.step = step;
      this.ended = ended;
    }
    cancel = null;
    /** Begin, or go on, when there is time. */
    start() {
      this.cancel ??= soon(() => this.turn());
    }
    stop() {
      this.cancel?.();
      this.cancel = null;
    }
    turn() {
      this.cancel = null;
      const started = performance.now();
      let taken = 0;
      let longest = 0;
      do {
        if (!this.step()) return this.ended();
        const now2 = performance.now() - started;
        longest = Math.max(longest, now2 - taken);
        taken = now2;
      } while (taken + longest <= BUDGET);
      this.start();
    }
  };
  function soon(work) {
    if (typeof requestIdleCallback === "function") {
      const id2 = requestIdleCallback(work, { timeout: AT_LATEST });
      return () => cancelIdleCallback(id2);
    }
    const id = setTimeout(work, 20);
    return () => clearTimeout(id);
  }

  // src/parts.ts
  var classOf = ({ isText, isWide }) => [isText ? "" : "num", isWide ? "wide" : ""].filter(Boolean).join(" ");
  function named(name) {
    const words = name.split(/(?<=[_.])/);
    return h(
      "bdi",
      {},
      words.map((word, i) => [i ? h("wbr") : null, word])
    );
  }
  function table(caption, columns, rows) {
    return h(
      "table",
      { class: "plain" },
      h("caption", { class: "unseen" }, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          columns.map(
            (one) => h("th", { scope: "col", class: classOf(one), "data-tip": one.tip }, one.title)
          )
        )
      ),
      h(
        "tbody",
        {},
        rows.map(
          (row2) => h(
            "tr",
            {},
            row2.map((cell2, i) => cellOf(cell2, columns[i], i))
          )
        )
      )
    );
  }
  function cellOf(cell2, column, index) {
    const {
      text,
      class: name = "",
      tip = void 0
    } = typeof cell2 === "string" ? { text: cell2 } : cell2;
    const classes = [name, classOf(column)].filter(Boolean).join(" ");
    if (index === 0)
      return h("th", { scope: "row", class: classes, "data-tip": tip }, h("bdi", {}, text));
    return h("td", { class: classes, "data-tip": tip }, column.isText ? h("bdi", {}, text) : text);
  }
  function scrolling(label, ...children) {
    return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label }, children);
  }
  function tableBelow(scene, view, title, make) {
    const isOpen2 = scene.glance.tables.has(view);
    return h(
      "details",
      {
        open: isOpen2,
        on: {
          toggle: (event) => {
            const opened = event.target.open;
            if (opened === scene.glance.tables.has(view)) return;
            scene.look(view, ({ tables }) => opened ? tables.add(view) : tables.delete(view));
          }
        }
      },
      h("summary", {}, title),
      isOpen2 ? make() : null
    );
  }
  function legend(entries) {
    return h(
      "div",
      { class: "legend" },
      entries.map(
        ({ color, text, hollow }) => h(
          "span",
          {},
          h("i", {
            class: hollow ? "hollow" : "",
            style: { "--swatch": color }
          }),
          h("bdi", {}, text)
        )
      )
    );
  }
  function heading(title, sentence4 = null) {
    return [h("h2", {}, title), h("p", { class: "sub" }, sentence4)];
  }
  var note = (...text) => h("p", { class: "note" }, text);

  // src/layout.ts
  var MOST_WHOLE = 10;
  function buildLayout(root2, page) {
    const skip = () => document.getElementById("table").focus();
    const isCompared = page.models.length > 1;
    patch(root2, [
      h("button", { type: "button", class: "skip", on: { click: skip } }, "Skip to the layers"),
      h("header", { id: "top" }),
      h("div", { id: "said" }),
      h("fieldset", {
        id: "cards",
        class: page.devices.length > MOST_WHOLE ? "short" : "",
        style: { "--count": page.devices.length }
      }),
      h("dl", { id: "totals" }),
      h("div", { id: "answer", class: "unseen", role: "status" }),
      h("div", { id: "sliders", role: "group", "aria-label": "Knobs" }),
      h(
        "div",
        { id: "content" },
        isCompared ? section("comparison", "Comparison") : null,
        h("div", { class: "two" }, section("shares", "Shares"), section("accuracy", "Accuracy")),
        h(
          "section",
          { id: "blocks", "aria-label": "Blocks and layers" },
          h("div", { id: "table-head" }, heading("Blocks and layers")),
          h(
            "div",
            { class: "beside" },
            region("table", "Layers", { class: "scroll" }),
            region("details", "Details")
          )
        ),
        isCompared ? section("pairs", "Blocks side by side") : null,
        h("div", { class: "two" }, section("memory", "Memory"), section("roofline", "Roofline")),
        section("notes", "Notes")
      )
    ]);
  }
  var section = (id, label) => h("section", { id, "aria-label": label }, heading(label));
  var region = (id, label, more = {}) => h("div", { id, tabindex: 0, role: "region", "aria-label": label, ...more });
  function contentWidth(element) {
    const style = getComputedStyle(element);
    const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
    return Math.max(260, Math.floor(element.clientWidth - padding));
  }

  // src/published.ts
  function rowsOfOneSet(rows) {
    const rated = rows.filter((row2) => row2.figures.top1 != null);
    const sizes = /* @__PURE__ */ new Map();
    for (const { dataset } of rated) sizes.set(dataset, (sizes.get(dataset) ?? 0) + 1);
    const [most] = [...sizes].sort((a, b) => b[1] - a[1])[0] ?? [null];
    return rated.filter((row2) => row2.dataset === most);
  }
  var kept = /* @__PURE__ */ new WeakMap();
  function costsOf(scene, model, row2) {
    const at = { ...scene.models[model].setting, ...row2.setting };
    const key = JSON.stringify([at, scene.state.precision]);
    let known = kept.get(row2);
    if (known?.key !== key) {
      known = { key, costs: scene.headlineAt(model, at) };
      kept.set(row2, known);
    }
    return known.costs;
  }
  var AT_ONCE2 = 8;
  var progress = /* @__PURE__ */ new WeakMap();
  function knowSome(scene) {
    const rows = ratedRows(scene);
    const first = progress.get(scene) ?? 0;
    for (const { row: row2, model } of rows.slice(first, first + AT_ONCE2)) costsOf(scene, model, row2);
    progress.set(scene, first + AT_ONCE2);
    return first < rows.length;
  }
  function ratedRows({ page }) {
    const chosen = new Set(rowsOfOneSet(page.models.flatMap((one) => one.published)));
    return page.models.flatMap(
      ({ published }, model) => published.filter((row2) => chosen.has(row2)).map((row2) => ({ row: row2, model }))
    );
  }
  function pointsOf(scene) {
    const points = [];
    for (const { row: row2, model } of ratedRows(scene)) {
      const costs = costsOf(scene, model, row2);
      const cost = costs && totalOf(costs, scene.metric, scene.state.device);
      if (!cost) continue;
      const now2 = scene.models[model].setting;
      const time2 = scene.metric === "time" ? costs.devices[scene.state.device] : null;
      const hasBand = time2 != null && time2.basis !== "bound" && !time2.untimed;
      points.push({
        row: row2,
        model,
        cost,
        accuracy: row2.figures.top1,
        low: hasBand ? time2.low_s : null,
        high: hasBand ? time2.high_s : null,
        isCurrent: Object.entries(row2.setting).every(([name, value]) => now2[name] === value)
      });
    }
    return points;
  }
  function frontOf(points) {
    const front = [];
    for (const point of [...points].sort((a, b) => a.cost - b.cost || b.accuracy - a.accuracy)) {
      const last = front[front.length - 1];
      if (!last || point.accuracy > last.accuracy) front.push(point);
    }
    return front;
  }

  // src/tree.ts
  function blocksOf(names) {
    const top = block("", "", -1);
    const byPath = /* @__PURE__ */ new Map();
    names.forEach((name, layer) => {
      let parent = top;
      let path = "";
      top.layers.push(layer);
      for (const part of name.split(".")) {
        path = path ? `${path}.${part}` : part;
        let child = byPath.get(path);
        if (!child) {
          child = block(path, part, parent.depth + 1);
          byPath.set(path, child);
          parent.children.push(child);
        }
        child.layers.push(layer);
        parent = child;
      }
    });
    top.children = top.children.map(joinChains);
    number(top, -1);
    return top;
  }
  function block(path, label, depth) {
    return { path, label, depth, children: [], layers: [], copies: 1 };
  }
  function joinChains(one) {
    let here = one;
    let label = one.label;
    while (here.children.length === 1) {
      here = here.children[0];
      label = `${label}.${here.label}`;
    }
    const children = here.children.map(joinChains);
    const areCopies = children.length > 1 && children.every((c, i) => isCopy(c.label, i + 1));
    return { ...here, label, children, copies: areCopies ? children.length : 1 };
  }
  function isCopy(label, index) {
    return label === String(index) || label.startsWith(`${index}.`);
  }
  function number(one, depth) {
    one.depth = depth;
    for (const child of one.children) number(child, depth + 1);
  }
  function rowsOf(top, open) {
    const rows = [];
    const walk = (parent) => {
      for (const child of parent.children) {
        rows.push(child);
        if (child.children.length && open.has(child.path)) walk(child);
      }
    };
    walk(top);
    return rows;
  }
  function isOpen(one, open) {
    return one.children.length > 0 && open.has(one.path);
  }
  function openable(top) {
    return top.children.flatMap(
      (child) => child.children.length ? [child.path, ...openable(child)] : []
    );
  }
  function find(top, path) {
    for (const child of top.children) {
      if (child.path === path) return child;
      const found = path.startsWith(`${child.path}.`) && find(child, path);
      if (found) return found;
    }
    return void 0;
  }

  // src/lanes.ts
  function lanesOf(rows, open, inputs) {
    const reads = readsOf(rows, open, inputs);
    const lastReader = new Array(rows.length).fill(-1);
    reads.forEach((sources, row2) => {
      for (const source of sources) if (source >= 0) lastReader[source] = row2;
    });
    const lanes = rows.map(
      () => ({
        dot: null,
        past: [],
        arriving: [],
        fromOutside: false,
        leaving: [],
        ending: [],
        goesOn: false
      })
    );
    const holder = [];
    let width = 1;
    rows.forEach((row2, at) => {
      if (isOpen(row2, open)) {
        holder.forEach((source, lane2) => source != null && lanes[at].past.push(lane2));
        return;
      }
      const here = lanes[at];
      const read = new Set(reads[at].filter((source) => source >= 0));
      here.fromOutside = reads[at].some((source) => source < 0);
      let own = null;
      holder.forEach((source, lane2) => {
        if (source == null) return;
        const stays = lastReader[source] > at;
        if (stays) here.past.push(lane2);
        if (read.has(source)) here.arriving.push(lane2);
        if (!stays) {
          holder[lane2] = null;
          own ??= lane2;
        }
      });
      own ??= firstFree(holder);
      here.dot = own;
      here.goesOn = lastReader[at] > at;
      holder[own] = here.goesOn ? at : null;
      width = Math.max(width, own + 1);
    });
    leaveAbove(lanes);
    return { rows: lanes, width };
  }
  function leaveAbove(lanes) {
    lanes.forEach((here, at) => {
      if (here.dot == null || at === 0) return;
      const above = lanes[at - 1];
      for (const lane2 of here.arriving) {
        if (lane2 === here.dot) continue;
        above.leaving.push({ from: lane2, to: here.dot });
        if (!here.past.includes(lane2) && above.past.includes(lane2)) {
          above.past = above.past.filter((other) => other !== lane2);
          above.ending.push(lane2);
        } else if (!here.past.includes(lane2) && above.dot === lane2) {
          above.goesOn = false;
        }
      }
    });
  }
  function firstFree(holder) {
    const free = holder.findIndex((source) => source == null);
    return free < 0 ? holder.length : free;
  }
  function readsOf(rows, open, inputs) {
    const rowOf = /* @__PURE__ */ new Map();
    rows.forEach((row2, at) => {
      if (!isOpen(row2, open)) for (const layer of row2.layers) rowOf.set(layer, at);
    });
    return rows.map((row2, at) => {
      if (isOpen(row2, open)) return [];
      const found = /* @__PURE__ */ new Set();
      for (const layer of row2.layers) {
        for (const source of inputs[layer]) {
          const from = source < 0 ? -1 : rowOf.get(source) ?? -1;
          if (from < at) found.add(from);
        }
      }
      return [...found];
    });
  }
  function pathOf(lane2, x, height) {
    const middle = height / 2;
    const bend = height * 0.28;
    const pieces = [];
    for (const one of lane2.past) pieces.push(`M${x(one)},0V${height}`);
    for (const one of lane2.ending) pieces.push(`M${x(one)},0V${middle}`);
    if (lane2.dot != null) {
      const at = x(lane2.dot);
      if (lane2.fromOutside && !lane2.arriving.includes(lane2.dot)) pieces.push(`M${at},3V${middle}`);
      for (const one of lane2.arriving) {
        if (one === lane2.dot) pieces.push(`M${at},0V${middle}`);
        else pieces.push(`M${(x(one) + at) / 2},0Q${at},${middle - bend} ${at},${middle}`);
      }
      if (lane2.goesOn) pieces.push(`M${at},${middle}V${height}`);
    }
    for (const { from, to } of lane2.leaving) {
      const between = (x(from) + x(to)) / 2;
      pieces.push(`M${x(from)},${middle}Q${x(from)},${middle + bend} ${between},${height}`);
    }
    return pieces.join("");
  }

  // src/rows.ts
  var ROW_HEIGHT = 28;
  var LANE_STEP = 14;
  var LANE_MARGIN = 9;
  var tops = /* @__PURE__ */ new WeakMap();
  function topOf(structure) {
    let top = tops.get(structure);
    if (!top) {
      top = blocksOf(structure.layers.name);
      if (top.children.length === 1 && top.children[0].children.length) {
        top = { ...top.children[0], path: "" };
      }
      tops.set(structure, top);
    }
    return top;
  }
  var callsOf = /* @__PURE__ */ new WeakMap();
  function callOf(structure, block2) {
    let calls = callsOf.get(structure);
    if (!calls) {
      calls = new Map(structure.calls.map((call) => [call.path, call]));
      callsOf.set(structure, calls);
    }
    return calls.get(block2.path) ?? calls.get(`${block2.path}.1`);
  }
  function layerCount({ layers }, rows) {
    return rows.reduce((sum, row2) => sum + layers.count[row2], 0);
  }
  var kept2 = null;
  function outlineOf2(structure, open, room) {
    const key = [...open].join("\n");
    if (kept2 && kept2.structure === structure && kept2.key === key && kept2.room === room) {
      return kept2.outline;
    }
    const top = topOf(structure);
    const rows = rowsOf(top, open);
    const lanes = lanesOf(rows, open, structure.layers.inputs);
    const gaps = Math.max(lanes.width - 1, 1);
    const step = Math.min(LANE_STEP, Math.max((room - 2 * LANE_MARGIN) / gaps, 2));
    const outline = {
      top,
      rows,
      lanes,
      step,
      laneWidth: Math.ceil((lanes.width - 1) * step + 2 * LANE_MARGIN),
      paths: lanes.rows.map((lane2) => pathOf(lane2, (one) => LANE_MARGIN + one * step, ROW_HEIGHT))
    };
    kept2 = { structure, key, room, outline };
    return outline;
  }
  var laneX = (outline, lane2) => LANE_MARGIN + lane2 * outline.step;
  var allOpenable = (scene) => openable(scene.chosen.blocks);
  function orderOf(rows, amounts, open, sort) {
    const all = rows.map((_, index) => index);
    if (!sort) return all;
    const direction = sort.rising ? 1 : -1;
    const value = (index) => amounts[index][sort.by] ?? -1;
    return all.filter((index) => !isOpen(rows[index], open)).sort((a, b) => {
      if (value(a) < 0 || value(b) < 0) return value(b) - value(a) || a - b;
      return direction * (value(a) - value(b)) || a - b;
    });
  }
  function heaviest(rows, amounts, open, metric) {
    let best;
    let most = -1;
    rows.forEach((row2, index) => {
      const value = amounts[index][metric] ?? -1;
      if (!isOpen(row2, open) && value > most) {
        best = row2;
        most = value;
      }
    });
    return best ?? rows[0];
  }

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
      for (const [key, list2] of Object.entries(data.operands)) {
        lists.set(key, { list: list2, next: 0, far: 0 });
      }
      const operands = [];
      const next = (key) => {
        const list2 = lists.get(key);
        return list2.list[list2.next++];
      };
      for (let i = 0; i < letters.length; i++) {
        const letter = letters[i].toLowerCase();
        this.operations[i] = letter.charCodeAt(0);
        this.isWhole[i] = letter === letters[i] ? 0 : 1;
        let count2 = OPERANDS[letter];
        if (letter === "h") {
          count2 = next(letters[i]) + 1;
          operands.push(count2 - 1);
        } else if (letter === "j") {
          this.sum(operands, first + i, letters[i], next);
          continue;
        } else if (count2 === void 0) {
          throw new Error(`a program has no operation "${letter}"`);
        }
        for (let place2 = 0; place2 < count2; place2++) {
          const from = lists.get(letters[i] + Math.min(place2, 2));
          operands.push(this.place(from, first + i));
        }
      }
      this.operands = Int32Array.from(operands);
    }
    /** Append how many terms a sum has, then the address of each and how often it is added. */
    sum(operands, own, letter, next) {
      const count2 = next(letter);
      const last = own - this.constants - next(`${letter}0`);
      const steps = Array.from({ length: count2 - 1 }, () => next(`${letter}1`));
      let slot = steps.reduce((rest, step) => rest - step, last);
      operands.push(count2);
      for (let term = 0; term < count2; term++) {
        if (term > 0) slot += steps[term - 1];
        const address = this.address(slot);
        if (!(address >= 0 && address < own)) throw new Error("a program has a term out of place");
        operands.push(address, 1 + next(`${letter}2`));
      }
    }
    /** The address of the next operand in a list, of the node at the address `own`. */
    place(from, own) {
      const written = from.list[from.next++];
      let place2;
      if (written < 0) {
        place2 = -1 - written;
      } else if (written <= NEAR) {
        place2 = own - written;
      } else {
        const step = written - NEAR - 1;
        from.far += step % 2 === 0 ? step / 2 : -(step + 1) / 2;
        place2 = this.constants + from.far;
      }
      if (!(place2 >= 0 && place2 < own)) throw new Error("a program has an operand out of place");
      return place2;
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
    numbers(setting2, precision2) {
      const found = this.find(setting2, precision2);
      if (found === null) return null;
      const { structure, outline } = found;
      const read = this.read;
      const layers = readTable(outline.layers, read);
      const { memory: memory2 } = outline;
      const bytes2 = undifferenced(memory2.bytes, read);
      return {
        structure,
        precision: precision2,
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
          live: undifferenced(memory2.live, read),
          tensors: memory2.name.map((name, i) => ({
            name: typeof name === "number" ? structure.layers.name[name] : name,
            bytes: bytes2[i],
            first: memory2.first[i],
            last: memory2.last[i]
          }))
        },
        devices: outline.devices.map((device, index) => ({
          ...readDevice(device, structure, read),
          timed_at: read(device.numbers.latency_s) === null ? timedAt(structure, index, precision2) : []
        }))
      };
    }
    /** Totals and times at a setting; null where no structure of the page holds. */
    headline(setting2, precision2) {
      const found = this.find(setting2, precision2);
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
    find(setting2, precision2) {
      const valueOf4 = (knob) => setting2[knob.name] ?? knob.default;
      this.program.run(this.sliders.map((knob) => Number(valueOf4(knob))));
      for (const structure of this.model.structures) {
        const outline = structure.at[precision2];
        if (outline !== void 0 && this.others.every((knob) => structure.fixed[knob.name] === valueOf4(knob)) && this.program.holds(outline.guards)) {
          return { structure, outline };
        }
      }
      return null;
    }
  };
  function costsOf2(page) {
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
  function listsOf(table2) {
    let found = keptLists.get(table2);
    if (found === void 0) {
      const { lengths, places } = table2;
      const parts = lengths.map(() => []);
      places.forEach((column, place2) => {
        const slots = slotsOf(column);
        let next = 0;
        lengths.forEach((length, i) => {
          if (place2 < length) parts[i].push(slots[next++]);
        });
      });
      keptLists.set(table2, found = parts);
    }
    return found;
  }
  function readTable(table2, read) {
    const { row: row2, columns, lists } = table2;
    return {
      column(name) {
        const slots = slotsOf(columns[name]);
        return row2.map((i) => read(slots[i]));
      },
      list(name) {
        const slots = listsOf(lists[name]);
        return row2.map((i) => slots[i].map(read));
      }
    };
  }
  function readTotals(outline, read) {
    const totals2 = Object.entries(outline.totals).map(([name, slot]) => [name, read(slot)]);
    return Object.fromEntries(totals2);
  }
  function readNumbers(device, read) {
    const numbers = DEVICE_NUMBERS.map((name) => [name, read(device.numbers[name])]);
    return Object.fromEntries(numbers);
  }
  function timedAt(structure, device, shown2) {
    return Object.keys(structure.at).filter(
      (precision2) => precision2 !== shown2 && structure.at[precision2].devices[device].numbers.latency_s !== null
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
      capacity: device.capacity.map((row2) => ({
        what: row2.what,
        where: row2.where,
        needed_bytes: read(row2.needed),
        available_bytes: read(row2.available),
        is_least: row2.is_least
      })),
      kernels: readKernels(device, structure, read)
    };
  }
  function readKernels(device, structure, read) {
    const table2 = readTable(device.kernels, read);
    const layers = structure.kernel_layers[device.kernel_layers];
    const levels = table2.list("level_bytes");
    return {
      name: layers.map(([anchor]) => structure.layers.name[anchor]),
      layers,
      latency_s: table2.column("latency_s"),
      compute_s: table2.column("compute_s"),
      memory_s: table2.column("memory_s"),
      overhead_s: table2.column("overhead_s"),
      bound_compute_s: table2.column("bound_compute_s"),
      bound_memory_s: table2.column("bound_memory_s"),
      mult_adds: table2.column("mult_adds"),
      traffic_bytes: table2.column("traffic_bytes"),
      level_bytes: (levels[0] ?? []).map((_, level) => levels.map((bytes2) => bytes2[level] ?? null))
    };
  }
  function said(sentences, read) {
    const texts = [];
    for (const { text, one, holds, number: number2 } of sentences) {
      if (!read(holds)) continue;
      const value = read(number2);
      if (one !== "" && value === 1) texts.push(one);
      else if (value === null) texts.push(text);
      else texts.push(text.replace("{}", text.startsWith("{} %") ? percent2(value) : `${value}`));
    }
    return texts;
  }
  function percent2(share) {
    return (100 * share).toFixed(0);
  }

  // src/scenes.ts
  var Scenes = class {
    constructor(page, change, look) {
      this.page = page;
      this.change = change;
      this.look = look;
      this.controls = controlsOf(page);
      this.costs = costsOf2(page);
      this.lastGood = page.models.map(() => null);
    }
    controls;
    costs;
    atDefaults = /* @__PURE__ */ new Map();
    lastGood;
    /** The scene of a state; null where nothing of the chosen model can be shown. */
    make(state, glance) {
      const { page } = this;
      const models = page.models.map((model2, index) => {
        const setting2 = settingOf(page, state, index);
        return {
          index,
          model: model2,
          setting: setting2,
          numbers: this.numbersOf(index, setting2, state.precision),
          defaults: this.defaultsOf(index, state.precision)
        };
      });
      for (const { numbers: numbers2, index } of models) if (numbers2) this.lastGood[index] = numbers2;
      const model = models[state.model];
      const numbers = model.numbers ?? this.lastGood[state.model] ?? model.defaults;
      if (!numbers) return null;
      const chosen = {
        ...model,
        numbers,
        columns: new Columns(numbers, state.device),
        blocks: topOf(numbers.structure)
      };
      const hasTotal = totalOf(numbers, state.metric, state.device) != null;
      return {
        page,
        state,
        controls: this.controls,
        models,
        chosen,
        device: page.devices[state.device],
        metric: state.metric === "time" && !hasTotal ? "mult_adds" : state.metric,
        glance,
        headlineAt: (index, setting2) => this.costs[index].headline(setting2, state.precision),
        change: this.change,
        look: this.look
      };
    }
    /** None where a knob cannot have its value in this network, as others can. */
    numbersOf(index, setting2, precision2) {
      const { knobs } = this.page.models[index];
      if (!knobs.every((knob) => canTake(knob, setting2[knob.name]))) return null;
      return this.costs[index].numbers(setting2, precision2);
    }
    defaultsOf(index, precision2) {
      const key = `${index} ${precision2}`;
      let found = this.atDefaults.get(key);
      if (found === void 0) {
        const setting2 = {};
        for (const knob of this.page.models[index].knobs) setting2[knob.name] = knob.default;
        found = this.costs[index].numbers(setting2, precision2);
        this.atDefaults.set(key, found);
      }
      return found;
    }
  };

  // src/clipboard.ts
  async function copy(text) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      return copySelected(text);
    }
  }
  function copySelected(text) {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "unseen";
    document.body.append(area);
    const before = document.activeElement;
    area.select();
    const isDone = document.execCommand("copy");
    area.remove();
    if (before instanceof HTMLElement) before.focus();
    return isDone;
  }

  // src/pairing.ts
  var kept3 = null;
  function pairsOf2(structures, open) {
    const key = [...open].join("\n");
    const isSame = kept3?.key === key && kept3.structures.every((one, i) => one === structures[i]);
    if (kept3 && isSame) return kept3.pairs;
    const pairs2 = [];
    const walk = (parents, depth) => {
      for (const members of matched(parents.map((one) => one?.children ?? []))) {
        pairs2.push({ members, depth });
        if (isPairOpen(members, open)) walk(members, depth + 1);
      }
    };
    walk(
      structures.map((one) => one && topOf(one)),
      0
    );
    kept3 = { structures, key, pairs: pairs2 };
    return pairs2;
  }
  function layerPairs(structures) {
    const all = new Set(structures.flatMap((one) => one ? openable(topOf(one)) : []));
    return pairsOf2(structures, all).map(({ members }) => members.map((one) => one?.children.length === 0 ? one.layers[0] : null)).filter((pair) => pair.some((layer) => layer !== null));
  }
  var isOwn = (members, open) => members.some((one) => one !== null && !isOpen(one, open));
  var isPairOpen = (members, open) => members.some((one) => one !== null && isOpen(one, open));
  function matched(lists) {
    let rows = lists[0].map((one) => [one]);
    lists.slice(1).forEach((list2, i) => {
      const empty = new Array(i + 1).fill(null);
      rows = merged(
        rows,
        list2,
        (one) => one.label,
        (between, others2) => merged(between, others2, (one) => String(one.children.length > 0), (left, more) => [
          ...left.map((row2) => [...row2, null]),
          ...more.map((one) => [...empty, one])
        ])
      );
    });
    return rows;
  }
  function merged(rows, items, keyOf, rest) {
    const places = equalNames(
      rows.map((row3) => keyOf(row3.find((one) => one !== null))),
      items.map(keyOf)
    );
    const found = [];
    let [row2, item] = [0, 0];
    for (const [nextRow, nextItem] of places) {
      found.push(...rest(rows.slice(row2, nextRow), items.slice(item, nextItem)));
      found.push([...rows[nextRow], items[nextItem]]);
      [row2, item] = [nextRow + 1, nextItem + 1];
    }
    return [...found, ...rest(rows.slice(row2), items.slice(item))];
  }
  function equalNames(a, b) {
    const width = b.length + 1;
    const most = new Uint32Array((a.length + 1) * width);
    for (let i = a.length - 1; i >= 0; i -= 1) {
      for (let j = b.length - 1; j >= 0; j -= 1) {
        most[i * width + j] = a[i] === b[j] ? most[(i + 1) * width + j + 1] + 1 : Math.max(most[(i + 1) * width + j], most[i * width + j + 1]);
      }
    }
    const found = [];
    for (let i = 0, j = 0; i < a.length && j < b.length; ) {
      if (a[i] === b[j]) found.push([i++, j++]);
      else if (most[(i + 1) * width + j] >= most[i * width + j + 1]) i += 1;
      else j += 1;
    }
    return found;
  }

  // src/csv.ts
  function toCsv(numbers, devices) {
    const cells = cellsOf(numbers, devices.length);
    return csvText([headOf(devices), ...numbers.structure.layers.name.map((_, i) => cells(i))]);
  }
  function pairsToCsv(models, devices) {
    const names = headOf(devices);
    const cells = models.map(({ numbers }) => numbers && cellsOf(numbers, devices.length));
    const head = models.flatMap(({ model }) => names.map((name) => `${model.title} ${name}`));
    const rows = layerPairs(models.map(({ numbers }) => numbers?.structure ?? null)).map(
      (pair) => pair.flatMap((layer, i) => layer == null ? names.map(() => null) : cells[i]?.(layer) ?? [])
    );
    return csvText([head, ...rows]);
  }
  var csvText = (rows) => rows.map((row2) => row2.map(csvCell).join(",")).join("\r\n") + "\r\n";
  var headOf = (devices) => [
    "layer",
    "kind",
    "output",
    "mult_adds",
    "params",
    "bytes",
    "alive_bytes",
    ...devices.map((device) => `${device.name}_s`)
  ];
  function cellsOf(numbers, devices) {
    const { structure, layers, memory: memory2 } = numbers;
    const columns = Array.from({ length: devices }, (_, index) => new Columns(numbers, index));
    return (layer) => [
      structure.layers.name[layer],
      structure.layers.kind[layer],
      layers.shape[layer].map((size) => size ?? "").join("x"),
      layers.mult_adds[layer],
      layers.params[layer],
      bytesOf(numbers, layer),
      memory2.live[layer] ?? null,
      ...columns.map(
        ({ kernels, kernelOf }) => kernelOf[layer] < 0 ? null : kernels?.latency_s[kernelOf[layer]] ?? null
      )
    ];
  }
  function csvCell(value) {
    if (value == null) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  }

  // src/theme.ts
  var root = () => document.documentElement.dataset;
  function startTheme() {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let chosen;
    const follow = () => {
      root().theme = dark.matches ? "dark" : "light";
    };
    follow();
    dark.addEventListener("change", follow);
    addEventListener("beforeprint", () => {
      chosen = root().theme;
      root().theme = "light";
    });
    addEventListener("afterprint", () => {
      if (chosen) root().theme = chosen;
    });
  }
  function toggleTheme() {
    root().theme = root().theme === "dark" ? "light" : "dark";
  }

  // src/tools.ts
  function toolsOf({ page, scene, state, change, say }) {
    const copyText = async (text) => {
      const done = await copy(text);
      say(done ? "CSV copied" : "The browser does not let a file copy");
    };
    return {
      toggleTheme,
      async copyLink() {
        writeAddress(page(), state());
        const done = await copy(location.href);
        say(done ? "Link copied" : "The link is in the address bar");
      },
      async copyCsv() {
        const now2 = scene();
        if (now2) await copyText(toCsv(now2.chosen.numbers, page().devices));
      },
      async copyPairs() {
        const now2 = scene();
        if (now2) await copyText(pairsToCsv(now2.models, page().devices));
      },
      openAll() {
        const now2 = scene();
        change((to) => {
          to.open = new Set(to.open.size || !now2 ? [] : allOpenable(now2));
        });
      }
    };
  }

  // src/picture.ts
  function linear(from, to) {
    const span = from[1] - from[0] || 1;
    return (value) => to[0] + (value - from[0]) / span * (to[1] - to[0]);
  }
  function logarithmic(from, to) {
    const low = Math.log10(from[0]);
    const span = Math.log10(from[1]) - low || 1;
    return (value) => to[0] + (Math.log10(value) - low) / span * (to[1] - to[0]);
  }
  function roundTicks(low, high, most) {
    const span = high - low;
    if (!(span > 0)) return [low];
    const power = 10 ** Math.floor(Math.log10(span / most));
    const step = [1, 2, 5, 10].map((n) => n * power).find((one) => span / one <= most);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i += 1) {
      ticks.push(Number((i * step).toPrecision(12)));
    }
    return ticks;
  }
  function logTicks(low, high, most) {
    const between = [[1, 1.5, 2, 3, 4, 5, 7], [1, 2, 5], [1, 3], [1]];
    for (const mantissas of between) {
      const ticks = powers(low, high, mantissas, 1);
      if (ticks.length <= most) return ticks;
    }
    for (const every of [2, 3, 6]) {
      const ticks = powers(low, high, [1], every);
      if (ticks.length <= most) return ticks;
    }
    return [];
  }
  function powers(low, high, mantissas, every) {
    const ticks = [];
    for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e += 1) {
      if (e % every) continue;
      for (const mantissa of mantissas) {
        const value = Number(`${mantissa}e${e}`);
        if (value >= low * 0.9999 && value <= high * 1.0001) ticks.push(value);
      }
    }
    return ticks;
  }
  function axes(frame, x, y) {
    const { width, height, left, right, top, bottom } = frame;
    const items = [];
    for (const tick of x.ticks) {
      const at = round(x.scale(tick));
      if (at < left - 1 || at > width - right + 1) continue;
      items.push(
        s("line", { class: "hair", x1: at, x2: at, y1: top, y2: height - bottom }),
        s("text", { x: at, y: height - bottom + 15, "text-anchor": "middle" }, x.write(tick))
      );
    }
    for (const tick of y.ticks) {
      const at = round(y.scale(tick));
      if (at < top - 1 || at > height - bottom + 1) continue;
      items.push(
        s("line", { class: "hair", x1: left, x2: width - right, y1: at, y2: at }),
        s("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, y.write(tick))
      );
    }
    items.push(
      s("text", { x: width - right, y: height - 4, "text-anchor": "end" }, x.title),
      s("text", { x: 2, y: 11 }, y.title)
    );
    return items;
  }
  var round = (value) => Math.round(value * 10) / 10;

  // src/points.ts
  var STEPS = {
    ArrowRight: 1,
    ArrowDown: 1,
    ArrowLeft: -1,
    ArrowUp: -1,
    PageDown: 10,
    PageUp: -10,
    Home: -Infinity,
    End: Infinity
  };
  function pointList(scene, view, label, points) {
    const last = points.length - 1;
    const selected = points.findIndex((one) => one.isSelected);
    const now2 = () => Math.min(scene.glance.active.get(view) ?? Math.max(selected, 0), last);
    const active = now2();
    const idOf2 = (index) => `${view}-point-${index}`;
    const move = (to) => scene.look(view, (glance) => glance.active.set(view, Math.min(Math.max(to, 0), last)));
    return s(
      "g",
      {
        class: "points",
        role: "listbox",
        tabindex: 0,
        "aria-label": label,
        "aria-activedescendant": points.length ? idOf2(active) : null,
        on: {
          keydown: (event) => {
            const step = STEPS[event.key];
            if (step !== void 0) move(now2() + step);
            else if (event.key === "Enter" || event.key === " ") points[now2()]?.go();
            else return;
            event.preventDefault();
          }
        }
      },
      points.map(
        ({ attributes, words, tip, isSelected, go }, index) => s("circle", {
          ...attributes,
          class: index === active ? "point active" : "point",
          id: idOf2(index),
          role: "option",
          "aria-selected": String(isSelected),
          "aria-label": words,
          "data-tip": tip,
          on: {
            click: () => {
              move(index);
              go();
            }
          }
        })
      )
    );
  }

  // src/views/accuracy.ts
  var LEAST_POINTS = 4;
  function hasAccuracy({ page }) {
    return rowsOfOneSet(page.models.flatMap((one) => one.published)).length >= LEAST_POINTS;
  }
  function accuracy(scene, width) {
    const name = METRIC_NAMES[scene.metric];
    const points = pointsOf(scene);
    const title = `Accuracy against ${name}`;
    if (points.length < 2)
      return [...heading(title), note("No cost is known of the published settings.")];
    const front = frontOf(points);
    const sources = [...new Set(points.map((one) => sourceOf(one.row)))];
    const color = colorsOf(scene, points);
    const set = points[0].row.dataset;
    return [
      ...heading(
        title,
        `Published top-1${set ? ` on ${set}` : ""}, our ${name}. The line is the setting above; click a point to go there.`
      ),
      picture(scene, points, front, sources, color, width),
      legend([...color.entries, ...scene.models.length > 1 ? [] : sourceEntries(sources)]),
      tableBelow(
        scene,
        "accuracy",
        "Table of published settings",
        () => scrolling("Published settings", pointTable(scene, points, front))
      )
    ];
  }
  function colorsOf(scene, points) {
    const kind = (index) => `var(--kind${index % 6})`;
    if (scene.models.length > 1) {
      return {
        of: (point) => kind(point.model),
        entries: scene.models.map(({ model, index }) => ({ color: kind(index), text: model.title }))
      };
    }
    for (const knob of scene.controls) {
      const values = [...new Set(points.map((point) => point.row.setting[knob.name]))];
      if (knob.of === "device" || values.length < 2 || values.length > 6) continue;
      values.sort((a, b) => typeof a === "number" && typeof b === "number" ? b - a : 0);
      return {
        of: (point) => kind(values.indexOf(point.row.setting[knob.name])),
        entries: values.map((value, i) => ({
          color: kind(i),
          text: `${knob.name} ${setting(value)}`
        }))
      };
    }
    return { of: () => kind(0), entries: [] };
  }
  var sourceOf = (row2) => row2.source.split(",")[0];
  function sourceEntries(sources) {
    if (sources.length < 2) return sources.map((text) => ({ color: "var(--mute)", text }));
    return sources.map((text, i) => ({ color: "var(--mute)", text, hollow: i === 0 }));
  }
  function picture(scene, points, front, sources, color, width) {
    const frame = { width, height: heightOf(width), left: 34, right: 14, top: 20, bottom: 36 };
    const costs = points.map((one) => one.cost);
    const rates = points.map((one) => one.accuracy);
    const xs = [Math.min(...costs) / 1.4, Math.max(...costs) * 1.5];
    const ys = [Math.min(...rates) - 2, Math.min(Math.max(...rates) + 2, 100)];
    const x = logarithmic(xs, [frame.left, width - frame.right]);
    const y = linear(ys, [frame.height - frame.bottom, frame.top]);
    const unit = METRIC_UNITS[scene.metric];
    const on = scene.metric === "time" && scene.device ? ` on ${scene.device.name}` : "";
    const hollow = sources.length > 1 && scene.models.length === 1 ? sources[0] : null;
    return s(
      "svg",
      {
        width,
        height: frame.height,
        role: "group",
        "aria-label": `Top-1 against ${METRIC_NAMES[scene.metric]} of ` + plural(points.length, "published setting")
      },
      axes(
        frame,
        {
          scale: x,
          ticks: logTicks(...xs, width / 70),
          write: (v) => quantity(v, unit, 2),
          title: METRIC_NAMES[scene.metric] + on
        },
        { scale: y, ticks: roundTicks(...ys, 7), write: String, title: "top-1 %" }
      ),
      s("path", {
        d: stairs(front.map((one) => [x(one.cost), y(one.accuracy)])),
        fill: "none",
        stroke: "var(--faint)",
        "stroke-dasharray": "3 3"
      }),
      current(scene, frame, x, xs),
      pointList(
        scene,
        "accuracy",
        "Published settings by cost",
        byCost(points).map(
          (point) => pointOf(
            scene,
            point,
            x(point.cost),
            y(point.accuracy),
            color.of(point),
            sourceOf(point.row) === hollow
          )
        )
      )
    );
  }
  var heightOf = (width) => Math.round(Math.max(230, Math.min(320, width * 0.56)));
  var byCost = (points) => [...points].sort((a, b) => a.cost - b.cost);
  function stairs(points) {
    return points.map(([x, y], i) => i ? `H${round(x)}V${round(y)}` : `M${round(x)},${round(y)}`).join("");
  }
  function current(scene, frame, x, xs) {
    const { chosen, state, metric } = scene;
    const cost = totalOf(chosen.numbers, metric, state.device);
    const time2 = metric === "time" ? chosen.numbers.devices[state.device] : null;
    const inside = (value) => round(Math.max(frame.left, Math.min(frame.width - frame.right, x(value))));
    const { low_s: low, high_s: high } = time2 ?? {};
    const height = frame.height - frame.top - frame.bottom;
    const isBand = low != null && high != null && !time2?.is_least;
    const isSeen = cost != null && cost >= xs[0] && cost <= xs[1];
    return [
      s("rect", {
        x: isBand ? inside(low) : 0,
        width: isBand ? Math.max(inside(high) - inside(low), 0) : 0,
        y: frame.top,
        height,
        fill: "var(--accent)",
        opacity: 0.12
      }),
      s("line", {
        x1: isSeen ? inside(cost) : -9,
        x2: isSeen ? inside(cost) : -9,
        y1: frame.top,
        y2: frame.top + height,
        stroke: "var(--accent)",
        "stroke-width": 1.5
      })
    ];
  }
  function settingWords({ page, models }, { row: row2, model }) {
    const { published, title } = page.models[model];
    const words = Object.entries(row2.setting).filter(([name, value]) => published.some((one) => one.setting[name] !== value)).map(([name, value]) => `${name} ${setting(value)}`);
    if (models.length > 1) words.unshift(title);
    return words.join(", ") || "as published";
  }
  function costWords(scene, point) {
    const text = quantity(point.cost, METRIC_UNITS[scene.metric]);
    return point.low == null ? text : `${text} (${range(point.low, point.high, "s")})`;
  }
  function pointOf(scene, point, x, y, color, isHollow) {
    const name = settingWords(scene, point);
    const words = `${name}: top-1 ${point.accuracy} %, ${costWords(scene, point)}`;
    return {
      attributes: {
        cx: round(x),
        cy: round(y),
        r: point.isCurrent ? 6.5 : 5,
        fill: isHollow ? "var(--card)" : color,
        stroke: point.isCurrent ? "var(--ink)" : color,
        "stroke-width": point.isCurrent ? 2.2 : 1.8
      },
      words,
      tip: [words, point.row.source, point.row.note].filter(Boolean).join("\n"),
      isSelected: point.isCurrent,
      go: () => goTo(scene, point)
    };
  }
  function goTo(scene, { row: row2, model }) {
    scene.change((state) => {
      state.model = model;
      for (const knob of scene.page.models[model].knobs) {
        const value = row2.setting[knob.name];
        if (value !== void 0 && knob.control !== "fixed")
          setValue(scene.page, state, knob.name, value);
      }
    });
  }
  function pointTable(scene, points, front) {
    const onFront = new Set(front);
    const rows = byCost(points).map((point) => [
      settingWords(scene, point),
      costWords(scene, point) || UNKNOWN,
      String(point.accuracy),
      onFront.has(point) ? "yes" : "",
      point.row.source
    ]);
    return table(
      "Published settings with their accuracy and our cost",
      [
        { title: "setting", isText: true },
        { title: METRIC_NAMES[scene.metric] },
        { title: "top-1 %" },
        { title: "on the front", isText: true },
        { title: "source", isText: true }
      ],
      rows
    );
  }

  // src/against.ts
  function against(one, first) {
    const found = ratio(one.value, first.value);
    const text = times(found);
    if (found == null) return { text, word: "", tone: "" };
    if (one.isLeast && first.isLeast) return { text, word: "of bounds", tone: "" };
    if (one.isLeast) return { text: `≥ ${text}`, word: "", tone: found > 1 ? toneOf(found) : "" };
    if (first.isLeast) return { text: `≤ ${text}`, word: "", tone: found < 1 ? toneOf(found) : "" };
    return { text, word: "", tone: toneOf(found) };
  }
  var wordsOf = ({ text, word }) => word ? `${text} ${word}` : text;
  function toneOf(found) {
    if (found == null || found <= 0) return "";
    const size = Math.abs(Math.log2(found));
    if (size < 0.01) return "";
    const strength = size < 0.25 ? 1 : size < 1 ? 2 : 3;
    return `${found < 1 ? "less" : "more"}${strength}`;
  }

  // src/views/comparison.ts
  function comparison(scene) {
    if (scene.models.length < 2) return [];
    const lines = linesOf(scene).filter(
      (line) => (
        // A line of nothing but zeros says nothing, as one of nothing but dashes does.
        scene.models.some(({ numbers }) => numbers && line.of(numbers))
      )
    );
    return [
      ...heading("Compared", sentence(scene)),
      scrolling(
        "Comparison of networks",
        h(
          "table",
          { class: "plain compared" },
          h("caption", { class: "unseen" }, "Networks at the same settings"),
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "number"), scene.models.map(headOf2))),
          h(
            "tbody",
            {},
            lines.flatMap((line, i) => [
              line.group !== lines[i - 1]?.group ? groupRow(line.group, scene.models.length) : null,
              row(scene, line)
            ])
          )
        )
      )
    ];
  }
  function headOf2({ model, index }) {
    const name = h("th", { scope: "col", class: "num" }, h("bdi", {}, model.title));
    return index ? [name, h("th", { scope: "col", class: "num ratio" }, "ratio")] : [name];
  }
  var groupRow = (name, models) => h(
    "tr",
    { class: "group" },
    h("th", { scope: "rowgroup", colspan: 2 * models }, h("bdi", {}, name))
  );
  function row({ models }, line) {
    const amountOf = (numbers) => ({
      value: numbers && line.of(numbers),
      isLeast: (numbers && line.isLeast?.(numbers)) ?? false
    });
    const first = amountOf(models[0].numbers);
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, h("bdi", {}, line.name)),
      models.map(({ numbers, index }) => {
        const amount = amountOf(numbers);
        const least = amount.isLeast ? "≥ " : "";
        const text = amount.value == null ? UNKNOWN : least + line.write(amount.value);
        const cell2 = h("td", { class: "num" }, text);
        return index ? [cell2, ratioCell(amount, first)] : cell2;
      })
    );
  }
  function ratioCell(amount, first) {
    const { text, word, tone } = against(amount, first);
    return h(
      "td",
      { class: `num ratio ${tone}`.trimEnd() },
      text,
      word ? h("small", {}, ` ${word}`) : null
    );
  }
  function sentence({ models, state, device }) {
    const [first, ...rest] = models;
    let hasTime = false;
    const said2 = rest.flatMap(({ model, numbers }) => {
      const counted = ratio(
        numbers?.totals.mult_adds ?? null,
        first.numbers?.totals.mult_adds ?? null
      );
      if (counted == null) return [];
      const time2 = against(
        timeOf(numbers, state.device),
        timeOf(first.numbers, state.device)
      );
      const isKnown = time2.text !== UNKNOWN;
      hasTime ||= isKnown;
      const what = time2.word ? "lower bound of the time" : "time";
      const also = isKnown ? ` and ${time2.text} the ${what}` : "";
      return [h("bdi", {}, model.title), ` has ${times(counted)} the mult-adds${also}. `];
    });
    return [
      "Against ",
      h("bdi", {}, first.model.title),
      hasTime && device ? [", time on ", h("bdi", {}, device.name)] : null,
      ": ",
      said2
    ];
  }
  function timeOf(numbers, device) {
    const costs = numbers?.devices[device];
    return { value: costs?.latency_s ?? null, isLeast: costs?.is_least ?? false };
  }
  function linesOf(scene) {
    const group = "Totals";
    const totals2 = [
      { group, name: "mult-adds", write: count, of: (n) => n.totals.mult_adds },
      { group, name: "params", write: count, of: (n) => n.totals.params },
      { group, name: "weights in memory", write: bytes, of: (n) => n.totals.weight_bytes },
      { group, name: "peak activations", write: bytes, of: (n) => n.totals.peak_bytes },
      { group, name: "bytes moved", write: bytes, of: (n) => n.totals.traffic_bytes },
      { group, name: "layers", write: String, of: layersOf }
    ];
    const devices = scene.page.devices.flatMap((device, i) => [
      {
        group: "Time",
        name: device.name,
        write: seconds,
        of: (n) => n.devices[i].latency_s,
        isLeast: (n) => n.devices[i].is_least
      }
    ]);
    const energies = scene.page.devices.map(
      (device, i) => ({
        group: "Energy",
        name: device.name,
        write: (value) => quantity(value, "J"),
        of: (n) => n.devices[i].energy_j,
        isLeast: (n) => n.devices[i].energy_high_j == null
      })
    );
    const kinds = VARIETIES.map(
      ([, name], index) => ({
        group: "Mult-adds by kind of layer",
        name,
        write: count,
        of: (n) => kindTotal(n, index)
      })
    );
    return [...totals2, ...devices, ...energies, ...kinds];
  }
  var layersOf = ({ structure }) => layerCount(structure, [...structure.layers.name.keys()]);
  function kindTotal(numbers, variety) {
    let sum = 0;
    for (const [layer, name] of numbers.structure.layers.variety.entries()) {
      if (varietyIndex(name) !== variety) continue;
      const counted = numbers.layers.mult_adds[layer];
      if (counted == null) return null;
      sum += counted;
    }
    return sum;
  }

  // src/views/cards.ts
  function cards(scene) {
    const span = spanOf(scene);
    return [
      h("legend", { class: "unseen" }, "Device that colours and sorts what is below"),
      ...scene.page.devices.map((device, index) => card(scene, device, index, span))
    ];
  }
  function card(scene, device, index, span) {
    const costs = scene.chosen.numbers.devices[index];
    const before = scene.chosen.defaults?.devices[index];
    const isChosen = scene.state.device === index;
    return h(
      "label",
      { class: isChosen ? "card chosen" : "card" },
      h("input", {
        type: "radio",
        name: "device",
        // The rest of the card is read as text, and not as the name of the button.
        "aria-label": `${device.name} ${timeWords(costs)}`,
        checked: isChosen,
        on: { change: () => scene.change((state) => state.device = index) }
      }),
      h(
        "span",
        { class: "name" },
        h("b", {}, named(device.name)),
        h("span", { class: "basis", "data-tip": basisTip(costs.basis) }, costs.basis ?? "no time")
      ),
      h("span", { class: "what cut", "data-tip": device.title }, h("bdi", {}, device.title)),
      h("span", { class: "what cut" }, runtimeOf(device)),
      time(scene, costs, before?.latency_s ?? null),
      span ? strip(costs, span) : null,
      scene.models.length > 1 ? others(scene, index) : null,
      h(
        "span",
        { class: "facts" },
        costs.capacity.length ? costs.capacity.map(fits2) : fact("memory", "size not known"),
        fact("energy", energyOf(costs))
      )
    );
  }
  function basisTip(basis) {
    switch (basis) {
      case "calibrated":
        return "fitted to measurements of this device by its user";
      case "fitted":
        return "fitted to published measurements";
      case "datasheet":
        return "a share of the peaks of the data sheet";
      case "bound":
        return "a lower bound: no real run is faster";
      default:
        return "no time is known";
    }
  }
  var timeWords = ({ latency_s: at, is_least: isLeast2 }) => at == null ? "no time" : `${isLeast2 ? "≥ " : ""}${seconds(at)}`;
  function runtimeOf(device) {
    const runtime = device.runtime === "any" ? "any runtime" : device.runtime;
    if (device.class === "gpu" || device.class === "accelerator") return runtime;
    const cores = device.cores == null ? "" : ` on ${plural(device.cores, "core")}`;
    return `${runtime} · ${plural(device.threads, "thread")}${cores}`;
  }
  function time(scene, costs, before) {
    if (costs.latency_s == null) {
      return h("span", { class: "time" }, h("small", {}, noTime(scene, costs)));
    }
    const change = ratio(costs.latency_s, before);
    return h(
      "span",
      { class: "time" },
      timeWords(costs),
      h(
        "small",
        {},
        costs.low_s != null && costs.high_s != null && !costs.is_least ? h(
          "span",
          { "data-tip": "Four of five measurements are expected in this range." },
          range(costs.low_s, costs.high_s, "s")
        ) : "lower bound"
      ),
      change != null && change !== 1 ? h("small", {}, changeWords(change, costs.is_least)) : null
    );
  }
  var changeWords = (change, isLeast2) => `${times(change)} the ${isLeast2 ? "bound at the defaults" : "default"}`;
  function spanOf(scene) {
    const all = scene.chosen.numbers.devices.flatMap(
      (one) => [one.latency_s, one.low_s, one.high_s].filter((x) => x != null && x > 0)
    );
    return all.length ? [Math.min(...all) / 1.5, Math.max(...all) * 1.5] : null;
  }
  function strip(costs, span) {
    const x = logarithmic(span, [2, 298]);
    const fine = { "vector-effect": "non-scaling-stroke" };
    const { latency_s: at, low_s: low, high_s: high } = costs;
    return s(
      "svg",
      { class: "strip", viewBox: "0 0 300 14", preserveAspectRatio: "none", "aria-hidden": "true" },
      s("line", { x1: 0, x2: 300, y1: 7, y2: 7, stroke: "var(--grid)", "stroke-width": 3, ...fine }),
      logTicks(span[0], span[1], 8).map(
        (tick) => s("line", {
          x1: round(x(tick)),
          x2: round(x(tick)),
          y1: 4,
          y2: 10,
          stroke: "var(--line)",
          ...fine
        })
      ),
      at && low != null && high != null && !costs.is_least ? s("rect", {
        x: round(x(low)),
        width: Math.max(round(x(high) - x(low)), 2),
        y: 4.5,
        height: 5,
        fill: "var(--accent)",
        opacity: 0.4
      }) : null,
      at && costs.is_least ? s("rect", {
        x: round(x(at)),
        width: round(300 - x(at)),
        y: 4.5,
        height: 5,
        fill: "var(--accent)",
        opacity: 0.15
      }) : null,
      at ? s("line", {
        x1: round(x(at)),
        x2: round(x(at)),
        y1: 2,
        y2: 12,
        stroke: "var(--accent)",
        "stroke-width": 2,
        ...fine
      }) : null
    );
  }
  function unruled({ chosen }) {
    const names = chosen.numbers.structure.unmodelled;
    if (!names.length) return null;
    return names.length === 1 ? `${names[0]} has no cost rule` : `${plural(names.length, "layer")} have no cost rule`;
  }
  function noTime(scene, { notes: notes2, timed_at: others2 }) {
    const { state } = scene;
    const why = unruled(scene);
    if (why) return `time not known: ${why}`;
    if (!others2.length) return notes2[0] ?? "no time is known";
    return `no time at ${state.precision}: choose ${others2.join(" or ")}`;
  }
  function others(scene, device) {
    const first = timeOf(scene.models[0].numbers, device);
    return h(
      "span",
      { class: "facts" },
      scene.models.flatMap(({ model, numbers, index }) => {
        if (!numbers) return fact(model.title, "not at this setting");
        const time2 = timeOf(numbers, device);
        const least = time2.isLeast ? "≥ " : "";
        const found = index ? against(time2, first) : null;
        const more = !found || found.text === UNKNOWN ? "" : ` (${wordsOf(found)})`;
        return fact(model.title, `${least}${seconds(time2.value)}${more}`);
      })
    );
  }
  function fact(name, value, isBad = false) {
    return [
      h("span", { class: "cut" }, h("bdi", {}, name)),
      h("span", { class: isBad ? "bad" : "" }, value)
    ];
  }
  function fits2(one) {
    const { needed_bytes: needed, available_bytes: there } = one;
    if (there == null) return fact(one.where, "size not known");
    const least = one.is_least ? "at least " : "";
    if (needed == null) return fact(one.where, `need not known, ${capacity(there)} there`);
    if (needed > there)
      return fact(one.where, `does not fit: ${least}${bytes(needed)} of ${capacity(there)}`, true);
    const verdict = one.is_least ? least : "fits: ";
    return fact(one.where, `${verdict}${bytes(needed)} of ${capacity(there)}`);
  }
  function energyOf(costs) {
    if (costs.energy_j == null) return "not known";
    const at = quantity(costs.energy_j, "J");
    if (costs.energy_low_j == null || costs.energy_high_j == null) return `≥ ${at}`;
    return `${at} (${range(costs.energy_low_j, costs.energy_high_j, "J")})`;
  }
  function totals(scene) {
    const { chosen, state } = scene;
    const { totals: all, memory: memory2, structure } = chosen.numbers;
    const peak = all.peak_bytes;
    const step = peak == null ? -1 : memory2.live.indexOf(peak);
    const why = unruled(scene) ?? "";
    const entry = (name, value, write, more) => h(
      "div",
      {},
      h("dt", {}, name),
      h(
        "dd",
        { class: value == null ? "unknown" : null },
        value == null ? "not known" : write(value),
        h("small", {}, h("bdi", {}, value == null ? why : more))
      )
    );
    return [
      entry("mult-adds", all.mult_adds, count, whole(all.mult_adds)),
      entry("params", all.params, count, whole(all.params)),
      entry("weights in memory", all.weight_bytes, bytes, state.precision),
      entry("peak activations", peak, bytes, step < 0 ? "" : `at ${structure.layers.name[step]}`),
      entry("bytes moved", all.traffic_bytes, bytes, "without caches")
    ];
  }

  // src/views/row.ts
  var cellClass = (scene, metric) => metric === scene.metric ? "num main" : "num side";
  function rowItem(context, index, amounts) {
    const { scene, outline, shown: shown2 } = context;
    const { state, chosen } = scene;
    const row2 = outline.rows[index];
    const opened = isOpen(row2, state.open) && !state.sort;
    const kind = kindOf(chosen.numbers, row2);
    const classes = [
      opened ? "opened" : "",
      amounts.isFused && scene.metric === "time" ? "fused" : "",
      state.selected === row2.path ? "selected" : ""
    ];
    return h(
      "tr",
      { role: "row", class: classes.filter(Boolean).join(" ") || null },
      state.sort ? h("td", { role: "cell", class: "lane" }) : h("td", { role: "cell", class: "lane" }, lane(context, index, amounts)),
      h(
        "th",
        {
          scope: "row",
          role: "rowheader",
          class: "layer",
          style: { "--depth": state.sort ? 0 : row2.depth }
        },
        nameButton(scene, row2, opened)
      ),
      h("td", { role: "cell", class: "kind wide cut", "data-tip": kind }, h("bdi", {}, kind)),
      h("td", { role: "cell", class: "output wide cut" }, shapeOf(chosen.numbers, row2)),
      shown2.map((metric) => cell(context, metric, amounts, opened))
    );
  }
  function nameButton(scene, row2, opened) {
    const canOpen = row2.children.length > 0 && !scene.state.sort;
    return h(
      "button",
      {
        type: "button",
        class: "cut",
        "aria-expanded": canOpen ? String(opened) : null,
        "data-tip": row2.path,
        on: {
          click: () => scene.change((state) => {
            state.selected = row2.path;
            if (!canOpen) return;
            if (opened) state.open.delete(row2.path);
            else state.open.add(row2.path);
          })
        }
      },
      h("span", { class: "turn", "aria-hidden": "true" }, canOpen ? opened ? "▾" : "▸" : ""),
      h("bdi", {}, scene.state.sort ? row2.path : row2.label),
      row2.copies > 1 ? h("span", { class: "faint" }, ` ×${row2.copies}`) : null
    );
  }
  function kindOf(numbers, row2) {
    const { layers } = numbers.structure;
    const count2 = layerCount(numbers.structure, row2.layers);
    if (!row2.children.length) {
      const kind = layers.kind[row2.layers[0]];
      return count2 > 1 ? `${kind}, ${plural(count2, "layer")}` : kind;
    }
    const call = callOf(numbers.structure, row2);
    const name = call?.block ?? "";
    const known = name && name !== row2.label.replace(/_\d+$/, "") ? `${name}, ` : "";
    return known + plural(count2, "layer");
  }
  function shapeOf(numbers, row2) {
    const shape = numbers.layers.shape[row2.layers[row2.layers.length - 1]];
    return shape.map((size) => size ?? "?").join("×");
  }
  function cell(context, metric, amounts, opened) {
    const { scene, most, total: total2 } = context;
    const value = amounts[metric];
    const isMain = metric === scene.metric;
    const least = metric === "time" && amounts.isLeast ? "≥ " : "";
    const text = value == null ? metric === "time" && amounts.isFused ? "fused" : UNKNOWN : least + quantity(
      metric === "bytes" || metric === "alive" ? Math.round(value) : value,
      METRIC_UNITS[metric]
    );
    return h(
      "td",
      { role: "cell", class: cellClass(scene, metric) },
      h("span", { class: value ? "value" : "value faint" }, text),
      isMain ? [
        h(
          "span",
          { class: "track", "aria-hidden": "true" },
          h("i", { style: { transform: `scaleX(${barLength(opened ? 0 : value, most)})` } })
        ),
        metric === "alive" ? null : h("span", { class: "share" }, value && total2 ? percent(value / total2) : "")
      ] : null
    );
  }
  var barLength = (value, most) => value && most ? (value / most).toFixed(3) : "0";
  function lane(context, index, amounts) {
    const { outline, scene, most } = context;
    const dot = outline.lanes.rows[index].dot;
    const row2 = outline.rows[index];
    const paint = {
      fill: `var(--heat${heat(amounts[scene.metric], most)})`,
      stroke: "var(--mute)"
    };
    const size = Math.min(5, Math.max(outline.step * 0.42, 2));
    return s(
      "svg",
      { width: outline.laneWidth, height: ROW_HEIGHT, "aria-hidden": "true" },
      s("path", {
        d: outline.paths[index],
        fill: "none",
        stroke: "var(--faint)",
        "stroke-width": 1.3
      }),
      dot == null ? null : row2.children.length ? s("rect", {
        x: laneX(outline, dot) - size,
        y: ROW_HEIGHT / 2 - size,
        width: 2 * size,
        height: 2 * size,
        rx: 2,
        ...paint
      }) : s("circle", { cx: laneX(outline, dot), cy: ROW_HEIGHT / 2, r: size * 0.85, ...paint })
    );
  }
  function heat(value, most) {
    const part = value && most ? value / most : 0;
    return [0.03, 0.12, 0.3, 0.6].filter((limit) => part > limit).length;
  }

  // src/views/details.ts
  function details(scene) {
    const row2 = chosenRow(scene);
    if (!row2) return [note("This network has no layers.")];
    const { numbers, model } = scene.chosen;
    const layer = row2.children.length ? null : row2.layers[0];
    return [
      h("h3", {}, h("bdi", {}, row2.path)),
      h("p", { class: "sub" }, h("bdi", {}, kindOf(numbers, row2))),
      counts(scene, row2),
      scene.page.devices.length ? [times2(scene, row2), partLegend] : null,
      layer == null ? null : riding(scene, layer),
      layer == null ? null : formulas(numbers, layer, model.forms[numbers.structure.layers.form[layer]]),
      specLine(scene, row2)
    ];
  }
  function chosenRow(scene) {
    const { state, chosen, metric } = scene;
    const found = state.selected ? find(chosen.blocks, state.selected) : void 0;
    if (found) return found;
    const rows = rowsOf(chosen.blocks, state.open);
    return heaviest(
      rows,
      rows.map((row2) => chosen.columns.ofBlock(row2)),
      state.open,
      metric
    );
  }
  function counts(scene, row2) {
    const { numbers, columns } = scene.chosen;
    const amounts = columns.ofBlock(row2);
    const { structure, layers } = numbers;
    const first = row2.layers[0];
    const own = new Set(row2.layers);
    const reads = new Set(
      row2.layers.flatMap((layer) => structure.layers.inputs[layer]).filter((from) => !own.has(from))
    );
    const names = [...reads].map(
      (from) => from < 0 ? structure.inputs[-1 - from]?.name ?? "input" : structure.layers.name[from]
    );
    const entry = (name, value) => [h("dt", {}, name), h("dd", {}, value)];
    return h(
      "dl",
      {},
      entry(
        "reads",
        h(
          "bdi",
          {},
          names.slice(0, 6).join(", ") + (names.length > 6 ? ` and ${names.length - 6} more` : "") || UNKNOWN
        )
      ),
      row2.children.length ? null : entry("output", layers.shape[first].map((size) => whole(size)).join(" × ") || "a number"),
      entry("mult-adds", whole(amounts.mult_adds)),
      entry("params", whole(amounts.params)),
      entry("bytes moved", bytes(amounts.bytes)),
      entry("memory alive", bytes(amounts.alive))
    );
  }
  var partLegend = legend([
    { color: "var(--heat3)", text: "compute" },
    { color: "var(--kind1)", text: "memory" },
    { color: "var(--kind7)", text: "launch" }
  ]);
  function partsOf(columns, layers) {
    const parts = { compute: 0, memory: 0, overhead: 0 };
    const { time: time2, isLeast: isLeast2 } = columns.of(layers);
    for (const layer of layers) {
      const kernel = columns.kernelOf[layer];
      if (kernel < 0 || !columns.kernels) continue;
      parts.compute += columns.kernels.compute_s[kernel] ?? 0;
      parts.memory += columns.kernels.memory_s[kernel] ?? 0;
      parts.overhead += columns.kernels.overhead_s[kernel] ?? 0;
    }
    return { time: time2, isLeast: isLeast2, ...parts };
  }
  function times2(scene, row2) {
    const { numbers } = scene.chosen;
    return h(
      "table",
      { class: "plain" },
      h("caption", { class: "unseen" }, "Time on each device, and what it is made of"),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          h("th", { scope: "col" }, "device"),
          h("th", { scope: "col", class: "num" }, "time"),
          h("th", { scope: "col" }, "made of")
        )
      ),
      h(
        "tbody",
        {},
        scene.page.devices.map((device, index) => {
          const parts = partsOf(
            index === scene.state.device ? scene.chosen.columns : new Columns(numbers, index),
            row2.layers
          );
          const isLeast2 = parts.isLeast || numbers.devices[index].is_least;
          return h(
            "tr",
            {},
            h("th", { scope: "row" }, named(device.name)),
            h(
              "td",
              { class: "num" },
              parts.time == null ? UNKNOWN : `${isLeast2 ? "≥ " : ""}${seconds(parts.time)}`
            ),
            h("td", {}, stack(parts))
          );
        })
      )
    );
  }
  function stack({ time: time2, compute, memory: memory2, overhead }) {
    if (!time2) return null;
    const shares2 = [
      ["compute", compute / time2],
      ["memory", memory2 / time2],
      ["launch", overhead / time2]
    ];
    const words = shares2.map(([name, share]) => `${name} ${percent(share)}`).join(", ");
    return h(
      "span",
      { class: "stack", role: "img", "aria-label": words, "data-tip": words },
      shares2.map(
        ([name, share]) => h("i", { class: name, style: { width: `${(100 * share).toFixed(1)}%` } })
      )
    );
  }
  function riding(scene, layer) {
    const { columns, numbers } = scene.chosen;
    if (columns.kernelOf[layer] >= 0 || !columns.kernels) return null;
    const host = columns.kernels.layers.find((layers) => layers.includes(layer));
    if (!host || !scene.device) return null;
    return note(
      "On ",
      h("bdi", {}, scene.device.name),
      " it runs in the kernel of ",
      h("bdi", {}, numbers.structure.layers.name[host[0]]),
      " and takes no time of its own."
    );
  }
  function formulas(numbers, layer, form) {
    if (!form?.formulas.length) return null;
    const values = numbers.layers.values[layer];
    const symbols = new Map(
      form.symbols.map((name, i) => [name, numbers.layers.symbols[layer][i] ?? null])
    );
    return [
      h("h4", {}, "Formulas, for one example"),
      form.formulas.map(({ what, names }, i) => {
        const isSaid = what === "weights" && form.formulas.some((f) => f.what === "params" && f.names === names);
        if (isSaid || what.endsWith(" elements")) return null;
        const value = whole(values[i]);
        const filled = withValues(names, symbols);
        return h(
          "div",
          { class: "code" },
          h("b", {}, what),
          "\n",
          names,
          filled === names ? "" : `
= ${filled}`,
          filled.replace(/,/g, "") === value.replace(/,/g, "") ? "" : `
= ${value}`
        );
      })
    ];
  }
  function withValues(names, symbols) {
    return names.replace(/[A-Za-z_][A-Za-z0-9_]*/g, (name) => {
      const value = symbols.get(name);
      return value == null ? name : setting(value);
    });
  }
  function specLine({ chosen }, row2) {
    const { structure } = chosen.numbers;
    const call = callOf(structure, row2);
    const file = chosen.model.file;
    const nodes = row2.children.length ? "" : structure.layers.nodes[row2.layers[0]];
    if (nodes) {
      return [
        h("h4", {}, "nodes", file ? [" of ", h("bdi", {}, file)] : null),
        h("div", { class: "code" }, h("bdi", {}, nodes))
      ];
    }
    const line = row2.children.length && call ? call.line : structure.layers.line[row2.layers[0]];
    const text = chosen.model.lines[String(line)];
    if (!line || text === void 0) return null;
    return [
      h("h4", {}, file ? [h("bdi", {}, file), ", "] : null, `line ${line}`),
      h("div", { class: "code" }, h("bdi", {}, text.trim())),
      row2.children.length ? note(`It holds ${plural(layerCount(structure, row2.layers), "layer")}.`) : null
    ];
  }

  // src/views/header.ts
  function header(scene, tools, said2) {
    const { page, chosen } = scene;
    const titles = page.models.map((one) => one.title);
    return [
      h(
        "h1",
        {},
        titles.map((title, i) => [
          i ? h("span", { class: "versus" }, " vs ") : null,
          h("bdi", {}, title)
        ])
      ),
      h("p", { class: "where" }, sourceOf2(scene), settingsOf(scene)),
      h(
        "div",
        { class: "tools" },
        h("span", { class: "said", role: "status" }, said2),
        h("button", { type: "button", on: { click: tools.copyLink } }, "Copy link"),
        h(
          "button",
          {
            type: "button",
            "aria-label": "Switch between light and dark",
            on: { click: tools.toggleTheme }
          },
          h("span", { "aria-hidden": "true" }, "◐")
        )
      ),
      titles.length > 1 ? modelChoice(scene, chosen.index) : null
    ];
  }
  function sourceOf2({ page }) {
    const [{ source }, ...others2] = page.models;
    return source && !others2.length ? [h("bdi", {}, source), " · "] : null;
  }
  function settingsOf(scene) {
    const shown2 = scene.controls.filter(
      (knob) => knob.of === "network" || valueOf(scene.state, knob) !== knob.default
    );
    const words = (all) => all.map((knob) => `${knob.name} ${valueWords(scene, knob)}`);
    const count2 = scene.page.models.length;
    const shared = shown2.filter((knob) => knob.owners.length === count2);
    const own = grouped(shown2.filter((knob) => knob.owners.length < count2));
    return [
      count2 > 1 ? "At " : null,
      [...words(shared), scene.state.precision].join(" · "),
      own.map(({ owners, of }) => [
        "; ",
        h("bdi", {}, ownersWords(scene.page, owners)),
        ` at ${words(of).join(" · ")}`
      ])
    ];
  }
  function valueWords({ page, state }, knob) {
    if (Object.hasOwn(state.values, knob.name)) return setting(state.values[knob.name]);
    return defaultsOf(page, knob.name).map(setting).join(" / ");
  }
  function modelChoice(scene, chosen) {
    return h(
      "div",
      { class: "segments", role: "group", "aria-label": "Network of the cards and pictures" },
      scene.page.models.map(
        (model, index) => h(
          "button",
          {
            type: "button",
            "aria-pressed": String(index === chosen),
            on: { click: () => scene.change((state) => state.model = index) }
          },
          h("bdi", {}, model.title)
        )
      )
    );
  }

  // src/stacking.ts
  function aliveAt({ tensors }, step) {
    return tensors.filter((one) => one.first <= step && step <= one.last).sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0));
  }
  function stackPaths({ tensors }, steps, x, y) {
    const starting = Array.from({ length: steps }, () => []);
    tensors.forEach((one, index) => starting[one.first]?.push(index));
    const areas = [[], []];
    const rank = /* @__PURE__ */ new Map();
    const drawn2 = /* @__PURE__ */ new Map();
    const close = (index, to) => {
      const area = drawn2.get(index);
      if (!area) return;
      const [left, right] = [round(x(area.from)), round(x(to))];
      const [low, high] = [round(y(area.low)), round(y(area.low + (tensors[index].bytes ?? 0)))];
      areas[rank.get(index) % 2].push(`M${left},${low}V${high}H${right}V${low}Z`);
      drawn2.delete(index);
    };
    let alive = [];
    for (let step = 0; step < steps; step += 1) {
      for (const index of alive) if (tensors[index].last < step) close(index, step);
      alive = alive.filter((index) => tensors[index].last >= step);
      for (const index of starting[step]) {
        rank.set(index, rank.size);
        alive.push(index);
      }
      let low = 0;
      for (const index of alive) {
        const area = drawn2.get(index);
        if (!area || area.low !== low) {
          close(index, step);
          drawn2.set(index, { from: step, low });
        }
        low += tensors[index].bytes ?? 0;
      }
    }
    for (const index of [...drawn2.keys()]) close(index, steps);
    return [areas[0].join(""), areas[1].join("")];
  }
  function outlinePath(live, x, y) {
    return live.map((value, i) => `${i ? "V" : `M${round(x(0))},`}${round(y(value ?? 0))}H${round(x(i + 1))}`).join("");
  }

  // src/views/memory.ts
  function memory(scene, width) {
    const { live } = scene.chosen.numbers.memory;
    const title = "Memory over the schedule";
    const peak = scene.chosen.numbers.totals.peak_bytes;
    if (peak == null || !live.length)
      return [...heading(title), note("It is not known what is alive.")];
    const { frame, x, words, items } = stillOf(scene, width, peak);
    const step = Math.min(scene.glance.step ?? live.indexOf(peak), live.length - 1);
    const most = bytes(peak);
    return [
      ...heading(title, [
        "Activations that are alive while each layer runs, in place where possible. ",
        words
      ]),
      s(
        "svg",
        {
          width,
          height: frame.height,
          role: "group",
          "aria-label": `Activation memory over ${plural(live.length, "layer")}, at most ${most}`
        },
        items,
        cursor(scene, frame, x, step)
      ),
      readout(scene, step),
      tableBelow(scene, "memory", "Table of what is alive", () => stepTable(scene))
    ];
  }
  var still = /* @__PURE__ */ new WeakMap();
  function stillOf(scene, width, peak) {
    const kept4 = still.get(scene);
    if (kept4?.width === width) return kept4.made;
    const made = makeStill(scene, width, peak);
    still.set(scene, { width, made });
    return made;
  }
  function makeStill(scene, width, peak) {
    const { numbers, blocks } = scene.chosen;
    const { live } = numbers.memory;
    const limit = limitOf(scene, peak);
    const top = Math.max(peak, limit?.isNear ? limit.bytes : 0) * 1.08 || 1;
    const frame = { width, height: heightOf(width), left: 56, right: 10, top: 20, bottom: 36 };
    const x = linear([0, live.length], [frame.left, width - frame.right]);
    const y = linear([0, top], [frame.height - frame.bottom, frame.top]);
    const [odd, even] = stackPaths(numbers.memory, live.length, x, y);
    const items = s(
      "g",
      {},
      axes(
        frame,
        { scale: x, ticks: [], write: String, title: "layers in order" },
        {
          scale: y,
          ticks: roundTicks(0, top, 4),
          write: (v) => v ? quantity(v, "B", 2) : "0",
          title: "alive"
        }
      ),
      s("path", { d: odd, fill: "var(--heat1)" }),
      s("path", { d: even, fill: "var(--heat2)" }),
      s("path", {
        d: outlinePath(live, x, y),
        fill: "none",
        stroke: "var(--accent)",
        "stroke-width": 1.5
      }),
      peakLabel(scene, frame, x, y, peak),
      limit?.isNear ? limitLine(limit, frame, y) : null,
      blockTicks(
        blocks.children.map((one) => ({
          label: one.label,
          first: one.layers[0],
          count: one.layers.length
        })),
        frame,
        x
      )
    );
    return { frame, x, words: limit?.words, items };
  }
  function peakLabel(scene, frame, x, y, peak) {
    const { memory: kept4, structure } = scene.chosen.numbers;
    const at = kept4.live.indexOf(peak);
    const isRight = x(at) > frame.width * 0.55;
    return [
      s("circle", { cx: round(x(at + 0.5)), cy: round(y(peak)), r: 3.5, fill: "var(--accent)" }),
      s(
        "text",
        {
          class: "ink",
          x: round(x(at + 0.5)) + (isRight ? -8 : 8),
          y: round(Math.max(y(peak) - 4, frame.top - 6)),
          "text-anchor": isRight ? "end" : "start"
        },
        `${bytes(peak)} at ${shortName(structure.layers.name[at], frame.width / 13)}`
      )
    ];
  }
  function shortName(name, room) {
    return name.length <= room ? name : `…${name.slice(name.length - Math.floor(room) + 1)}`;
  }
  function limitOf(scene, peak) {
    const { numbers } = scene.chosen;
    const all = numbers.devices[scene.state.device]?.capacity ?? [];
    const one = all.find((entry) => /activation/.test(entry.what)) ?? null;
    if (!one || one.available_bytes == null || !scene.device) return null;
    const sharing = /weight/.test(one.what) ? numbers.totals.weight_bytes ?? 0 : 0;
    const left = Math.max(one.available_bytes - sharing, 0);
    return {
      bytes: left,
      isNear: left <= peak * 3,
      words: wordsOf2(scene, one, left, peak),
      label: `${one.where}: ${capacity(one.available_bytes)}${sharing ? " less weights" : ""}`
    };
  }
  function wordsOf2(scene, one, left, peak) {
    const device = h("bdi", {}, scene.device?.name);
    if (left > peak * 3)
      return [`${one.where} of `, device, ` holds ${whole(Math.floor(left / peak))} times the peak.`];
    if (!one.is_least) return null;
    return [
      "On ",
      device,
      " it takes at least the peak: an arena can have gaps, which are not shown here."
    ];
  }
  function limitLine(limit, frame, y) {
    const at = round(y(limit.bytes));
    const right = frame.width - frame.right;
    return [
      s("line", {
        x1: frame.left,
        x2: right,
        y1: at,
        y2: at,
        stroke: "var(--bad)",
        "stroke-width": 1.5,
        "stroke-dasharray": "5 3"
      }),
      s("text", { class: "limit", x: right, y: at - 5, "text-anchor": "end" }, limit.label)
    ];
  }
  function blockTicks(all, frame, x) {
    const items = [];
    const taken = [];
    const below = frame.height - frame.bottom;
    for (const { label, first } of [...all].sort((a, b) => b.count - a.count)) {
      const from = round(x(first));
      const to = from + label.length * 6.4 + 8;
      const isFree = taken.every(([left, right]) => to <= left || from >= right);
      if (!isFree || to > frame.width - frame.right) continue;
      taken.push([from, to]);
      items.push(
        s("line", { x1: from, x2: from, y1: below, y2: below + 4, stroke: "var(--faint)" }),
        s("text", { x: from + 2, y: below + 15 }, label)
      );
    }
    return items;
  }
  function cursor(scene, frame, x, step) {
    const { memory: kept4, structure } = scene.chosen.numbers;
    const steps = kept4.live.length;
    const move = (to) => scene.look("memory", (glance) => glance.step = Math.max(0, Math.min(steps - 1, to)));
    const area = { y: frame.top, height: frame.height - frame.top - frame.bottom };
    return [
      s("rect", {
        x: round(x(step)),
        width: Math.max(round(x(1) - x(0)), 1),
        fill: "var(--ink)",
        opacity: 0.14,
        ...area
      }),
      s("rect", {
        x: frame.left,
        width: frame.width - frame.left - frame.right,
        fill: "transparent",
        tabindex: 0,
        role: "slider",
        "aria-label": "Layer whose memory is shown",
        "aria-valuemin": 1,
        "aria-valuemax": steps,
        "aria-valuenow": step + 1,
        "aria-valuetext": `${structure.layers.name[step]}: ${bytes(kept4.live[step])}`,
        on: {
          pointermove: (event) => {
            const box = event.currentTarget.getBoundingClientRect();
            move(Math.floor((event.clientX - box.left) / box.width * steps));
          },
          keydown: (event) => {
            const by = { ArrowRight: 1, ArrowLeft: -1, PageUp: 10, PageDown: -10 }[event.key];
            if (!by) return;
            event.preventDefault();
            move((scene.glance.step ?? step) + by);
          }
        },
        ...area
      })
    ];
  }
  function readout(scene, step) {
    const { memory: kept4, structure } = scene.chosen.numbers;
    const alive = aliveAt(kept4, step);
    const shown2 = alive.slice(0, 4).map((one) => `${one.name} ${bytes(one.bytes)}`);
    const rest = alive.length > 4 ? ` and ${plural(alive.length - 4, "tensor")} more` : "";
    return h(
      "p",
      { class: "readout" },
      h("b", {}, h("bdi", {}, structure.layers.name[step])),
      ` ${bytes(kept4.live[step])}: `,
      h("bdi", {}, shown2.join(", ") || "nothing"),
      rest
    );
  }
  var stepTables = /* @__PURE__ */ new WeakMap();
  function stepTable(scene) {
    let made = stepTables.get(scene);
    if (!made) {
      made = scrolling("Memory by layer", makeStepTable(scene));
      stepTables.set(scene, made);
    }
    return made;
  }
  function makeStepTable(scene) {
    const { memory: kept4, structure } = scene.chosen.numbers;
    const rows = kept4.live.map((value, step) => [
      structure.layers.name[step],
      bytes(value) || UNKNOWN,
      String(aliveAt(kept4, step).length),
      aliveAt(kept4, step)[0]?.name ?? UNKNOWN
    ]);
    return table(
      "Bytes alive while each layer runs",
      [
        { title: "layer", isText: true },
        { title: "alive" },
        { title: "tensors" },
        { title: "largest", isText: true }
      ],
      rows
    );
  }

  // src/views/notes.ts
  function notes(scene) {
    const { page, chosen } = scene;
    const general = [...chosen.model.notes, ...unmodelled(scene), ...rounded(scene)];
    return [
      ...heading(
        "How to read this",
        "1 mult-add is 1 MAC, or 2 FLOPs. Counts are exact. A time has a range in which four of five measurements are expected, or is a lower bound (≥). The page works offline and sends nothing."
      ),
      list(general),
      h(
        "ul",
        { class: "notes" },
        page.devices.map((device, index) => deviceNote(scene, device, chosen.numbers.devices[index]))
      ),
      list(fixedKnobs(scene)),
      page.devices.some((one) => one.facts.length) ? tableBelow(
        scene,
        "notes",
        "Numbers of the devices and their sources",
        () => scrolling("Numbers of the devices", factTable(page.devices))
      ) : null,
      h("p", { class: "note" }, `mnet_cost ${page.version}`)
    ];
  }
  function list(sentences) {
    return sentences.length ? h(
      "ul",
      { class: "notes" },
      sentences.map((one) => h("li", {}, h("bdi", {}, one)))
    ) : null;
  }
  function unmodelled({ chosen }) {
    const names = chosen.numbers.structure.unmodelled;
    if (!names.length) return [];
    const shown2 = names.slice(0, 5).join(", ") + (names.length > 5 ? ` and ${names.length - 5} more` : "");
    return [
      `${plural(names.length, "layer")} without a cost rule, so there are no totals: ${shown2}.`
    ];
  }
  function rounded({ chosen }) {
    return chosen.numbers.is_exact ? [] : ["Some whole numbers here are above 2^53, which this page cannot hold: they are rounded."];
  }
  function deviceNote(scene, device, costs) {
    const at = device.at[scene.state.precision];
    const words = [
      device.title,
      runtimeOf(device),
      at?.fitted_to ?? "",
      at?.error_percent == null ? "" : `off by ${quantity(at.error_percent, "%", 2)} where it was not fitted`,
      costs.energy_how ? `energy: ${costs.energy_how}` : ""
    ].filter(Boolean);
    return h(
      "li",
      {},
      h("b", {}, h("bdi", {}, device.name)),
      ": ",
      h("bdi", {}, words.join("; ")),
      ".",
      [...costs.notes, ...costs.outside].map(
        (one) => h("span", { class: "warn-line" }, h("bdi", {}, one))
      )
    );
  }
  function fixedKnobs(scene) {
    const { models } = scene.page;
    return models.flatMap(
      ({ title, knobs }) => knobs.flatMap((knob) => {
        if (knob.control !== "fixed") return [];
        const where = models.length > 1 ? `in ${title}` : "here";
        return [`${knob.name} is ${setting(knob.default)} ${where}: ${knob.why}`];
      })
    );
  }
  function factTable(devices) {
    const rows = devices.flatMap(
      (device) => device.facts.map((fact2) => [
        device.name,
        fact2.what,
        valueOf2(fact2),
        fact2.basis,
        fact2.source
      ])
    );
    return table(
      "Numbers of the devices and their sources",
      [
        { title: "device", isText: true },
        { title: "what", isText: true },
        { title: "value" },
        { title: "basis", isText: true },
        { title: "source", isText: true }
      ],
      rows
    );
  }
  function valueOf2({ value, unit, low, high }) {
    const at = quantity(value, unit);
    return low == null || high == null ? at : `${at} (${range(low, high, unit)})`;
  }

  // src/views/pairs.ts
  function pairs(scene, tools) {
    const { models, state, metric, device } = scene;
    const columns = models.map(({ numbers }) => numbers && new Columns(numbers, state.device));
    const all = pairsOf2(
      models.map(({ numbers }) => numbers?.structure ?? null),
      state.open
    );
    const rows = sorted(scene, all, columns);
    const name = METRIC_NAMES[metric];
    const on = metric === "time" && device ? [" on ", h("bdi", {}, device.name)] : null;
    return [
      ...heading("Blocks side by side", [
        `By ${name}`,
        on,
        ". Blocks of equal names stand in one row, and those between them by their order."
      ]),
      h(
        "div",
        { class: "bar" },
        h("button", { type: "button", on: { click: tools.copyPairs } }, "Copy CSV")
      ),
      scrolling(
        "Table of blocks side by side",
        h(
          "table",
          { class: "plain compared" },
          h("caption", { class: "unseen" }, `Blocks of compared networks by ${name}`),
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              h("th", { scope: "col" }, "block"),
              models.map(({ model, index }) => [
                sortHead(scene, index, false, h("bdi", {}, model.title)),
                index ? sortHead(scene, index, true, "ratio") : null
              ])
            )
          ),
          h(
            "tbody",
            {},
            rows.map((row2) => pairRow(scene, row2, columns))
          )
        )
      )
    ];
  }
  function sortHead(scene, model, isRatio, title) {
    const now2 = scene.glance.pairSort;
    const isNow = now2?.model === model && now2.isRatio === isRatio;
    const next = isNow && now2.rising ? null : { model, isRatio, rising: isNow };
    return h(
      "th",
      {
        scope: "col",
        class: isRatio ? "num ratio" : "num",
        "aria-sort": !isNow ? "none" : now2.rising ? "ascending" : "descending"
      },
      h(
        "button",
        {
          type: "button",
          on: { click: () => scene.look("pairs", (glance) => glance.pairSort = next) }
        },
        title
      )
    );
  }
  function sorted(scene, all, columns) {
    const { state, metric, glance } = scene;
    const sort = glance.pairSort;
    if (!sort) return all;
    const at = ({ members }, model) => {
      const one = members[model];
      return (one && columns[model]?.ofBlock(one)[metric]) ?? null;
    };
    const keyOf = (pair) => {
      const value = at(pair, sort.model);
      return (sort.isRatio ? ratio(value, at(pair, 0)) : value) ?? -1;
    };
    return all.filter(({ members }) => isOwn(members, state.open)).map((pair) => ({ pair: { ...pair, depth: 0 }, key: keyOf(pair) })).sort(
      (a, b) => a.key < 0 || b.key < 0 ? b.key - a.key : sort.rising ? a.key - b.key : b.key - a.key
    ).map(({ pair }) => pair);
  }
  function pairRow(scene, { members, depth }, columns) {
    const { metric, state } = scene;
    const isOpen2 = isPairOpen(members, state.open);
    const amounts = members.map((one, i) => (one && columns[i]?.ofBlock(one)) ?? null);
    const amountOf = (index) => ({
      value: amounts[index]?.[metric] ?? null,
      isLeast: isLeast(scene, index, amounts[index])
    });
    return h(
      "tr",
      { class: isOpen2 ? "opened" : null },
      h("th", { scope: "row", style: { "--depth": depth } }, nameOf(scene, members, isOpen2)),
      amounts.map((one, index) => {
        const cell2 = h("td", { class: "num" }, valueOf3(one, metric, isLeast(scene, index, one)));
        if (!index) return cell2;
        const isBoth = members[0] !== null && members[index] !== null;
        const empty = h("td", { class: "num ratio" });
        return [cell2, isBoth ? ratioCell(amountOf(index), amountOf(0)) : empty];
      })
    );
  }
  function nameOf(scene, members, isOpen2) {
    const blocks = members.filter((one) => one !== null);
    const isSorted = scene.glance.pairSort !== null;
    const nameOf2 = (one) => isSorted ? one.path : one.label;
    const names = new Map(blocks.map((one) => [`${one.copies} ${nameOf2(one)}`, one]));
    const text = [...names.values()].map(
      (one, i) => h(
        "span",
        { class: i ? "other" : "" },
        h("bdi", {}, nameOf2(one)),
        one.copies > 1 ? ` ×${one.copies}` : ""
      )
    );
    const paths = blocks.filter((one) => one.children.length).map((one) => one.path);
    if (!paths.length) return text;
    const toggle = () => scene.change(
      ({ open }) => paths.forEach((path) => isOpen2 ? open.delete(path) : open.add(path))
    );
    return h(
      "button",
      { type: "button", "aria-expanded": String(isOpen2), on: { click: toggle } },
      h("span", { class: "turn", "aria-hidden": "true" }, isOpen2 ? "▾" : "▸"),
      h("span", { class: "names" }, text)
    );
  }
  function isLeast({ models, metric, state }, model, one) {
    if (metric !== "time" || !one) return false;
    return one.isLeast || models[model].numbers?.devices[state.device]?.basis === "bound";
  }
  function valueOf3(amounts, metric, isLeast2) {
    if (!amounts) return "";
    const value = amounts[metric];
    if (metric === "time" && amounts.isFused) return "fused";
    if (value == null) return UNKNOWN;
    const least = isLeast2 ? "≥ " : "";
    const isBytes = METRIC_UNITS[metric] === "B";
    return least + quantity(isBytes ? Math.round(value) : value, METRIC_UNITS[metric]);
  }

  // src/views/roofline.ts
  function roofline(scene, width) {
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
    const time2 = scene.chosen.numbers.devices[state.device];
    const kinds = [...new Set(dots.map((one) => one.variety))].sort();
    return [
      ...heading(title, sentence2(scene, device, peak, dots.length)),
      device.levels.length > 1 ? levelChoice(scene, device, level) : null,
      picture2(scene, dots, roofs, peak, time2.latency_s ?? total(dots), width),
      legend(kinds.map((kind) => ({ color: `var(--kind${kind})`, text: VARIETIES[kind][1] }))),
      left ? note(leftOut(left)) : null,
      tableBelow(
        scene,
        "roofline",
        "Table of kernels",
        () => scrolling("Kernels", kernelTable(dots, peak))
      )
    ];
  }
  var total = (dots) => dots.reduce((sum, dot) => sum + dot.time, 0);
  var leftOut = (kernels) => `${plural(kernels, "kernel")} without mult-adds, bytes or a known time ${kernels === 1 ? "is" : "are"} not shown.`;
  function sentence2(scene, device, peak, shown2) {
    const { numbers } = scene.chosen;
    const { latency_s: time2, is_least: isLeast2 } = numbers.devices[scene.state.device];
    const counted = numbers.totals.mult_adds;
    return [
      `${plural(shown2, "kernel")} on `,
      h("bdi", {}, device.name),
      ", area by time; a click shows its details. ",
      time2 && counted != null ? `The whole network runs at ${isLeast2 ? "most " : ""}${percent(counted / time2 / peak)} of the peak.` : null
    ];
  }
  function factorOf({ controls, state }, name) {
    const knob = controls.find((one) => one.of === "device" && one.name === name);
    return knob ? Number(valueOf(state, knob)) : 1;
  }
  function roofsOf(scene, device) {
    const main = mainLevel(device);
    return device.levels.flatMap(({ name, bytes_per_s: rate }, level) => {
      const factor = level === main ? factorOf(scene, "bandwidth") : 1;
      return rate == null ? [] : [{ name, bytes_per_s: rate * factor }];
    });
  }
  var mainLevel = (device) => device.levels.length - (device.has_storage ? 2 : 1);
  function levelOf(device, chosen) {
    return chosen != null && chosen < device.levels.length ? chosen : mainLevel(device);
  }
  function dotsOf(scene, level) {
    const { numbers } = scene.chosen;
    const { kernels } = numbers.devices[scene.state.device];
    const dots = [];
    let left = 0;
    kernels.name.forEach((name, i) => {
      const macs = kernels.mult_adds[i];
      const time2 = kernels.latency_s[i];
      const moved = kernels.level_bytes[level]?.[i] || kernels.traffic_bytes[i];
      if (!macs || !time2 || !moved) {
        left += 1;
        return;
      }
      const variety = varietyIndex(numbers.structure.layers.variety[kernels.layers[i][0]] ?? "");
      dots.push({
        name,
        variety,
        macs,
        bytes: moved,
        time: time2,
        intensity: macs / moved,
        rate: macs / time2
      });
    });
    return { dots: dots.sort((a, b) => b.time - a.time), left };
  }
  function levelChoice(scene, device, level) {
    return h(
      "div",
      { class: "bar" },
      h("span", { class: "faint" }, "bytes that pass"),
      h(
        "div",
        { class: "segments", role: "group", "aria-label": "Memory whose bytes are counted" },
        device.levels.map(
          (one, index) => h(
            "button",
            {
              type: "button",
              "aria-pressed": String(index === level),
              on: { click: () => scene.look("roofline", (glance) => glance.level = index) }
            },
            one.name
          )
        )
      )
    );
  }
  function picture2(scene, dots, roofs, peak, total2, width) {
    const frame = { width, height: heightOf(width), left: 58, right: 14, top: 24, bottom: 36 };
    const ridges = roofs.map((roof) => peak / roof.bytes_per_s);
    const intensities = dots.map((one) => one.intensity);
    const xs = [
      Math.min(...intensities, ...ridges) / 2,
      Math.max(...intensities, ...ridges) * 2.5
    ];
    const ys = [Math.min(...dots.map((one) => one.rate)) / 2, peak * 2];
    const flatFrom = ridges.length ? Math.max(Math.min(...ridges), xs[0]) : xs[0];
    const x = logarithmic(xs, [frame.left, width - frame.right]);
    const y = logarithmic(ys, [frame.height - frame.bottom, frame.top]);
    return s(
      "svg",
      {
        width,
        height: frame.height,
        role: "group",
        "aria-label": `Roofline of ${plural(dots.length, "kernel")}; the table below has the numbers`
      },
      axes(
        frame,
        {
          scale: x,
          ticks: logTicks(...xs, width / 60),
          write: (v) => String(v),
          title: "mult-adds for each byte"
        },
        {
          scale: y,
          ticks: logTicks(...ys, 7),
          write: (v) => quantity(v, "", 2),
          title: "mult-adds a second"
        }
      ),
      slopes(roofs, peak, xs, ys, x, y),
      s("line", {
        class: "roof",
        x1: round(x(flatFrom)),
        x2: width - frame.right,
        y1: round(y(peak)),
        y2: round(y(peak))
      }),
      s(
        "text",
        { x: width - frame.right, y: round(y(peak)) - 6, "text-anchor": "end" },
        `peak ${quantity(peak, "MAC/s")}`
      ),
      pointList(
        scene,
        "roofline",
        "Kernels, the longest first",
        dots.map((dot) => {
          const tip = tipOf(dot, peak, total2);
          const isSelected = scene.state.selected === dot.name;
          return {
            attributes: {
              cx: round(x(dot.intensity)),
              cy: round(y(dot.rate)),
              r: round(Math.max(3, Math.sqrt(total2 ? dot.time / total2 : 0) * 26)),
              fill: `var(--kind${dot.variety})`,
              stroke: isSelected ? "var(--ink)" : "var(--card)",
              opacity: 0.75
            },
            words: tip.replace(/\n/g, ", "),
            tip,
            isSelected,
            go: () => scene.change((state) => state.selected = dot.name)
          };
        })
      )
    );
  }
  function tipOf(dot, peak, total2) {
    const part = total2 ? `, ${percent(dot.time / total2)} of the time` : "";
    return `${dot.name}
${seconds(dot.time)}${part}
${percent(dot.rate / peak)} of the peak`;
  }
  function slopes(roofs, peak, xs, ys, x, y) {
    return roofs.flatMap(({ name, bytes_per_s: rate }) => {
      const from = Math.max(xs[0], ys[0] / rate);
      const to = Math.min(peak / rate, xs[1]);
      if (to <= from) return [];
      const [x1, y1, x2, y2] = [x(from), y(from * rate), x(to), y(to * rate)].map(round);
      const angle = Math.atan2(y2 - y1, x2 - x1) * 180 / Math.PI;
      const label = `${name} ${quantity(rate, "B/s")}`;
      const hasRoom = Math.hypot(x2 - x1, y2 - y1) > label.length * 6.5;
      return [
        s("line", { class: "roof", x1, y1, x2, y2 }),
        hasRoom ? s(
          "text",
          { x: x1 + 4, y: y1 - 6, transform: `rotate(${round(angle)} ${x1 + 4} ${y1 - 6})` },
          label
        ) : s("text", { x: round((x1 + x2) / 2) + 8, y: round((y1 + y2) / 2) + 10 }, label)
      ];
    });
  }
  function kernelTable(dots, peak) {
    const rows = dots.map((dot) => [
      dot.name,
      seconds(dot.time),
      whole(dot.macs),
      bytes(dot.bytes),
      dot.intensity.toPrecision(3),
      percent(dot.rate / peak) || UNKNOWN
    ]);
    return table(
      "Kernels with their intensity and rate",
      [
        { title: "kernel", isText: true },
        { title: "time" },
        { title: "mult-adds" },
        { title: "bytes" },
        { title: "mult-adds for each byte" },
        { title: "of the peak" }
      ],
      rows
    );
  }

  // src/views/shares.ts
  function shares(scene, width) {
    const { numbers, columns } = scene.chosen;
    const kinds = kindsOf(numbers, columns);
    const total2 = numbers.devices[scene.state.device]?.latency_s ?? null;
    const bars = barsOf(kinds, numbers, total2);
    const title = total2 == null ? "Where params and mult-adds part" : "Where mult-adds and time part";
    if (!bars.length) {
      return [...heading(title), note("Some layers have no cost rule, so there are no shares.")];
    }
    return [
      ...heading(title, sentence3(scene, kinds, total2)),
      picture3(bars, width),
      scrolling("Shares by kind of layer", shareTable(scene, kinds))
    ];
  }
  function kindsOf(numbers, columns) {
    const layersOf2 = /* @__PURE__ */ new Map();
    numbers.structure.layers.variety.forEach((variety, layer) => {
      const index = varietyIndex(variety);
      const found = layersOf2.get(index);
      if (found) found.push(layer);
      else layersOf2.set(index, [layer]);
    });
    return [...layersOf2].sort(([a], [b]) => a - b).map(([variety, layers]) => ({ variety, amounts: columns.of(layers) }));
  }
  function barsOf(kinds, numbers, time2) {
    const bar = (name, total2, of) => total2 ? [
      {
        name,
        parts: kinds.map(({ variety, amounts }) => ({
          variety,
          share: (of(amounts) ?? 0) / total2
        }))
      }
    ] : [];
    return [
      ...bar("params", numbers.totals.params, (one) => one.params),
      ...bar("mult-adds", numbers.totals.mult_adds, (one) => one.mult_adds),
      ...bar("time", time2, (one) => one.time)
    ];
  }
  function sentence3(scene, kinds, time2) {
    const { totals: totals2 } = scene.chosen.numbers;
    const of = ({ variety, amounts }) => ({
      name: VARIETIES[variety][1],
      mult_adds: totals2.mult_adds ? (amounts.mult_adds ?? 0) / totals2.mult_adds : 0,
      other: time2 ? (amounts.time ?? 0) / time2 : totals2.params ? (amounts.params ?? 0) / totals2.params : 0
    });
    const text = partingSentence(kinds.map(of), time2 ? "time" : "params");
    return time2 && scene.device ? ["On ", h("bdi", {}, scene.device.name), `, ${text}`] : capital(text);
  }
  function partingSentence(all, what) {
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
  var capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  var BAR = { height: 30, gap: 26, left: 72, top: 4 };
  function picture3(bars, width) {
    const room = width - BAR.left - 2;
    const ends = bars.map(({ parts }) => {
      let at = BAR.left;
      return parts.map(({ share }) => [at, at += share * room]);
    });
    const y = (row2) => BAR.top + row2 * (BAR.height + BAR.gap);
    const items = [];
    bars.forEach((bar, row2) => {
      items.push(
        s("text", { class: "ink", x: BAR.left - 8, y: y(row2) + 19, "text-anchor": "end" }, bar.name)
      );
      bar.parts.forEach(({ variety, share }, i) => {
        const [from, to] = ends[row2][i];
        if (row2)
          items.push(ribbon(ends[row2 - 1][i], ends[row2][i], y(row2) - BAR.gap, y(row2), variety));
        items.push(...segment(bar.name, variety, share, from, to, y(row2)));
      });
    });
    const height = y(bars.length - 1) + BAR.height + 4;
    return s(
      "svg",
      {
        width,
        height,
        role: "img",
        "aria-label": `Shares of ${bars.map((one) => one.name).join(", ")} by kind of layer; the table below has the numbers`
      },
      items
    );
  }
  function segment(name, variety, share, from, to, y) {
    const isWide = to - from > 36;
    const tip = `${VARIETIES[variety][1]}: ${percent(share)} of the ${name}`;
    return [
      s("rect", {
        x: round(from),
        y,
        width: share > 5e-4 ? Math.max(round(to - from - 1), 0.5) : 0,
        height: BAR.height,
        rx: 2,
        fill: `var(--kind${variety})`,
        "data-tip": tip
      }),
      s(
        "text",
        { class: "on-color", x: round((from + to) / 2), y: y + 19, "text-anchor": "middle" },
        isWide ? percent(share) : ""
      )
    ];
  }
  function ribbon(above, below, top, bottom, variety) {
    const middle = (top + bottom) / 2;
    const [a, b] = above.map(round);
    const [c, d] = below.map(round);
    const isThere = b - a > 0.3 || d - c > 0.3;
    return s("path", {
      d: isThere ? `M${a},${top}C${a},${middle} ${c},${middle} ${c},${bottom}L${d},${bottom}C${d},${middle} ${b},${middle} ${b},${top}Z` : "",
      fill: `var(--kind${variety})`,
      opacity: 0.22
    });
  }
  function shareTable(scene, kinds) {
    const { numbers } = scene.chosen;
    const { totals: totals2 } = numbers;
    const timed = scene.page.devices.flatMap((device, index) => {
      const total2 = numbers.devices[index].latency_s;
      if (!total2) return [];
      const isChosen = index === scene.state.device;
      const columns = isChosen ? scene.chosen.columns : new Columns(numbers, index);
      const shares2 = kindsOf(numbers, columns).map(({ amounts }) => (amounts.time ?? 0) / total2);
      return [{ device, isChosen, shares: shares2 }];
    });
    const part = (value, total2) => value == null || !total2 ? UNKNOWN : percent(value / total2);
    const rows = kinds.map((kind, i) => [
      { text: VARIETIES[kind.variety][1], class: `swatch kind${kind.variety}` },
      part(kind.amounts.params, totals2.params),
      part(kind.amounts.mult_adds, totals2.mult_adds),
      ...timed.map(({ shares: shares2 }) => percent(shares2[i]))
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
          isWide: !isChosen
        }))
      ],
      rows
    );
  }

  // src/views/curve.ts
  var CURVE = { width: 100, height: 22 };
  function curve(found, knob, value) {
    const fine = { "vector-effect": "non-scaling-stroke" };
    const x = (at) => round(placeOf(knob, at) * CURVE.width);
    return s(
      "svg",
      {
        class: "curve",
        viewBox: `0 0 ${CURVE.width} ${CURVE.height}`,
        preserveAspectRatio: "none",
        "aria-hidden": "true"
      },
      s("path", {
        d: found ? curvePath(found) : "",
        fill: "none",
        stroke: "var(--bar)",
        "stroke-width": 1.5,
        ...fine
      }),
      s("line", {
        x1: x(value),
        x2: x(value),
        y1: 0,
        y2: CURVE.height,
        stroke: "var(--accent)",
        ...fine
      }),
      knob.published.map(
        (at) => s("line", { x1: x(at), x2: x(at), y1: 19, y2: CURVE.height, stroke: "var(--mute)", ...fine })
      )
    );
  }
  function curvePath({ points }) {
    const most = Math.max(...points.map(([, value]) => value ?? 0), Number.MIN_VALUE);
    let isDrawing = false;
    return points.map(([place2, value]) => {
      if (value == null) {
        isDrawing = false;
        return "";
      }
      const command = isDrawing ? "L" : "M";
      isDrawing = true;
      return `${command}${round(place2 * CURVE.width)},${round(21 - 19 * value / most)}`;
    }).join("");
  }

  // src/views/sliders.ts
  function sliders(scene) {
    const movable = scene.controls.filter((knob) => knob.control !== "fixed");
    const ofNetwork = movable.filter((knob) => knob.of === "network");
    const ofDevice = movable.filter((knob) => knob.of === "device");
    return [
      now(scene),
      groups(scene, ofNetwork),
      ofDevice.length ? whatIf(scene, ofDevice) : null,
      h(
        "button",
        {
          type: "button",
          class: "reset",
          "aria-label": "Reset all knobs to their defaults",
          on: {
            click: () => scene.change((state) => {
              state.values = {};
              state.precision = scene.page.precisions[0];
            })
          }
        },
        "Reset"
      )
    ];
  }
  function groups(scene, controls) {
    const isPrecise = scene.page.precisions.length > 1;
    const all = grouped(controls);
    const everywhere = scene.page.models.length;
    if (isPrecise && all[0]?.owners.length !== everywhere) {
      all.unshift({ owners: scene.page.models.map((_, index) => index), of: [] });
    }
    const isNamed = all.length > 1;
    return h(
      "div",
      { class: isNamed ? "groups" : "groups alone" },
      all.map(({ owners, of }) => {
        const words = ownersWords(scene.page, owners);
        const isShared = owners.length === everywhere;
        return h(
          "div",
          {
            class: "owned",
            key: owners.join(),
            role: isNamed ? "group" : null,
            "aria-label": isNamed ? `Knobs of ${words}` : null,
            style: { "--count": of.length + (isShared && isPrecise ? 1 : 0) }
          },
          isNamed ? h("div", { class: "whose cut", "aria-hidden": "true" }, h("bdi", {}, words)) : null,
          h(
            "div",
            { class: "knobs" },
            of.map((knob) => control(scene, knob)),
            isShared && isPrecise ? precision(scene) : null
          )
        );
      })
    );
  }
  var isLeastOf = ({ metric, chosen, state }) => metric === "time" && (chosen.numbers.devices[state.device]?.is_least ?? false);
  function answer(scene) {
    const { metric, chosen, state } = scene;
    const at = totalOf(chosen.numbers, metric, state.device);
    if (at == null) return "not known";
    const digits = metric === "time" ? 3 : 4;
    return `${isLeastOf(scene) ? "≥ " : ""}${quantity(at, METRIC_UNITS[metric], digits)}`;
  }
  function answerWords(scene) {
    const { metric, chosen, device } = scene;
    if (scene.models[chosen.index].numbers == null) return "not known here";
    const said2 = answer(scene).replace("≥", "at least");
    return metric === "time" ? `${said2} on ${device?.name}` : `${said2} ${METRIC_NAMES[metric]}`;
  }
  function now(scene) {
    const { metric, chosen, state, device } = scene;
    const at = totalOf(chosen.numbers, metric, state.device);
    const before = chosen.defaults && totalOf(chosen.defaults, metric, state.device);
    const change = ratio(at, before);
    return h(
      "div",
      { class: "now" },
      h("b", { class: at == null ? "unknown" : null }, answer(scene)),
      h(
        "span",
        { class: "cut" },
        metric === "time" ? h("bdi", {}, device?.name) : METRIC_NAMES[metric]
      ),
      h(
        "span",
        { class: "cut" },
        change == null || change === 1 ? "at the defaults" : changeWords(change, isLeastOf(scene))
      )
    );
  }
  function control(scene, knob) {
    if (knob.control === "slider") return slider(scene, knob);
    return knob.control === "select" ? select(scene, knob) : null;
  }
  var idOf = (knob) => `knob-${knob.name}`;
  function shell(knob, value, ...content) {
    return h(
      "div",
      { class: "knob", key: knob.name, "data-tip": knob.help || null },
      h(
        "div",
        { class: "knob-head" },
        h("label", { for: idOf(knob), class: "cut" }, h("bdi", {}, knob.name)),
        value
      ),
      content
    );
  }
  function slider(scene, knob) {
    const value = Number(valueOf(scene.state, knob));
    const set = (next) => scene.change((state) => setValue(scene.page, state, knob.name, next));
    const words = valueWords2(scene, knob, value);
    const places = knob.is_log ? LOG_STEPS : (knob.max - knob.min) / knob.step;
    return shell(
      knob,
      h("span", { class: "at", "aria-hidden": "true" }, words),
      curve(scene.glance.curves.get(knob.name), knob, value),
      h("input", {
        id: idOf(knob),
        type: "range",
        min: 0,
        max: round(places * 1e3) / 1e3,
        step: knob.is_log ? 1 : "any",
        value: placeOf(knob, value) * places,
        "aria-valuetext": `${words}, ${answerWords(scene)}`,
        "data-min": knob.min,
        "data-max": knob.max,
        on: {
          input: (event) => set(valueAt(knob, Number(event.target.value) / places)),
          keydown: (event) => {
            const direction = DIRECTIONS[event.key];
            if (!direction) return;
            event.preventDefault();
            set(neighbour(knob, Number(valueOf(scene.state, knob)), direction));
          }
        }
      })
    );
  }
  function valueWords2(scene, knob, value) {
    if (knob.of === "device") return `${setting(value)}×`;
    if (Object.hasOwn(scene.state.values, knob.name)) return setting(value);
    return defaultsOf(scene.page, knob.name).map(setting).join(" / ");
  }
  var DIRECTIONS = {
    ArrowRight: 1,
    ArrowUp: 1,
    ArrowLeft: -1,
    ArrowDown: -1
  };
  function select(scene, knob) {
    const value = valueOf(scene.state, knob);
    return shell(
      knob,
      null,
      choice(
        idOf(knob),
        knob.values,
        value,
        (next) => scene.change((state) => setValue(scene.page, state, knob.name, next))
      )
    );
  }
  function choice(id, values, value, set) {
    return h(
      "select",
      {
        id,
        value: String(values.indexOf(value)),
        on: {
          change: (event) => set(values[Number(event.target.value)])
        }
      },
      values.map((one, index) => h("option", { value: String(index) }, setting(one)))
    );
  }
  function precision(scene) {
    return h(
      "div",
      { class: "knob", key: "@precision" },
      h("div", { class: "knob-head" }, h("label", { for: "knob-@precision" }, "precision")),
      choice(
        "knob-@precision",
        scene.page.precisions,
        scene.state.precision,
        (next) => scene.change((state) => state.precision = String(next))
      )
    );
  }
  function whatIf(scene, knobs) {
    const name = "what if";
    const moved = knobs.filter((knob) => valueOf(scene.state, knob) !== knob.default).length;
    const isOpen2 = scene.glance.tables.has(name);
    return h(
      "div",
      { class: "what-if" },
      h(
        "button",
        {
          type: "button",
          "aria-expanded": String(isOpen2),
          on: {
            click: () => scene.look(
              "sliders",
              ({ tables }) => isOpen2 ? tables.delete(name) : tables.add(name)
            )
          }
        },
        moved ? `Device (${moved} changed)` : "Device"
      ),
      isOpen2 ? h(
        "div",
        { class: "knobs" },
        knobs.map((knob) => control(scene, knob))
      ) : null
    );
  }

  // src/views/table.ts
  function tableHead(scene, tools) {
    const { metric, device, state } = scene;
    const on = metric === "time" && device ? [" on ", h("bdi", {}, device.name)] : null;
    return [
      ...heading("Blocks and layers", [
        "The graph as rows: squares open, circles are layers, a line is a tensor that is alive. ",
        `Shaded by ${METRIC_NAMES[metric]}`,
        on,
        "."
      ]),
      ...scene.page.left_out.map((sentence4) => note(h("bdi", {}, sentence4.replace(/[^.]$/, "$&.")))),
      h(
        "div",
        { class: "bar" },
        h(
          "div",
          { class: "segments", role: "group", "aria-label": "Metric that shades, and has bars" },
          METRICS.filter((one) => one !== "time" || scene.chosen.columns.hasTime).map(
            (one) => h(
              "button",
              {
                type: "button",
                "aria-pressed": String(one === metric),
                on: { click: () => scene.change((to) => to.metric = one) }
              },
              METRIC_NAMES[one]
            )
          )
        ),
        h("span", { class: "gap" }),
        h(
          "button",
          { type: "button", on: { click: tools.openAll } },
          state.open.size ? "Close all" : "Open all"
        ),
        h("button", { type: "button", on: { click: tools.copyCsv } }, "Copy CSV")
      )
    ];
  }
  var drawn = { outline: null, key: "", rows: [] };
  var MANY = 200;
  var EVERY_PLACE = { first: 0, last: Infinity };
  function layerTable(scene, width, also) {
    const { state, metric, chosen, glance } = scene;
    const { numbers, columns } = chosen;
    const outline = outlineOf2(numbers.structure, state.open, Math.min(160, width * 0.13));
    const amounts = outline.rows.map((row2) => columns.ofBlock(row2));
    const order = orderOf(outline.rows, amounts, state.open, state.sort);
    const shown2 = shownMetrics(metric, columns.hasTime);
    const most = {};
    for (const index of order) {
      if (isOpen(outline.rows[index], state.open)) continue;
      most[metric] = Math.max(most[metric] ?? 0, amounts[index][metric] ?? 0);
    }
    const context = {
      scene,
      outline,
      shown: shown2,
      most: most[metric] ?? 0,
      total: totalOf(numbers, metric, state.device)
    };
    const key = [metric, columns.hasTime, order.join()].join(" ");
    const isNew = outline !== drawn.outline || key !== drawn.key;
    const within = (place2, places) => places !== void 0 && place2 >= places.first && place2 <= places.last;
    const rows = order.map((index, place2) => {
      const before = drawn.rows[place2];
      const isOld = isNew || within(place2, glance.sight) || within(place2, also);
      return before && !isOld ? before : rowItem(context, index, amounts[index]);
    });
    drawn = { outline, key, rows };
    return [
      h(
        "table",
        {
          class: rows.length > MANY ? "layers many" : "layers",
          role: "table",
          "aria-rowcount": rows.length + 1,
          style: { "--lanes": `${state.sort ? 0 : outline.laneWidth}px` }
        },
        h(
          "caption",
          { class: "unseen" },
          `Blocks and layers of ${chosen.model.title} with their costs`
        ),
        h("thead", { role: "rowgroup" }, headRow(scene, shown2)),
        h("tbody", { role: "rowgroup", id: "rows" }, rows)
      )
    ];
  }
  function shownMetrics(metric, hasTime) {
    return METRICS.filter(
      (one) => (one !== "time" || hasTime) && (one !== "alive" || metric === "alive")
    );
  }
  function headRow(scene, shown2) {
    const { sort } = scene.state;
    const text = (title, name) => h("th", { scope: "col", role: "columnheader", class: name }, title);
    return h(
      "tr",
      { role: "row" },
      h(
        "th",
        { scope: "col", role: "columnheader", class: "lane" },
        h("span", { class: "unseen" }, "graph")
      ),
      text("layer", "layer"),
      text("kind", "kind wide"),
      text("output", "output wide"),
      shown2.map((metric) => {
        const direction = sort?.by === metric ? sort.rising ? "ascending" : "descending" : "none";
        return h(
          "th",
          {
            scope: "col",
            role: "columnheader",
            class: cellClass(scene, metric),
            "aria-sort": direction
          },
          h(
            "button",
            {
              type: "button",
              on: { click: () => scene.change((state) => state.sort = turned(sort, metric)) }
            },
            metric === "bytes" || metric === "alive" ? metric : METRIC_NAMES[metric]
          )
        );
      })
    );
  }
  function turned(sort, by) {
    if (sort?.by !== by) return { by, rising: false };
    return sort.rising ? null : { by, rising: true };
  }

  // src/command.ts
  function commandFor(page, state) {
    const changed = /* @__PURE__ */ new Map();
    page.models.forEach((model, index) => {
      const now2 = settingOf(page, state, index);
      for (const knob of model.knobs) {
        if (knob.of === "network" && now2[knob.name] !== knob.default) {
          changed.set(knob.name, setting(now2[knob.name]));
        }
      }
    });
    const batch = changed.get("batch");
    changed.delete("batch");
    return [
      "mnet-cost explore",
      page.models.map((one) => one.reference).join(" vs "),
      ...page.arguments,
      ...[...changed].map(([name, value]) => `--set ${quoted(`${name}=${value}`)}`),
      batch === void 0 ? "" : `--batch ${quoted(batch)}`,
      state.precision === page.precisions[0] ? "" : `--precision ${quoted(state.precision)}`,
      ...(page.devices.length ? page.devices.map((one) => one.reference) : ["none"]).map(
        (reference) => `--device ${reference}`
      )
    ].filter(Boolean).join(" ");
  }
  function quoted(word) {
    return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'"'"'`)}'`;
  }

  // src/views/warnings.ts
  function warnings(page, state, scene, ignored) {
    const items = ignored.map((one) => h("p", { class: "warning" }, h("bdi", {}, one)));
    const broken = scene ? scene.models.filter((one) => !one.numbers).map((one) => one.model) : page.models;
    if (!broken.length) return items;
    return [
      ...items,
      h(
        "div",
        { class: "warning", role: "alert" },
        broken.map((model) => h("p", {}, whyNot(page, state, model))),
        h("p", {}, "This command shows it:"),
        h("pre", { class: "code" }, commandFor(page, state))
      )
    ];
  }
  function whyNot(page, state, model) {
    const now2 = settingOf(page, state, page.models.indexOf(model));
    const outside = model.knobs.filter((knob) => !isInRange(knob, now2[knob.name]));
    const name = h("bdi", {}, model.title);
    if (!outside.length) {
      return [
        "At this setting ",
        name,
        " has another structure than in this page, or is not valid."
      ];
    }
    const words = outside.map((knob) => `${knob.name} ${setting(now2[knob.name])} ${rangeOf(knob)}`);
    return ["Out of the range of ", name, ` here: ${words.join(", ")}.`];
  }
  function rangeOf(knob) {
    if (knob.control === "slider") return `(of ${setting(knob.min)} to ${setting(knob.max)})`;
    return knob.control === "select" ? `(of ${knob.values.map(setting).join(", ")})` : "";
  }

  // src/explorer.ts
  var REST = 150;
  var BUDGET2 = 8;
  var ROWS_AT_ONCE = 60;
  var Explorer = class {
    constructor(page, root2) {
      this.page = page;
      this.root = root2;
      const { state, ignored } = fromFragment(page, location.hash);
      this.state = state;
      this.ignored = ignored;
      this.scenes = new Scenes(page, this.change, this.look);
    }
    state;
    ignored;
    glance = {
      step: null,
      level: null,
      active: /* @__PURE__ */ new Map(),
      pairSort: null,
      tables: /* @__PURE__ */ new Set(),
      sight: { first: 0, last: 60 },
      curves: /* @__PURE__ */ new Map()
    };
    parts = /* @__PURE__ */ new Map();
    scenes;
    curves = new Curves();
    scene = null;
    said = "";
    isAsked = false;
    resting;
    /** Draw for the first time, and whenever something changes from then on. */
    start() {
      this.build();
      this.draw();
      addEventListener("resize", () => this.ask());
      addEventListener("scroll", () => this.onScroll(), { passive: true });
      addEventListener("hashchange", () => this.onAddress());
      addEventListener("beforeprint", () => this.draw(true));
    }
    /** The frame of the page, once, and the view of each of its parts. */
    build() {
      buildLayout(this.root, this.page);
      const add = (name, draw, isLazy = true) => {
        const element = document.getElementById(name);
        if (!element) return;
        this.parts.set(name, { element, draw, isLazy, inSight: true, isLate: true, drawn: 0 });
      };
      add("top", (scene) => header(scene, this.tools, this.said), false);
      add("cards", cards, false);
      add("totals", totals, false);
      add("sliders", sliders, false);
      add("comparison", comparison);
      add("shares", shares);
      add("accuracy", accuracy);
      add("table-head", (scene) => tableHead(scene, this.tools));
      add(
        "table",
        (scene, width) => layerTable(scene, width, this.isComplete ? EVERY_PLACE : void 0)
      );
      add("details", details);
      add("pairs", (scene) => pairs(scene, this.tools));
      add("memory", memory);
      add("roofline", roofline);
      add("notes", notes);
      const observer = new IntersectionObserver((seen) => this.onSight(seen), {
        rootMargin: "200px"
      });
      for (const part of this.parts.values()) if (part.isLazy) observer.observe(part.element);
    }
    tools = toolsOf({
      page: () => this.page,
      scene: () => this.scene,
      state: () => this.state,
      change: (what) => this.change(what),
      say: (words) => this.say(words)
    });
    /** A word about what was done, for eyes and ears; it goes after a while. */
    say(words) {
      this.said = words;
      this.ask();
      setTimeout(() => {
        if (this.said !== words) return;
        this.said = "";
        this.ask();
      }, 4e3);
    }
    change = (what) => {
      what(this.state);
      this.ignored.length = 0;
      this.ask();
    };
    /** The numbers stay, so that this view alone is late. */
    look = (view, what) => {
      what(this.glance);
      this.parts.get(view).isLate = true;
      this.ask(false);
    };
    /** Draw in the next frame, once, however often it is asked for. */
    ask(isChanged = true) {
      this.isChanged ||= isChanged;
      if (this.isAsked) return;
      this.isAsked = true;
      this.later.stop();
      this.root.classList.add("busy");
      requestAnimationFrame(() => {
        this.isAsked = false;
        this.draw();
      });
    }
    answer = "";
    isChanged = true;
    isComplete = false;
    frame = 0;
    /** Rows of the table that show this scene, from the first on, wherever the page is scrolled. */
    rowsDone = 0;
    /** One frame: what is late and in sight, until the time of a frame is used up. With `all`,
     * nothing waits. */
    draw(all = false) {
      this.findSight();
      const started = performance.now();
      const scene = this.isChanged ? this.scenes.make(this.state, this.glance) : this.scene;
      if (this.isChanged) this.begin(scene);
      if (!scene) return;
      const waiting = this.waiting(scene, all);
      const widths = waiting.map((part) => contentWidth(part.element));
      this.frame += 1;
      this.isComplete = all;
      for (const [i, part] of waiting.entries()) {
        if (part.isLazy && !all && performance.now() - started > BUDGET2) {
          this.ask(false);
          break;
        }
        this.drawPart(part, scene, widths[i]);
      }
      this.isComplete = false;
      this.root.classList.toggle("busy", this.isAsked);
      clearTimeout(this.resting);
      this.resting = setTimeout(() => this.onRest(), REST);
    }
    drawPart(part, scene, width = contentWidth(part.element)) {
      patch(part.element, part.draw(scene, width));
      part.isLate = false;
      part.drawn = this.frame;
    }
    /** A new scene: all parts are late, and what is wrong is said. */
    begin(scene) {
      this.isChanged = false;
      this.scene = scene;
      for (const part of this.parts.values()) part.isLate = true;
      this.rowsDone = 0;
      this.root.classList.add("late");
      this.root.classList.toggle("stale", scene?.models[scene.chosen.index].numbers == null);
      patch(document.getElementById("said"), warnings(this.page, this.state, scene, this.ignored));
      if (scene) this.parts.get("accuracy").element.hidden = !hasAccuracy(scene);
    }
    /** Parts to draw now: the answer and the sliders first, then what waited longest. */
    waiting(scene, all) {
      const accuracyPart = this.parts.get("accuracy");
      return [...this.parts.values()].filter((part) => all || part.isLate && (!part.isLazy || part.inSight)).filter((part) => part !== accuracyPart || hasAccuracy(scene)).sort((a, b) => Number(a.isLazy) - Number(b.isLazy) || a.drawn - b.drawn);
    }
    onSight(seen) {
      for (const entry of seen) {
        const part = [...this.parts.values()].find((one) => one.element === entry.target);
        if (part) part.inSight = entry.isIntersecting;
      }
      if ([...this.parts.values()].some((part) => part.isLate && part.inSight)) this.ask(false);
    }
    onScroll() {
      const { first, last } = this.glance.sight;
      this.findSight();
      const moved = this.glance.sight;
      if (moved.first >= first && moved.last <= last) return;
      this.parts.get("table").isLate = true;
      this.ask(false);
    }
    /** Which rows of the table are on the screen, with some to spare. */
    findSight() {
      const body = document.getElementById("rows");
      if (!body) return;
      const { top } = body.getBoundingClientRect();
      const spare = 6;
      this.glance.sight = {
        first: Math.floor(-top / ROW_HEIGHT) - spare,
        last: Math.ceil((innerHeight - top) / ROW_HEIGHT) + spare
      };
    }
    /** Nothing moved for a while: now what nobody looks at follows. */
    onRest() {
      writeAddress(this.page, this.state);
      this.announce();
      if (!this.isAsked) this.later.start();
    }
    /** Say the answer to who cannot see it: once a move has ended, and not at the start. */
    announce() {
      if (!this.scene) return;
      const answer2 = answerWords(this.scene);
      const isNew = this.answer !== "" && this.answer !== answer2;
      this.answer = answer2;
      if (isNew) document.getElementById("answer").textContent = answer2;
    }
    /** One piece of what waits for a rest; false where there is nothing left. */
    step = () => {
      const { scene } = this;
      if (!scene) return false;
      return this.drawLate(scene) || this.drawRows(scene) || this.drawCurve(scene);
    };
    later = new Later(this.step, () => this.root.classList.remove("late"));
    /** A view out of sight: for those who search the page, or have it read to them. */
    drawLate(scene) {
      const part = this.waiting(scene, true).find((one) => one.isLate);
      if (!part) return false;
      const isWaiting = part === this.parts.get("accuracy") && knowSome(scene);
      if (!isWaiting) this.drawPart(part, scene);
      return true;
    }
    /** Rows of the table that are out of sight: they keep what they said before the change. */
    drawRows(scene) {
      const { element } = this.parts.get("table");
      const first = this.rowsDone;
      if (first >= element.querySelectorAll("tbody tr").length) return false;
      this.rowsDone += ROWS_AT_ONCE;
      const also = { first, last: first + ROWS_AT_ONCE - 1 };
      patch(element, layerTable(scene, contentWidth(element), also));
      return true;
    }
    /** Some of a curve over a slider. */
    drawCurve(scene) {
      const made = this.curves.makeNext(scene);
      if (made?.isDone) this.drawPart(this.parts.get("sliders"), scene);
      return made !== null;
    }
    /** Someone put another fragment into the address. */
    onAddress() {
      if (isInAddress(this.page, this.state)) return;
      const { state, ignored } = fromFragment(this.page, location.hash);
      Object.assign(this.state, state);
      this.ignored.splice(0, this.ignored.length, ...ignored);
      this.ask();
    }
  };

  // src/tip.ts
  function startTips() {
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.setAttribute("aria-hidden", "true");
    tip.hidden = true;
    document.body.append(tip);
    const hide = () => {
      if (!tip.hidden) tip.hidden = true;
    };
    const show = (target, x, y) => {
      const host = target instanceof Element ? target.closest("[data-tip]") : null;
      const text = host?.getAttribute("data-tip");
      if (!host || !text) return hide();
      if (tip.textContent !== text) tip.textContent = text;
      tip.hidden = false;
      const box = host.getBoundingClientRect();
      place(tip, x ?? box.left + box.width / 2, y ?? box.bottom);
    };
    document.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") show(event.target, event.clientX, event.clientY);
    });
    document.addEventListener("pointerleave", hide);
    const showFocus = () => {
      const focus = document.activeElement;
      if (!focus?.matches(":focus-visible")) return;
      const active = focus.getAttribute("aria-activedescendant");
      show(active ? document.getElementById(active) : focus);
    };
    document.addEventListener("focusin", showFocus);
    document.addEventListener("keyup", (event) => {
      const { activeElement: focus } = document;
      if (event.key !== "Escape" && focus?.hasAttribute("aria-activedescendant")) {
        requestAnimationFrame(showFocus);
      }
    });
    document.addEventListener("focusout", hide);
    document.addEventListener("scroll", hide, { passive: true });
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hide();
    });
  }
  function place(tip, x, y) {
    const left = Math.max(4, Math.min(window.innerWidth - tip.offsetWidth - 8, x + 12));
    const isLow = y + 18 + tip.offsetHeight > window.innerHeight;
    tip.style.left = `${left}px`;
    tip.style.top = `${isLow ? Math.max(4, y - tip.offsetHeight - 10) : y + 16}px`;
  }

  // src/unpack.ts
  async function unpack(id) {
    if (typeof DecompressionStream === "undefined") {
      throw new Error("this browser cannot unpack it; one of 2023 or later can");
    }
    const text = document.getElementById(id)?.textContent ?? "";
    const packed = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }
  function sayBroken(error) {
    const words = error instanceof Error ? error.message : String(error);
    document.getElementById("app").textContent = `This page could not be read: ${words}.`;
  }

  // src/main.ts
  async function start() {
    startTheme();
    startTips();
    const page = readDocument(await unpack("packed-data"));
    const explorer = new Explorer(page, document.getElementById("app"));
    explorer.start();
    document.documentElement.dataset.ready = "yes";
  }
  start().catch(sayBroken);
})();
