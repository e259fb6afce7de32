"""CPU time of `analyze`, parsing and reports in a running process, and of PyYAML beside them.

    python benchmarks/warm.py [ROUNDS]

Goals: `analyze` of MobileNet V1 with one device in 2 ms, with another knob value in 1 ms; a file of
1,000 layers parsed with places in 60 ms; time linear in layers up to 10,000 of them.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from functools import partial
from statistics import median
from time import process_time

import yaml

import mnet_cost
from mnet_cost.analysis import Analysis, analyze_network
from mnet_cost.errors import Source
from mnet_cost.network import elaborate
from mnet_cost.report import render
from mnet_cost.report.analysis import analysis_report
from mnet_cost.report.rows import View
from mnet_cost.yamlfile import parse_yaml

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 40


def additions() -> int:
    """A loop as a second unit beside milliseconds: these machines change speed by half."""
    total = 0
    for number in range(100_000):
        total += number
    return total


def cpu_milliseconds(work: Callable[[], object], calls: int = 1) -> float:
    """CPU time of one call, the mean of `calls` calls in a row."""
    before = process_time()
    for _ in range(calls):
        work()
    return (process_time() - before) * 1e3 / calls


def milliseconds(
    work: Callable[[], object], rounds: int = ROUNDS, calls: int = 1
) -> tuple[float, float, float]:
    """CPU time of one call: (median in ms, least in ms, median in loops of 100,000 additions).

    A loop is timed just before each call.
    """
    work()
    times_ms, loops = [], []
    for _ in range(rounds):
        gc.collect()
        loop_ms = cpu_milliseconds(additions)
        times_ms.append(cpu_milliseconds(work, calls))
        loops.append(times_ms[-1] / loop_ms)
    return median(times_ms), min(times_ms), median(loops)


def layers_file(count: int) -> str:
    """A model file that writes out each of `count` layers."""
    head = "format: 1\nname: long\nknobs: {width: 8}\ninput: {image: [8, 16, 16]}\nlayers:\n"
    entries = (
        "  - conv2d: {channels: 8 * 2, kernel: 3, padding: same}\n",
        "  - {id: norm_%d, batch_norm: {}}\n",
        "  - relu\n",
        "  - conv2d: {channels: width, kernel: [1, 1], stride: 1, bias: true}\n",
    )
    lines = (entries[i % 4] % i if i % 4 == 1 else entries[i % 4] for i in range(count))
    return head + "".join(lines)


def row(name: str, times: tuple[float, float, float], goal: str = "") -> None:
    """Print one line."""
    print(f"{name:58} {times[0]:9.2f} {times[1]:9.2f} {times[2]:9.2f}   {goal}")


def _report(analysis: Analysis, form: str, by: View = "block") -> str:
    return render(analysis_report(analysis, by), form)


def main() -> None:
    """Print median and least times of every kind of call."""
    print(f"CPU time, {ROUNDS} rounds; python {sys.version.split()[0]}\n")
    print(f"{'':58} {'median ms':>9} {'min ms':>9} {'loops':>9}   goal, ms")
    row("for scale: a loop of 100,000 additions", milliseconds(additions))
    device = mnet_cost.load_device("pixel_1")
    spec = mnet_cost.load_model("mobilenet_v1").spec
    network = elaborate(spec)
    alphas = iter([0.25 + i / 10_000 for i in range(1_000_000)])
    for name, work, goal in (
        ("analyze, one device", lambda: mnet_cost.analyze(spec, {}, [device]), "2"),
        (
            "analyze with another alpha each time",
            lambda: mnet_cost.analyze(spec, {"alpha": next(alphas)}, [device]),
            "1",
        ),
        ("elaborate alone", lambda: elaborate(spec), ""),
        ("passes alone", lambda: analyze_network(network, [device]), ""),
        ("load the file", lambda: mnet_cost.load_model("mobilenet_v1"), ""),
    ):
        row(f"mobilenet_v1: {name}", milliseconds(work, calls=10), goal)
    for name in ("mobilenet_v3_large", "densenet"):
        larger = mnet_cost.load_model(name).spec
        row(
            f"{name}: analyze, one device",
            milliseconds(partial(mnet_cost.analyze, larger, {}, [device])),
        )
    analysis = mnet_cost.analyze(spec, {}, [device])
    for form in ("text", "json", "markdown"):
        report = milliseconds(partial(_report, analysis, form))
        row(f"mobilenet_v1: report as {form}", report)
    print()
    for count in (1_000, 3_000, 10_000):
        text = layers_file(count)
        rounds = max(3, ROUNDS * 300 // count)
        with_places = milliseconds(partial(parse_yaml, Source("long", text)), rounds)
        row(
            f"{count:,} layers, {len(text) / 1e3:.0f} kB: parse with places",
            with_places,
            "60" if count == 1000 else "",
        )
        without_places = milliseconds(partial(yaml.load, text, yaml.CSafeLoader), rounds)
        row(f"{count:,} layers: yaml.load, CSafeLoader (no places)", without_places)
        row(
            f"{count:,} layers: parse and check the spec",
            milliseconds(partial(mnet_cost.parse_spec, text), rounds),
        )
        long = mnet_cost.parse_spec(text)
        row(
            f"{count:,} layers: a spec of plain data",
            milliseconds(partial(mnet_cost.spec_from_data, long.data), rounds),
        )
        analysis = mnet_cost.analyze(long, {}, [device])
        row(
            f"{count:,} layers: report by layer as text",
            milliseconds(partial(_report, analysis, "text", "layer"), 3),
        )
        row(
            f"{count:,} layers: analyze, one device",
            milliseconds(partial(mnet_cost.analyze, long, {}, [device]), rounds),
        )


if __name__ == "__main__":
    main()
