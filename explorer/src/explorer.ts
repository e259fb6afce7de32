// The page: it holds the state, makes a scene of it once a frame, and lets those views draw that
// are in sight. Others draw when nothing moves and the browser is idle, or before a print.

import { isInAddress, writeAddress } from "./address";
import { Curves } from "./curves";
import type { ExploreDocument } from "./document";
import { type Children, patch } from "./dom";
import { Later } from "./later";
import { buildLayout, contentWidth } from "./layout";
import { knowSome } from "./published";
import { ROW_HEIGHT } from "./rows";
import type { Glance, Scene } from "./scene";
import { Scenes } from "./scenes";
import { fromFragment, type State } from "./state";
import { toolsOf } from "./tools";
import { accuracy, hasAccuracy } from "./views/accuracy";
import { cards, totals } from "./views/cards";
import { comparison } from "./views/comparison";
import { details } from "./views/details";
import { header } from "./views/header";
import { memory } from "./views/memory";
import { notes } from "./views/notes";
import { pairs } from "./views/pairs";
import { roofline } from "./views/roofline";
import { shares } from "./views/shares";
import { answerWords, sliders } from "./views/sliders";
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

/** Milliseconds without a move after which the address and what is out of sight follow. */
const REST = 150;

/** Milliseconds of script in a frame after which other parts wait for the next one. */
const BUDGET = 8;

/** Rows of the layer table that are one piece of work. */
const ROWS_AT_ONCE = 60;

export class Explorer {
  private readonly state: State;
  private readonly ignored: string[];
  private readonly glance: Glance = {
    step: null,
    level: null,
    active: new Map(),
    pairSort: null,
    tables: new Set(),
    sight: { first: 0, last: 60 },
    curves: new Map(),
  };
  private readonly parts = new Map<string, Part>();
  private readonly scenes: Scenes;
  private readonly curves = new Curves();
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

  /** The frame of the page, once, and the view of each of its parts. */
  private build(): void {
    buildLayout(this.root, this.page);
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
    add("pairs", (scene) => pairs(scene, this.tools));
    add("memory", memory);
    add("roofline", roofline);
    add("notes", notes);
    const observer = new IntersectionObserver((seen) => this.onSight(seen), {
      rootMargin: "200px",
    });
    for (const part of this.parts.values()) if (part.isLazy) observer.observe(part.element);
  }

  private readonly tools = toolsOf({
    page: () => this.page,
    scene: () => this.scene,
    state: () => this.state,
    change: (what) => this.change(what),
    say: (words) => this.say(words),
  });

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

  /** The numbers stay, so that this view alone is late. */
  private readonly look = (view: string, what: (glance: Glance) => void): void => {
    what(this.glance);
    this.parts.get(view)!.isLate = true;
    this.ask(false);
  };

  /** Draw in the next frame, once, however often it is asked for. */
  private ask(isChanged = true): void {
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

  private answer = "";
  private isChanged = true;
  private isComplete = false;
  private frame = 0;
  /** Rows of the table that show this scene, from the first on, wherever the page is scrolled. */
  private rowsDone = 0;

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
      this.drawPart(part, scene, widths[i]);
    }
    this.isComplete = false;
    this.root.classList.toggle("busy", this.isAsked);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.onRest(), REST);
  }

  private drawPart(part: Part, scene: Scene, width = contentWidth(part.element)): void {
    patch(part.element, part.draw(scene, width));
    part.isLate = false;
    part.drawn = this.frame;
  }

  /** A new scene: all parts are late, and what is wrong is said. */
  private begin(scene: Scene | null): void {
    this.isChanged = false;
    this.scene = scene;
    for (const part of this.parts.values()) part.isLate = true;
    this.rowsDone = 0;
    this.root.classList.add("late");
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
      const part = [...this.parts.values()].find((one) => one.element === entry.target);
      if (part) part.inSight = entry.isIntersecting;
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
    writeAddress(this.page, this.state);
    this.announce();
    if (!this.isAsked) this.later.start();
  }

  /** Say the answer to who cannot see it: once a move has ended, and not at the start. */
  private announce(): void {
    if (!this.scene) return;
    const answer = answerWords(this.scene);
    const isNew = this.answer !== "" && this.answer !== answer;
    this.answer = answer;
    if (isNew) document.getElementById("answer")!.textContent = answer;
  }

  /** One piece of what waits for a rest; false where there is nothing left. */
  private readonly step = (): boolean => {
    const { scene } = this;
    if (!scene) return false;
    return this.drawLate(scene) || this.drawRows(scene) || this.drawCurve(scene);
  };

  private readonly later = new Later(this.step, () => this.root.classList.remove("late"));

  /** A view out of sight: for those who search the page, or have it read to them. */
  private drawLate(scene: Scene): boolean {
    const part = this.waiting(scene, true).find((one) => one.isLate);
    if (!part) return false;
    const isWaiting = part === this.parts.get("accuracy") && knowSome(scene);
    if (!isWaiting) this.drawPart(part, scene);
    return true;
  }

  /** Rows of the table that are out of sight: they keep what they said before the change. */
  private drawRows(scene: Scene): boolean {
    const { element } = this.parts.get("table")!;
    const first = this.rowsDone;
    if (first >= element.querySelectorAll("tbody tr").length) return false;
    this.rowsDone += ROWS_AT_ONCE;
    const also = { first, last: first + ROWS_AT_ONCE - 1 };
    patch(element, layerTable(scene, contentWidth(element), also));
    return true;
  }

  /** Some of a curve over a slider. */
  private drawCurve(scene: Scene): boolean {
    const made = this.curves.makeNext(scene);
    if (made?.isDone) this.drawPart(this.parts.get("sliders")!, scene);
    return made !== null;
  }

  /** Someone put another fragment into the address. */
  private onAddress(): void {
    if (isInAddress(this.page, this.state)) return;
    const { state, ignored } = fromFragment(this.page, location.hash);
    Object.assign(this.state, state);
    this.ignored.splice(0, this.ignored.length, ...ignored);
    this.ask();
  }
}
