"""How long the page of `explore` takes to open and to redraw after a move of a slider, in Chromium.

    python benchmarks/explorer.py [MOVES]

Goals, as medians: 20 ms for MobileNet V1 with five devices, 30 ms for NASNet-A mobile with all of
its 914 layers open, 50 ms with the processor throttled four times. A redraw is the frame after the
move: the program of costs, views in sight, style and layout. Views that do not fit into its budget
come in the frames after it; CPU is that of all of them, with paint. Needs Playwright and Chromium.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median, quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "explorer"))

from browser import Opened, browser, missing

from mnet_cost.devices.choice import choose_devices
from mnet_cost.explorer.explore import explore_page
from mnet_cost.models.library import load_model

MOVES = int(sys.argv[1]) if len(sys.argv) > 1 else 60
FIVE = ("pixel_1_tflite", "raspberry_pi_4_ncnn", "h100", "stm32f746", "jetson_nano")
TWO = ("pixel_1_tflite", "h100")

_MOVES = """async ([id, places]) => {
  const input = document.getElementById(id);
  const page = document.getElementById("app");
  const frame = () => new Promise(requestAnimationFrame);
  const times = [];
  for (const place of places) {
    while (page.classList.contains("busy")) await frame(); // what came in the frames after
    times.push(await new Promise((done) => {
      let start = 0;
      requestAnimationFrame(() => { start = performance.now(); });
      input.value = String(place * Number(input.max));
      input.dispatchEvent(new Event("input", { bubbles: true }));
      requestAnimationFrame(() => {
        void document.body.offsetHeight;
        done(performance.now() - start);
      });
    }));
  }
  return times;
}"""


def moves(opened: Opened, session: Any, knob: str, selector: str) -> tuple[list[float], float]:
    """Milliseconds of each redraw, with the part of the page in sight that `selector` finds; and
    the CPU time of the page for one move, with all that the browser does for it."""
    opened.page.evaluate(f"document.querySelector({selector!r}).scrollIntoView()")
    opened.page.wait_for_timeout(1500)  # curves and rows out of sight
    places = [0.2 + 0.6 * ((7 * i) % 20) / 20 for i in range(MOVES)]
    before = cpu_seconds(session)
    times = opened.page.evaluate(_MOVES, [f"knob-{knob}", places])
    return times, 1e3 * (cpu_seconds(session) - before) / MOVES


def cpu_seconds(session: Any) -> float:
    """CPU time that the main thread of the page took for its tasks."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(float(metric["value"]) for metric in metrics if metric["name"] == "TaskDuration")


def row(name: str, measured: tuple[list[float], float]) -> None:
    """Print one line."""
    times, cpu = measured
    worst = quantiles(times, n=20)[-1]
    print(f"{name:56} {median(times):8.1f} {worst:8.1f} {min(times):8.1f} {cpu:8.1f}", flush=True)


def measure(started: Any, folder: Path, name: str, devices: tuple[str, ...], knob: str) -> None:
    """Open the page of one network and move a slider, with and without throttling."""
    file = folder / f"{name}.html"
    page = explore_page([name], [load_model(name)], choose_devices(devices))
    file.write_text(page.text, encoding="utf-8")
    with Opened(started, file) as opened:
        opens = opened.page.evaluate("performance.now()")
        print(f"{name}, {len(devices)} devices: {file.stat().st_size / 1e3:.0f} kB, ", end="")
        print(f"opened after {opens:.0f} ms")
        session = opened.page.context.new_cdp_session(opened.page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        for rate in (1, 4):
            session.send("Emulation.setCPUThrottlingRate", {"rate": rate})
            slower = f"{rate} x slower" if rate > 1 else "full speed"
            for part in ("#top", "#blocks", "#memory"):
                measured = moves(opened, session, knob, part)
                row(f"{name}: {part[1:]} in sight, {slower}", measured)
            if rate == 1:
                opened.page.click("text=Open all")
                opened.rest()
            count = opened.page.evaluate("document.querySelectorAll('#rows tr').length")
            measured = moves(opened, session, knob, "#blocks")
            row(f"{name}: {count} rows open, {slower}", measured)


def main() -> None:
    """Print a line for each case."""
    why = missing()
    if why:
        sys.exit(why)
    print(f"{'milliseconds for a redraw':56} {'median':>8} {'95 %':>8} {'least':>8} {'CPU':>8}")
    with tempfile.TemporaryDirectory() as folder, browser() as started:
        measure(started, Path(folder), "mobilenet_v1", FIVE, "resolution")
        measure(started, Path(folder), "nasnet_mobile", TWO, "resolution")


if __name__ == "__main__":
    main()
