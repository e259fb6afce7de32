// The command line that gives what this page cannot show.

import type { ExploreDocument } from "./document";
import { setting } from "./numbers";
import { settingOf, type State } from "./state";

/** `mnet-cost explore ...` at the setting of the state, for a shell. */
export function commandFor(page: ExploreDocument, state: State): string {
  const changed = new Map<string, string>();
  page.models.forEach((model, index) => {
    const now = settingOf(page, state, index);
    for (const knob of model.knobs) {
      // Numbers of devices are no knobs of a network: the page starts with the real ones.
      if (knob.of === "network" && now[knob.name] !== knob.default) {
        changed.set(knob.name, setting(now[knob.name]));
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
    batch === undefined ? "" : `--batch ${quoted(batch)}`,
    state.precision === page.precisions[0] ? "" : `--precision ${quoted(state.precision)}`,
    ...(page.devices.length ? page.devices.map((one) => one.reference) : ["none"]).map(
      (reference) => `--device ${reference}`,
    ),
  ]
    .filter(Boolean)
    .join(" ");
}

/** As a shell takes it for one word. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'"'"'`)}'`;
}
