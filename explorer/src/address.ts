// The address of the page: its fragment is the state.

import type { ExploreDocument } from "./document";
import { type State, toFragment } from "./state";

/** Whether the fragment in the address is the one of this state. */
export function isInAddress(page: ExploreDocument, state: State): boolean {
  return toFragment(page, state) === location.hash.replace(/^#/, "");
}

/** Bring the state into the address, without a step in the browser's history. */
export function writeAddress(page: ExploreDocument, state: State): void {
  // A page in a frame of a notebook has no address of its own.
  if (location.protocol === "about:" || isInAddress(page, state)) return;
  history.replaceState(null, "", `#${toFragment(page, state)}`);
}
