"""Every network of torchvision that the library has, against what comes with its weights.

`num_params` is exact; `_ops` are mult-adds in billions, rounded to three decimals. A row is tested
as soon as the library knows its name.
"""

from __future__ import annotations

import pytest
from counts import counts
from reference_rows import rows

from mnet_cost.models.library import load_model, model_names, split_reference


def library_names() -> set[str]:
    """Models, and their variants, which stand alone where they are unique."""
    names = set(model_names())
    for name in model_names():
        names.update(load_model(name).spec.variants)
    return names


NAMES = library_names()
WEIGHTS = rows("torchvision_weights.csv")
HERE = [row for row in WEIGHTS if split_reference(row["spec"])[0] in NAMES]


def is_two_stage(row: dict[str, str]) -> bool:
    """Whether it is a detector whose mult-adds depend on how many regions an image has.

    Neither the image nor the regions that `_ops` was measured with are stated.
    """
    return "rcnn" in row["name"]


@pytest.mark.parametrize("row", HERE, ids=lambda row: f"{row['name']} {row['weights']}")
def test_params(row: dict[str, str]) -> None:
    assert counts(row["params_spec"]).params == int(row["num_params"])


@pytest.mark.parametrize(
    "row",
    [row for row in HERE if not is_two_stage(row)],
    ids=lambda row: f"{row['name']} {row['weights']}",
)
def test_mult_adds(row: dict[str, str]) -> None:
    assert f"{counts(row['spec']).mult_adds / 1e9:.3f}" == row["ops_g"]


def test_what_cites_these_weights_is_held_against_them() -> None:
    tested = {load_model(row["spec"]).spec.name for row in HERE}
    citing = {
        name
        for name in model_names()
        if any("torchvision 0.29.2" in row.source for row in load_model(name).spec.published)
    }
    assert citing - tested == set()
    assert len(HERE) >= 69
