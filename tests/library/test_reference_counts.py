"""Specs against counts of the reference implementations: to the last unit, class by class."""

from __future__ import annotations

import pytest
from counts import counts
from reference_rows import rows

REFERENCE = rows("reference_counts.csv")
MULT_ADDS = ("mult_adds", "conv1x1", "depthwise", "grouped", "conv_other", "fc")
PARAMS = ("params", "bn_affine", "bn_running", "bias")

LINEAR_AS_1X1 = {"convnext_tiny"}
"""Their code has linear layers over the channels of an image, the spec 1x1 convolutions."""


@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: row["name"])
def test_mult_adds_by_class(row: dict[str, str]) -> None:
    counted = counts(row["spec"])._asdict()
    expected = {name: int(row[name]) for name in MULT_ADDS}
    if row["name"] in LINEAR_AS_1X1:
        for of in (counted, expected):
            of["fc"] += of.pop("conv1x1")
    assert {name: counted[name] for name in expected} == expected
    assert counted["matmul"] == 0


@pytest.mark.parametrize("row", REFERENCE, ids=lambda row: row["name"])
def test_params(row: dict[str, str]) -> None:
    counted = counts(row["params_spec"])._asdict()
    # GoogLeNet's reference was counted with its auxiliary heads there: norms and biases are blank
    expected = {name: int(row[name]) for name in PARAMS if row[name]}
    assert {name: counted[name] for name in expected} == expected


def test_the_reference_is_there() -> None:
    assert len(REFERENCE) == 36
    assert {row["name"] for row in REFERENCE if not all(row[name] for name in PARAMS)} == {
        "googlenet"
    }
