"""The Once-for-All space: its specialized networks, with what was published of them.

`ofa_networks.csv` has the 34 that were found in this space. Their settings are those of the files
`net.config` and `run.config` of han-cai/files@a7c9bcd, ofa/ofa_specialized; params and MACs are
those of the table in mit-han-lab/once-for-all@f03b267, README.md.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mnet_cost.analysis import analyze
from mnet_cost.printed import parse_printed, rounding_of

with Path(__file__).with_name("ofa_networks.csv").open(newline="") as file:
    NETWORKS = list(csv.DictReader(file))

COPIED = "note10_lat-8ms_top1-71.4_finetune-25"
"""Its MACs are printed as 79 M, and are 75.8 M: no way of counting gives 79."""


def setting(row: dict[str, str]) -> dict[str, Any]:
    """The knobs and options of a network, of which a row has one digit for each block."""
    knobs: dict[str, Any] = {"alpha": float(row["alpha"]), "resolution": int(row["resolution"])}
    kernels, expansions = iter(row["kernels"]), iter(row["expansions"])
    for stage, depth in enumerate(row["depths"], 1):
        knobs[f"depth{stage}"] = int(depth)
        for block in range(1, int(depth) + 1):
            knobs[f"stage{stage}.block{block}.kernel"] = int(next(kernels))
            knobs[f"stage{stage}.block{block}.expand"] = int(next(expansions))
    assert not [*kernels, *expansions]
    return knobs


@pytest.mark.parametrize("row", NETWORKS, ids=lambda row: row["network"])
def test_specialized_networks(row: dict[str, str]) -> None:
    totals = analyze("ofa_mobilenet_v3", setting(row)).totals
    assert rounding_of(totals.params, parse_printed(row["params"])) == "rounded"
    printed = parse_printed(row["mult_adds"])
    expected = {None} if row["network"] == COPIED else {"rounded", "rounded twice"}
    assert rounding_of(totals.mult_adds, printed) in expected


def test_most_are_rounded_once() -> None:
    ways = Counter(
        rounding_of(
            analyze("ofa_mobilenet_v3", setting(row)).totals.mult_adds,
            parse_printed(row["mult_adds"]),
        )
        for row in NETWORKS
    )
    assert ways == {"rounded": 30, "rounded twice": 3, None: 1}


@pytest.mark.parametrize(
    ("network", "mult_adds", "params"),
    [
        ("flops-595M_top1-80.0_finetune-75", 595_189_032, 9_135_928),
        ("flops-482M_top1-79.6_finetune-75", 482_413_168, 9_066_368),
        ("flops-389M_top1-79.1_finetune-75", 389_487_856, 8_386_544),
        ("LG-G8_lat-24ms_top1-76.4_finetune-25", 229_846_296, 5_809_576),
        ("note8_lat-22ms_top1-70.4_finetune-25", 67_196_888, 4_304_592),
    ],
)
def test_to_the_digit(network: str, mult_adds: int, params: int) -> None:
    (row,) = [row for row in NETWORKS if row["network"] == network]
    totals = analyze("ofa_mobilenet_v3", setting(row)).totals
    assert (totals.mult_adds, totals.params) == (mult_adds, params)


def test_choices_of_the_space() -> None:
    # arXiv:1908.09791, section 3.1: (3 x 3)^2 + (3 x 3)^3 + (3 x 3)^4 in each of 5 units
    choices = analyze("ofa_mobilenet_v3").network.choices
    assert len(choices) == 5 * 4 * 2
    assert choices["stage1.block1.kernel"] == (3, 5, 7)
    assert choices["stage5.block4.expand"] == (3, 4, 6)
