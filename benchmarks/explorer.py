"""How long the page of `explore` takes to open and to redraw after a move of a slider, in Chromium.

    python benchmarks/explorer.py [MOVES]

Goals, as medians: 20 ms for MobileNet V1 with five devices, 30 ms for NASNet-A mobile with all of
its 914 layers open, 50 ms with the processor throttled four times. A redraw is what happens in one
frame: the program of costs, the views in sight, style and layout. Needs Playwright and Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from mnet_cost.devices.choice import choose_devices
from mnet_cost.explorer.explore import explore_page
from mnet_cost.models.library import load_model
from tests.explorer.browser import Opened, browser, missing

MOVES = int(sys.argv[1]) if len(sys.argv) > 1 else 60
FIVE = ("pixel_1_tflite", "raspberry_pi_4_ncnn", "h100", "stm32f746", "jetson_nano")
TWO = ("pixel_1_tflite", "h100")

_MOVE = """([id, place]) => new Promise((done) => {
  const input = document.getElementById(id);
  let start = 0;
  requestAnimationFrame(() => { start = performance.now(); });
  input.value = String(place * Number(input.max));
  input.dispatchEvent(new Event("input", { bubbles: true }));
  requestAnimationFrame(() => {
    void document.body.offsetHeight;
    done(performance.now() - start);
  });
})"""


def moves(opened: Opened, knob: str, selector: str) -> list[float]:
    """Milliseconds of each redraw, with the part of the page in sight that `selector` finds."""
    opened.page.evaluate(f"document.querySelector({selector!r}).scrollIntoView()")
    opened.rest()
    places = [0.2 + 0.6 * ((7 * i) % 20) / 20 for i in range(MOVES)]
    return [opened.page.evaluate(_MOVE, [f"knob-{knob}", place]) for place in places]


def row(name: str, times: list[float]) -> None:
    """Print one line."""
    print(f"{name:64} {median(times):8.1f} {quantiles(times, n=20)[-1]:8.1f}")


def measure(started: Any, folder: Path, name: str, devices: tuple[str, ...], knob: str) -> None:
    """Open the page of one network and move a slider, with and without throttling."""
    file = folder / f"{name}.html"
    page = explore_page([name], [load_model(name)], choose_devices(devices))
    file.write_text(page.text, encoding="utf-8")
    with Opened(started, file) as opened:
        opens = opened.page.evaluate("performance.now()")
        print(f"{name}, {len(devices)} devices: {file.stat().st_size / 1e3:.0f} kB, ", end="")
        print(f"opened after {opens:.0f} ms")
        throttle = opened.page.context.new_cdp_session(opened.page)
        for rate in (1, 4):
            throttle.send("Emulation.setCPUThrottlingRate", {"rate": rate})
            for part in ("#top", "#blocks", "#memory"):
                row(f"{name}: {part[1:]} in sight, {rate} x slower", moves(opened, knob, part))
            if rate == 1:
                opened.page.click("text=Open all")
                opened.rest()
            count = opened.page.evaluate("document.querySelectorAll('#rows tr').length")
            row(f"{name}: {count} rows open, {rate} x slower", moves(opened, knob, "#blocks"))


def main() -> None:
    """Print a line for each case."""
    why = missing()
    if why:
        sys.exit(why)
    print(f"{'milliseconds for a redraw':64} {'median':>8} {'95 %':>8}")
    with tempfile.TemporaryDirectory() as folder, browser() as started:
        measure(started, Path(folder), "mobilenet_v1", FIVE, "resolution")
        measure(started, Path(folder), "nasnet_mobile", TWO, "resolution")


if __name__ == "__main__":
    main()
