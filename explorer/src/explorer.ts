// The page: it holds the state, makes a scene of it once a frame, and lets those views draw that
// are in sight. Others draw when they come into sight, or before the page is printed.

import { copy } from "./clipboard";
import { toCsv } from "./csv";
import { curveKey, curveOf } from "./curves";
import type { ExploreDocument, SliderKnob } from "./document";
import { type Children, h, patch } from "./dom";
import { allOpenable, ROW_HEIGHT } from "./rows";
import type { Glance, Scene } from "./scene";
import { Scenes } from "./scenes";
import { fromFragment, type State, toFragment } from "./state";
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
import { EVERY_PLACE, layerTable, tableHead } from "./views/table";
import { warnings } from "./views/warnings";

interface Part {
  element: HTMLElement;
  draw: (scene: Scene, width: number) => Children[];
  /** Whether it waits until it is in sight. */
  isLazy: boolean;
  inSight: boolean;
  isLate: boolean;
  /** The frame in which it was drawn last. */
  drawn: number;
}

/** Milliseconds without a move after which curves, rows out of sight and the address follow. */
const REST = 150;

/** Milliseconds of script in a frame after which other parts wait for the next one. */
const BUDGET = 8;

const ROWS_A_FRAME = 120;

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
  private readonly scenes: Scenes;
  private readonly curveKeys = new Map<string, string>();
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
    this.scenes = new Scenes(page, this.change, this.look);
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
            h("div", {
              id: "table",
              class: "scroll",
              tabindex: 0,
              role: "region",
              "aria-label": "Layers",
            }),
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
    add("table", (scene, width) =>
      layerTable(scene, width, this.isComplete ? EVERY_PLACE : undefined),
    );
    add("details", details);
    add("memory", memory);
    add("roofline", roofline);
    add("notes", notes);
    const observer = new IntersectionObserver((seen) => this.onSight(seen), {
      rootMargin: "200px",
    });
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
  private ask(isChanged = true): void {
    this.isChanged ||= isChanged;
    if (this.isAsked) return;
    this.isAsked = true;
    this.root.classList.add("busy");
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.draw();
    });
  }

  private isChanged = true;
  private isComplete = false;
  private frame = 0;

  /** One frame: what is late and in sight, until the time of a frame is used up. With `all`,
   * nothing waits. */
  private draw(all = false): void {
    this.findSight(); // before anything is written, when it is for free
    const started = performance.now();
    const scene = this.isChanged ? this.scenes.make(this.state, this.glance) : this.scene;
    if (this.isChanged) this.begin(scene);
    if (!scene) return;
    const waiting = this.waiting(scene, all);
    const widths = waiting.map((part) => contentWidth(part.element));
    this.frame += 1;
    this.isComplete = all;
    for (const [i, part] of waiting.entries()) {
      if (part.isLazy && !all && performance.now() - started > BUDGET) {
        this.ask(false);
        break;
      }
      patch(part.element, part.draw(scene, widths[i]));
      part.isLate = false;
      part.drawn = this.frame;
    }
    this.isComplete = false;
    this.root.classList.toggle("busy", this.isAsked);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.onRest(), REST);
  }

  /** A new scene: all parts are late, and what is wrong is said. */
  private begin(scene: Scene | null): void {
    this.isChanged = false;
    this.scene = scene;
    for (const part of this.parts.values()) part.isLate = true;
    this.root.classList.toggle("stale", scene?.models[scene.chosen.index].numbers == null);
    patch(document.getElementById("said")!, warnings(this.page, this.state, scene, this.ignored));
    if (scene) this.parts.get("accuracy")!.element.hidden = !hasAccuracy(scene);
  }

  /** Parts to draw now: the answer and the sliders first, then what waited longest. */
  private waiting(scene: Scene, all: boolean): Part[] {
    const accuracyPart = this.parts.get("accuracy");
    return [...this.parts.values()]
      .filter((part) => all || (part.isLate && (!part.isLazy || part.inSight)))
      .filter((part) => part !== accuracyPart || hasAccuracy(scene))
      .sort((a, b) => Number(a.isLazy) - Number(b.isLazy) || a.drawn - b.drawn);
  }

  private onSight(seen: IntersectionObserverEntry[]): void {
    for (const entry of seen) {
      for (const part of this.parts.values()) {
        if (part.element === entry.target) part.inSight = entry.isIntersecting;
      }
    }
    if ([...this.parts.values()].some((part) => part.isLate && part.inSight)) this.ask(false);
  }

  private onScroll(): void {
    const { first, last } = this.glance.sight;
    this.findSight();
    const moved = this.glance.sight;
    if (moved.first >= first && moved.last <= last) return;
    this.parts.get("table")!.isLate = true;
    this.ask(false);
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
    this.drawRows(scene, 0);
    this.drawCurves(scene);
  }

  /** Rows out of sight, some a frame: for those who search the page or have it read to them. */
  private drawRows(scene: Scene, first: number): void {
    const table = this.parts.get("table")!;
    if (scene !== this.scene || this.isAsked || table.isLate) return;
    if (first >= table.element.querySelectorAll("tbody tr").length) return;
    const also = { first, last: first + ROWS_A_FRAME - 1 };
    patch(table.element, layerTable(scene, contentWidth(table.element), also));
    requestAnimationFrame(() => this.drawRows(scene, first + ROWS_A_FRAME));
  }

  /** One curve a frame, until all are there or something moves. */
  private drawCurves(scene: Scene): void {
    if (scene !== this.scene || this.isAsked) return;
    const waiting = this.scenes.controls.find(
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
