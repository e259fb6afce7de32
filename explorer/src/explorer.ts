// The page: it holds the state, makes a scene of it once a frame, and lets those views draw that
// are in sight. Others draw when they come into sight, or before the page is printed.

import { Columns, totalOf } from "./amounts";
import { copy } from "./clipboard";
import { commandFor } from "./command";
import { toCsv } from "./csv";
import { curveKey, curveOf } from "./curves";
import { costsOf, type ModelCosts } from "./costs";
import type { ExploreDocument, KnobValue, Numbers, SliderKnob } from "./document";
import { type Children, h, patch } from "./dom";
import { allOpenable, ROW_HEIGHT, topOf } from "./rows";
import type { Chosen, Glance, ModelScene, Scene } from "./scene";
import { controlsOf, fromFragment, settingOf, type State, toFragment } from "./state";
import { toggleTheme } from "./theme";
import { accuracy, hasAccuracy } from "./views/accuracy";
import { cards, totals } from "./views/cards";
import { comparison } from "./views/comparison";
import { details } from "./views/details";
import { header } from "./views/header";
import { memory } from "./views/memory";
import { notes } from "./views/notes";
import { roofline } from "./views/roofline";
import { shares } from "./views/shares";
import { sliders } from "./views/sliders";
import { layerTable, tableHead } from "./views/table";

interface Part {
  element: HTMLElement;
  draw: (scene: Scene, width: number) => Children[];
  /** Whether it waits until it is in sight. */
  isLazy: boolean;
  inSight: boolean;
  isLate: boolean;
}

/** Milliseconds without a move after which curves, rows out of sight and the address follow. */
const REST = 150;

export class Explorer {
  private readonly state: State;
  private readonly ignored: string[];
  private readonly glance: Glance = {
    step: null,
    level: null,
    tables: new Set(),
    sight: { first: 0, last: 60 },
    curves: new Map(),
  };
  private readonly parts = new Map<string, Part>();
  private readonly controls;
  private readonly costs: readonly ModelCosts[];
  private readonly curveKeys = new Map<string, string>();
  private readonly atDefaults = new Map<string, Numbers | null>();
  private lastGood: (Numbers | null)[];
  private scene: Scene | null = null;
  private said = "";
  private isAsked = false;
  private resting: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly page: ExploreDocument,
    private readonly root: HTMLElement,
  ) {
    const { state, ignored } = fromFragment(page, location.hash);
    this.state = state;
    this.ignored = ignored;
    this.controls = controlsOf(page);
    this.costs = costsOf(page);
    this.lastGood = page.models.map(() => null);
  }

  /** Draw for the first time, and whenever something changes from then on. */
  start(): void {
    this.build();
    this.draw();
    addEventListener("resize", () => this.ask());
    addEventListener("scroll", () => this.onScroll(), { passive: true });
    addEventListener("hashchange", () => this.onAddress());
    addEventListener("beforeprint", () => this.draw(true));
  }

  /** The frame of the page, once; views fill its parts. */
  private build(): void {
    const section = (name: string, label: string): Children =>
      h("section", { id: name, "aria-label": label });
    const skip = (): void => document.getElementById("table")!.focus();
    patch(this.root, [
      h("button", { type: "button", class: "skip", on: { click: skip } }, "Skip to the layers"),
      h("header", { id: "top" }),
      h("div", { id: "said" }),
      h("fieldset", { id: "cards" }),
      h("dl", { id: "totals" }),
      h("div", { id: "sliders", role: "group", "aria-label": "Knobs" }),
      h(
        "div",
        { id: "content" },
        this.page.models.length > 1 ? section("comparison", "Comparison") : null,
        h("div", { class: "two" }, section("shares", "Shares"), section("accuracy", "Accuracy")),
        h(
          "section",
          { id: "blocks", "aria-label": "Blocks and layers" },
          h("div", { id: "table-head" }),
          h(
            "div",
            { class: "beside" },
            h("div", { id: "table", class: "scroll", tabindex: 0, role: "region", "aria-label": "Layers" }),
            h("div", { id: "details", tabindex: 0, role: "region", "aria-label": "Details" }),
          ),
        ),
        h("div", { class: "two" }, section("memory", "Memory"), section("roofline", "Roofline")),
        section("notes", "Notes"),
      ),
    ]);
    const add = (name: string, draw: Part["draw"], isLazy = true): void => {
      const element = document.getElementById(name);
      if (!element) return;
      this.parts.set(name, { element, draw, isLazy, inSight: true, isLate: false });
    };
    add("top", (scene) => header(scene, this.tools, this.said), false);
    add("cards", cards, false);
    add("totals", totals, false);
    add("sliders", sliders, false);
    add("comparison", comparison);
    add("shares", shares);
    add("accuracy", accuracy);
    add("table-head", (scene) => tableHead(scene, this.tools));
    add("table", (scene, width) => layerTable(scene, width, this.isComplete));
    add("details", details);
    add("memory", memory);
    add("roofline", roofline);
    add("notes", notes);
    const observer = new IntersectionObserver((seen) => this.onSight(seen), { rootMargin: "200px" });
    for (const part of this.parts.values()) if (part.isLazy) observer.observe(part.element);
  }

  private readonly tools = {
    copyLink: async (): Promise<void> => {
      this.writeAddress();
      const done = await copy(location.href);
      this.say(done ? "Link copied" : "The link is in the address bar");
    },
    copyCsv: async (): Promise<void> => {
      if (!this.scene) return;
      const done = await copy(toCsv(this.scene.chosen.numbers, this.page.devices));
      this.say(done ? "CSV copied" : "The browser does not let a file copy");
    },
    toggleTheme,
    openAll: (): void => {
      this.change((state) => {
        const paths = state.open.size || !this.scene ? [] : allOpenable(this.scene);
        state.open = new Set(paths);
      });
    },
  };

  /** A word about what was done, for eyes and ears; it goes after a while. */
  private say(words: string): void {
    this.said = words;
    this.ask();
    setTimeout(() => {
      if (this.said !== words) return;
      this.said = "";
      this.ask();
    }, 4000);
  }

  private readonly change = (what: (state: State) => void): void => {
    what(this.state);
    this.ignored.length = 0; // the link was read, and now the state is the user's
    this.ask();
  };

  private readonly look = (what: (glance: Glance) => void): void => {
    what(this.glance);
    this.ask();
  };

  /** Draw in the next frame, once, however often it is asked for. */
  private ask(): void {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.draw();
    });
  }

  private isComplete = false;

  /** One redraw. With `all`, nothing waits. */
  private draw(all = false): void {
    this.findSight(); // before anything is written, when it is for free
    const widths = new Map([...this.parts].map(([name, part]) => [name, contentWidth(part.element)]));
    const scene = this.makeScene();
    this.root.classList.toggle("stale", scene?.models[scene.chosen.index].numbers == null);
    patch(document.getElementById("said")!, this.warnings(scene));
    if (!scene) return;
    this.scene = scene;
    this.isComplete = all;
    const noAccuracy = !hasAccuracy(scene);
    this.parts.get("accuracy")!.element.hidden = noAccuracy;
    for (const [name, part] of this.parts) {
      if (name === "accuracy" && noAccuracy) continue;
      part.isLate = part.isLazy && !part.inSight && !all;
      if (!part.isLate) patch(part.element, part.draw(scene, widths.get(name)!));
    }
    this.isComplete = false;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.onRest(), REST);
  }

  private makeScene(): Scene | null {
    const { page, state } = this;
    const models = page.models.map((model, index): ModelScene => {
      const setting = settingOf(page, state, index);
      return {
        index,
        model,
        setting,
        numbers: this.costs[index].numbers(setting, state.precision),
        defaults: this.defaultsOf(index),
      };
    });
    for (const { numbers, index } of models) if (numbers) this.lastGood[index] = numbers;
    const model = models[state.model];
    // Where no structure holds, what is shown is old: it is dimmed, and the warning says why.
    const numbers = model.numbers ?? this.lastGood[state.model] ?? model.defaults;
    if (!numbers) return null;
    const chosen: Chosen = {
      ...model,
      numbers,
      columns: new Columns(numbers, state.device),
      blocks: topOf(numbers.structure),
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
      glance: this.glance,
      headlineAt: (index, setting) => this.costs[index].headline(setting, state.precision),
      change: this.change,
      look: this.look,
    };
  }

  private defaultsOf(index: number): Numbers | null {
    const key = `${index} ${this.state.precision}`;
    let found = this.atDefaults.get(key);
    if (found === undefined) {
      const setting: Record<string, KnobValue> = {};
      for (const knob of this.page.models[index].knobs) setting[knob.name] = knob.default;
      found = this.costs[index].numbers(setting, this.state.precision);
      this.atDefaults.set(key, found);
    }
    return found;
  }

  private warnings(scene: Scene | null): Children[] {
    const items: Children[] = this.ignored.map((one) => h("p", { class: "warning" }, h("bdi", {}, one)));
    const broken = scene ? scene.models.filter((one) => !one.numbers) : this.page.models;
    if (!broken.length) return items;
    const names = broken.map((one) => ("model" in one ? one.model.title : one.title)).join(", ");
    return [
      ...items,
      h(
        "div",
        { class: "warning", role: "alert" },
        h("p", {}, "At this setting ", h("bdi", {}, names), " has another structure than in this page, or is not valid. This command shows it:"),
        h("pre", { class: "code" }, commandFor(this.page, this.state)),
      ),
    ];
  }

  private onSight(seen: IntersectionObserverEntry[]): void {
    for (const entry of seen) {
      for (const part of this.parts.values()) {
        if (part.element === entry.target) part.inSight = entry.isIntersecting;
      }
    }
    if ([...this.parts.values()].some((part) => part.isLate && part.inSight)) this.ask();
  }

  private onScroll(): void {
    const { first, last } = this.glance.sight;
    this.findSight();
    const moved = this.glance.sight;
    if (moved.first < first || moved.last > last) this.ask();
  }

  /** Which rows of the table are on the screen, with some to spare. */
  private findSight(): void {
    const body = document.getElementById("rows");
    if (!body) return;
    const { top } = body.getBoundingClientRect();
    const spare = 6;
    this.glance.sight = {
      first: Math.floor(-top / ROW_HEIGHT) - spare,
      last: Math.ceil((innerHeight - top) / ROW_HEIGHT) + spare,
    };
  }

  /** Nothing moved for a while: now what nobody looks at follows. */
  private onRest(): void {
    const { scene } = this;
    if (!scene) return;
    this.writeAddress();
    const table = this.parts.get("table")!;
    if (!table.isLate) patch(table.element, layerTable(scene, contentWidth(table.element), true));
    this.drawCurves(scene);
  }

  /** One curve a frame, until all are there or something moves. */
  private drawCurves(scene: Scene): void {
    if (scene !== this.scene || this.isAsked) return;
    const waiting = this.controls.find(
      (knob): knob is SliderKnob =>
        knob.control === "slider" &&
        (knob.of === "network" || this.glance.tables.has("what if")) &&
        this.curveKeys.get(knob.name) !== curveKey(scene, knob),
    );
    if (!waiting) return;
    this.glance.curves.set(waiting.name, curveOf(scene, waiting));
    this.curveKeys.set(waiting.name, curveKey(scene, waiting));
    const part = this.parts.get("sliders")!;
    patch(part.element, part.draw(scene, 0));
    requestAnimationFrame(() => this.drawCurves(scene));
  }

  private writeAddress(): void {
    // A page in a frame of a notebook has no address of its own.
    if (location.protocol === "about:") return;
    const fragment = toFragment(this.page, this.state);
    if (fragment === location.hash.replace(/^#/, "")) return;
    history.replaceState(null, "", `#${fragment}`);
  }

  /** Someone put another fragment into the address. */
  private onAddress(): void {
    if (location.hash.replace(/^#/, "") === toFragment(this.page, this.state)) return;
    const { state, ignored } = fromFragment(this.page, location.hash);
    Object.assign(this.state, state);
    this.ignored.splice(0, this.ignored.length, ...ignored);
    this.ask();
  }
}

/** The width between the paddings of an element. */
function contentWidth(element: HTMLElement): number {
  const style = getComputedStyle(element);
  const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
  return Math.max(260, Math.floor(element.clientWidth - padding));
}
