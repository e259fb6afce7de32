// Makes the scene that views draw: the numbers of each model at the state, and what they depend on.

import { Columns, totalOf } from "./amounts";
import { canTake, type Control, controlsOf } from "./controls";
import { costsOf, type ModelCosts } from "./costs";
import type { ExploreDocument, KnobValue, Numbers, Setting } from "./document";
import { topOf } from "./rows";
import type { Chosen, Glance, ModelScene, Scene } from "./scene";
import { settingOf, type State } from "./state";

export class Scenes {
  readonly controls: Control[];
  private readonly costs: readonly ModelCosts[];
  private readonly atDefaults = new Map<string, Numbers | null>();
  private readonly lastGood: (Numbers | null)[];

  constructor(
    private readonly page: ExploreDocument,
    private readonly change: Scene["change"],
    private readonly look: Scene["look"],
  ) {
    this.controls = controlsOf(page);
    this.costs = costsOf(page);
    this.lastGood = page.models.map(() => null);
  }

  /** The scene of a state; null where nothing of the chosen model can be shown. */
  make(state: State, glance: Glance): Scene | null {
    const { page } = this;
    const models = page.models.map((model, index): ModelScene => {
      const setting = settingOf(page, state, index);
      return {
        index,
        model,
        setting,
        numbers: this.numbersOf(index, setting, state.precision),
        defaults: this.defaultsOf(index, state.precision),
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
      glance,
      headlineAt: (index, setting) => this.costs[index].headline(setting, state.precision),
      change: this.change,
      look: this.look,
    };
  }

  /** None where a knob cannot have its value in this network, as others can. */
  private numbersOf(index: number, setting: Setting, precision: string): Numbers | null {
    const { knobs } = this.page.models[index];
    if (!knobs.every((knob) => canTake(knob, setting[knob.name]))) return null;
    return this.costs[index].numbers(setting, precision);
  }

  private defaultsOf(index: number, precision: string): Numbers | null {
    const key = `${index} ${precision}`;
    let found = this.atDefaults.get(key);
    if (found === undefined) {
      const setting: Record<string, KnobValue> = {};
      for (const knob of this.page.models[index].knobs) setting[knob.name] = knob.default;
      found = this.costs[index].numbers(setting, precision);
      this.atDefaults.set(key, found);
    }
    return found;
  }
}
