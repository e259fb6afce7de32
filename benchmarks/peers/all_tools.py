"""Runs other counters on small modules of every kind and on whole networks, beside our totals.

`python benchmarks/peers` needs torch, torchvision, timm, thop, torchinfo, fvcore and ptflops, and
prints where a total is not what a convention says it is. `--write` also writes what the tools
printed to `tests/analysis/peers.csv`, which the tests hold the conventions to without any tool.
"""

from __future__ import annotations

import argparse
import csv
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import timm
import torch
import torchvision
from layers import CASES
from networks import TIMM, TORCHVISION, Pair
from tools import COUNTERS, version_of
from torch import nn

ROOT = Path(__file__).resolve().parents[2]
FIGURES = ROOT / "tests/analysis/peers.csv"
sys.path[:0] = [str(ROOT), str(FIGURES.parent)]

from peers import FIELDS, Figure, problem  # noqa: E402


def _of_layers() -> Iterator[Figure]:
    for case in CASES:
        inputs = ", ".join(f"{name}: {list(shape)}" for name, shape in case.inputs.items())
        for number, (written, made) in enumerate(case.forms.items()):
            for batch in (1, 3) if case.batched else (1,):
                given = {
                    name: torch.zeros((batch, *shape), dtype=case.dtype)
                    for name, shape in case.inputs.items()
                }
                for tool, counters in COUNTERS.items():
                    totals = {counter(made().eval(), given) for counter in counters}
                    for total in sorted(totals):
                        form = "first" if number == 0 else "other"
                        yield Figure(case.layers, f"{{{inputs}}}", batch, written, form, tool,
                                     version_of(tool), total)  # fmt: skip


def _of_torchvision() -> Iterator[Figure]:
    for pair in TORCHVISION:
        written = f"torchvision {torchvision.__version__.split('+')[0]} {pair.theirs}"
        for tool, counters in COUNTERS.items():
            for total in sorted({counter(_theirs(pair), _image(pair)) for counter in counters}):
                otherwise = pair.otherwise.get(tool, "")
                yield Figure(pair.ours, "", 1, written, otherwise, tool, version_of(tool), total)


def _theirs(pair: Pair) -> nn.Module:
    more = {"googlenet": {"aux_logits": False}}.get(pair.theirs, {})
    if pair.theirs in ("googlenet", "inception_v3"):
        more["init_weights"] = False
    found: nn.Module = getattr(torchvision.models, pair.theirs)(weights=None, **more).eval()
    return found


def _image(pair: Pair) -> dict[str, torch.Tensor]:
    return {"x": torch.zeros(1, 3, pair.size, pair.size)}


def _of_timm() -> Iterator[Figure]:
    """By fvcore, as timm's benchmark.py does where DeepSpeed is not there."""
    (fvcore,) = COUNTERS["fvcore"]
    for pair in TIMM:
        total = fvcore(timm.create_model(pair.theirs).eval(), _image(pair))
        otherwise = pair.otherwise.get("timm", "")
        yield Figure(pair.ours, "", 1, f"timm {timm.__version__} {pair.theirs}", otherwise, "timm",
                     version_of("fvcore"), total)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {FIGURES.name}")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    figures, problems = [], 0
    for source in (_of_layers, _of_torchvision, _of_timm):
        for figure in source():
            figures.append(figure)
            found = problem(figure)
            if found:
                problems += 1
                print(found, flush=True)
    print(f"{len(figures)} figures, {problems} that are not as the convention says")
    if options.write:
        with FIGURES.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(FIELDS)
            writer.writerows(figures)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
