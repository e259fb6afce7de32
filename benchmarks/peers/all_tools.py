"""Totals of other tools for small modules of every kind and for whole networks, beside ours.

`python benchmarks/peers` needs torch, torchvision, timm, thop, torchinfo, fvcore and ptflops. It
prints each total of a tool that differs from our total by that tool's convention. `--write` also
writes the tools' totals to `tests/analysis/peers.csv`: tests compare conventions with that file, so
that they need none of the tools.
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


def _layer_figures() -> Iterator[Figure]:
    for case in CASES:
        inputs = ", ".join(f"{name}: {list(shape)}" for name, shape in case.inputs.items())
        for number, (written, make) in enumerate(case.forms.items()):
            for batch in (1, 3) if case.batched else (1,):
                tensors = {
                    name: torch.zeros((batch, *shape), dtype=case.dtype)
                    for name, shape in case.inputs.items()
                }
                for tool, counters in COUNTERS.items():
                    totals = {counter(make().eval(), tensors) for counter in counters}
                    for total in sorted(totals):
                        form = "first" if number == 0 else "other"
                        yield Figure(case.layers, f"{{{inputs}}}", batch, written, form, tool,
                                     version_of(tool), total)  # fmt: skip


def _torchvision_figures() -> Iterator[Figure]:
    for pair in TORCHVISION:
        written = f"torchvision {torchvision.__version__.split('+')[0]} {pair.theirs}"
        for tool, counters in COUNTERS.items():
            for total in sorted(
                {counter(_torchvision_network(pair), _image(pair)) for counter in counters}
            ):
                other_forms = pair.other_forms.get(tool, "")
                yield Figure(pair.ours, "", 1, written, other_forms, tool, version_of(tool), total)


def _torchvision_network(pair: Pair) -> nn.Module:
    options = {"googlenet": {"aux_logits": False}}.get(pair.theirs, {})
    if pair.theirs in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    network: nn.Module = getattr(torchvision.models, pair.theirs)(weights=None, **options).eval()
    return network


def _image(pair: Pair) -> dict[str, torch.Tensor]:
    return {"x": torch.zeros(1, 3, pair.size, pair.size)}


def _timm_figures() -> Iterator[Figure]:
    """Totals of fvcore, which timm's benchmark.py uses where DeepSpeed is not installed."""
    (fvcore,) = COUNTERS["fvcore"]
    for pair in TIMM:
        total = fvcore(timm.create_model(pair.theirs).eval(), _image(pair))
        other_forms = pair.other_forms.get("timm", "")
        written = f"timm {timm.__version__} {pair.theirs}"
        yield Figure(pair.ours, "", 1, written, other_forms, "timm", version_of("fvcore"), total)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {FIGURES.name}")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    figures, problems = [], 0
    for source in (_layer_figures, _torchvision_figures, _timm_figures):
        for figure in source():
            figures.append(figure)
            message = problem(figure)
            if message:
                problems += 1
                print(message, flush=True)
    print(f"{len(figures)} totals, {problems} differ from what the convention says")
    if options.write:
        with FIGURES.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(FIELDS)
            writer.writerows(figures)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
