// Work that can wait: it is done while the browser has nothing else to do, a piece at a time, so
// that a move of a slider never waits for it.

/** Milliseconds that a piece may take together with those before it in the same turn. */
const BUDGET = 8;

/** Milliseconds after which a turn comes even if the browser is busy. */
const AT_LATEST = 500;

export class Later {
  private cancel: (() => void) | null = null;

  /** `step` does one piece and says whether there is more. `ended` is called after the last. */
  constructor(
    private readonly step: () => boolean,
    private readonly ended: () => void,
  ) {}

  /** Begin, or go on, when there is time. */
  start(): void {
    this.cancel ??= soon(() => this.turn());
  }

  stop(): void {
    this.cancel?.();
    this.cancel = null;
  }

  private turn(): void {
    this.cancel = null;
    const started = performance.now();
    let taken = 0;
    let longest = 0;
    // A piece starts only if one as long as the longest before it would end in time.
    do {
      if (!this.step()) return this.ended();
      const now = performance.now() - started;
      longest = Math.max(longest, now - taken);
      taken = now;
    } while (taken + longest <= BUDGET);
    this.start();
  }
}

/** Call when the browser is idle; the result takes it back. */
function soon(work: () => void): () => void {
  if (typeof requestIdleCallback === "function") {
    const id = requestIdleCallback(work, { timeout: AT_LATEST });
    return () => cancelIdleCallback(id);
  }
  const id = setTimeout(work, 20);
  return () => clearTimeout(id);
}
