// What the buttons of the page do.

import { writeAddress } from "./address";
import { copy } from "./clipboard";
import { pairsToCsv, toCsv } from "./csv";
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
  copyPairs: () => Promise<void>;
  toggleTheme: () => void;
  openAll: () => void;
}

export function toolsOf({ page, scene, state, change, say }: Use): Tools {
  const copyText = async (text: string): Promise<void> => {
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
      const now = scene();
      if (now) await copyText(toCsv(now.chosen.numbers, page().devices));
    },
    async copyPairs() {
      const now = scene();
      if (now) await copyText(pairsToCsv(now.models, page().devices));
    },
    openAll() {
      const now = scene();
      change((to) => {
        to.open = new Set(to.open.size || !now ? [] : allOpenable(now));
      });
    },
  };
}
