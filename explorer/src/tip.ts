// One tip for the whole page: it shows `data-tip` of what is pointed at or has the focus.
// What matters is on the page, too; a tip only repeats or adds.

/** Start to show tips; texts stay texts. */
export function startTips(): void {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("aria-hidden", "true"); // what it says is in labels
  tip.hidden = true;
  document.body.append(tip);
  const hide = (): void => {
    if (!tip.hidden) tip.hidden = true;
  };
  const show = (target: EventTarget | null, x?: number, y?: number): void => {
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
  const showFocus = (): void => {
    const focus = document.activeElement;
    if (!focus?.matches(":focus-visible")) return;
    const active = focus.getAttribute("aria-activedescendant");
    show(active ? document.getElementById(active) : focus);
  };
  document.addEventListener("focusin", showFocus);
  // In a list of points, keys go from one to another while the focus stays.
  document.addEventListener("keyup", (event) => {
    const { activeElement: focus } = document;
    if (event.key !== "Escape" && focus?.hasAttribute("aria-activedescendant")) {
      requestAnimationFrame(showFocus); // when the page has drawn where it went
    }
  });
  document.addEventListener("focusout", hide);
  document.addEventListener("scroll", hide, { passive: true });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hide();
  });
}

/** Beside the pointer, and inside the window. */
function place(tip: HTMLElement, x: number, y: number): void {
  const left = Math.max(4, Math.min(window.innerWidth - tip.offsetWidth - 8, x + 12));
  const isLow = y + 18 + tip.offsetHeight > window.innerHeight;
  tip.style.left = `${left}px`;
  tip.style.top = `${isLow ? Math.max(4, y - tip.offsetHeight - 10) : y + 16}px`;
}
