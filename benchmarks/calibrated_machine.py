"""How far off profiles of `calibrate --runtime` are on networks that they did not see, as recorded.

Each run in `runs/` has three files. `NAME_calibration.csv` has the rows that `calibrate --runtime`
measured, `NAME.yaml` the profile that it wrote, and `NAME_networks.csv` other networks that
`measure` ran. `runs/README.md` says when, and on which machines. The profile is fitted anew from
the rows, on its peaks, with today's rules for the kernels of its runtime: from all rows, from the
small graphs and some of the whole networks, and from one network without small graphs, as `--quick`
does. Mult-adds alone are scaled by the networks that the fit has seen. Networks with a layer that a
built module does in another way than runtimes (YOLOv8 suppresses boxes) are left out. Where the
same networks ran with two threads, they are predicted by the profile of one, too.

    python benchmarks/calibrated_machine.py [NAME...]
"""

from __future__ import annotations

import argparse
import csv
import re
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from machine_profile import spearman
from tabulate import tabulate

from mnet_cost import analyze
from mnet_cost.measure.drift import noise_of
from mnet_cost.measure.measurements import Measurement, read_measurements
from mnet_cost.measure.networks import read_rows
from mnet_cost.measure.request import CalibrationRequest, calibrate_files
from mnet_cost.measure.runs.machine_plan import WHOLE_NETWORKS
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate

RUNS = Path(__file__).resolve().parent / "runs"
REFERENCE = "mobilenet_v1@alpha=0.25,resolution=128"
"""Runs in each round of all files."""
NUMBERS_OF_NETWORKS = (6, 4, 1)
TWO_THREADS = "_2_threads"
"""Of the name of a run, behind that of the same with one thread."""
SHOWN = 5
_KERNELS = re.compile(r"^kernels: \[[^]]*\]\n", re.MULTILINE)


class Result(NamedTuple):
    """Of networks that were not measured."""

    errors: np.ndarray
    """Of estimates over measured times, less 1."""
    rank: float
    in_band: float
    mult_adds: np.ndarray
    """The same of mult-adds alone."""


def main() -> None:
    """Print the errors of each run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    known = sorted(path.name.removesuffix("_networks.csv") for path in RUNS.glob("*_networks.csv"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    for name in parser.parse_args().names or known:
        show(name)


def show(name: str) -> None:
    """The errors of one run, from fewer and fewer rows."""
    others = networks_of(name)
    fit = fitted(name, NUMBERS_OF_NETWORKS[0], True)
    lines = [line(f"graphs, {NUMBERS_OF_NETWORKS[0]} networks", fit, others)]
    for networks in NUMBERS_OF_NETWORKS[1:]:
        label = f"graphs, {networks} network{'s' if networks > 1 else ''}"
        lines.append(line(label, fitted(name, networks, True), others))
    lines.append(line("1 network (--quick)", fitted(name, 1, False), others))
    if (RUNS / f"{name}{TWO_THREADS}_networks.csv").exists():
        threaded = networks_of(f"{name}{TWO_THREADS}")
        lines.append(line("2 threads by all of this", fit, threaded, threads=2))
    print(f"\n{name}: {len(others)} other networks, errors in %; noise {noise(others)}")
    heads = ["measured", "median", "mean", "in 10 %", "in 20 %", "rank", "band", "mult-adds, mean"]
    print(tabulate(lines, heads, floatfmt=("", ".1f", ".1f", ".0f", ".0f", ".4f", ".0f", ".1f")))
    print(f"worst: {named(fit, others)}")


def networks_of(name: str) -> tuple[Measurement, ...]:
    """The networks of a run that no fit has seen, and whose layers are those of runtimes."""
    rows = read_rows((str(RUNS / f"{name}_networks.csv"),), {})[0]
    return tuple(row for row in rows if row.model != REFERENCE and is_as_in_runtimes(row.model))


@cache
def is_as_in_runtimes(model: str) -> bool:
    """Whether a built module does all layers as runtimes do."""
    read = load_model(model)
    steps = elaborate(read.spec, read.knobs).steps
    return not any(step.layer.built_otherwise for step in steps)


def noise(rows: Sequence[Measurement]) -> str:
    """How far one round is from the others."""
    found = noise_of(rows)
    return "unknown" if found is None else f"{100 * found:.1f}"


def fitted(name: str, networks: int, with_graphs: bool) -> tuple[str, list[Measurement]]:
    """The profile that some of the rows speak for, and those rows of whole networks."""
    rows = RUNS / f"{name}_calibration.csv"
    kept = {REFERENCE, *WHOLE_NETWORKS[:networks]}
    with tempfile.TemporaryDirectory() as folder:
        some = Path(folder) / "rows.csv"
        with rows.open(encoding="utf-8", newline="") as file, some.open("w", newline="") as out:
            reader = csv.DictReader(file)
            writer = csv.DictWriter(out, reader.fieldnames or [])
            writer.writeheader()
            for row in reader:
                if row["model"] in kept or (with_graphs and row["role"] == "small graph"):
                    writer.writerow(row)
        profile = Path(folder) / f"{name}.yaml"
        recorded = (RUNS / profile.name).read_text(encoding="utf-8")
        profile.write_text(_KERNELS.sub("", recorded), encoding="utf-8")
        request = CalibrationRequest(measurements=(str(some),), into=str(profile))
        text = calibrate_files(request).text
        seen = [row for row in read_measurements(some) if not row.is_small_graph]
    return text, [row for row in seen if row.model in WHOLE_NETWORKS]


def compared(
    fit: tuple[str, list[Measurement]],
    others: Sequence[Measurement],
    threads: int | None = None,
) -> Result:
    """Estimates of networks beside their times."""
    text, seen = fit
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "profile.yaml"
        path.write_text(text, encoding="utf-8")
        times = [
            analyze(row.model, devices=[str(path)], threads=threads).devices[0] for row in others
        ]
    measured = np.array([row.latency_s for row in others])
    estimated = np.array([each.latency_s for each in times])
    inside = [each.low_s <= s <= each.high_s for each, s in zip(times, measured, strict=True)]
    mult_adds = np.array([mult_adds_of(row) for row in others])
    rate = np.median([row.latency_s / mult_adds_of(row) for row in seen])
    return Result(
        estimated / measured - 1,
        spearman(estimated, measured),
        float(np.mean(inside)),
        rate * mult_adds / measured - 1,
    )


def mult_adds_of(row: Measurement) -> int:
    """Of one inference of the network of a row."""
    mult_adds = analyze(row.model).total("mult_adds")
    assert mult_adds is not None
    return mult_adds


def line(
    label: str,
    fit: tuple[str, list[Measurement]],
    others: Sequence[Measurement],
    threads: int | None = None,
) -> list[object]:
    """A row of the table."""
    result = compared(fit, others, threads)
    off = np.abs(result.errors)
    return [
        label, 100 * np.median(off), 100 * off.mean(), 100 * np.mean(off < 0.1),
        100 * np.mean(off < 0.2), result.rank, 100 * result.in_band,
        100 * np.abs(result.mult_adds).mean(),
    ]  # fmt: skip


def named(fit: tuple[str, list[Measurement]], others: Sequence[Measurement]) -> str:
    """The networks that are furthest off."""
    errors = compared(fit, others).errors
    furthest = np.argsort(-np.abs(errors))[:SHOWN]
    return ", ".join(f"{others[place].model} {100 * errors[place]:+.0f}" for place in furthest)


if __name__ == "__main__":
    main()
