// What the buttons of the page do.

import { writeAddress } from "./address";
import { copy } from "./clipboard";
import { toCsv } from "./csv";
import type { ExploreDocument } from "./document";
import { allOpenable } from "./rows";
import type { Scene } from "./scene";
import type { State } from "./state";
import { toggleTheme } from "./theme";

/** What they need of the page. */
interface Use {
  page: () => ExploreDocument;
  scene: () => Scene | null;
  state: () => State;
  change: Scene["change"];
  /** Say for a while what was done. */
  say: (words: string) => void;
}

export interface Tools {
  copyLink: () => Promise<void>;
  copyCsv: () => Promise<void>;
  toggleTheme: () => void;
  openAll: () => void;
}

export function toolsOf({ page, scene, state, change, say }: Use): Tools {
  return {
    toggleTheme,
    async copyLink() {
      writeAddress(page(), state());
      const done = await copy(location.href);
      say(done ? "Link copied" : "The link is in the address bar");
    },
    async copyCsv() {
      const now = scene();
      if (!now) return;
      const done = await copy(toCsv(now.chosen.numbers, page().devices));
      say(done ? "CSV copied" : "The browser does not let a file copy");
    },
    openAll() {
      const now = scene();
      change((to) => {
        to.open = new Set(to.open.size || !now ? [] : allOpenable(now));
      });
    },
  };
}
