"""What training saves of the networks of torchvision, to the byte, at an even and an odd size.

`benchmarks/saved_bytes.py` measured the figures. They hold what a count cannot see: on which sides
a window pads, dropout, pools that round up.
"""

from __future__ import annotations

import pytest
from reference_rows import rows

from mnet_cost.analysis.training import training_cost
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate

ROWS = rows("torchvision_saved_bytes.csv")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['name']} {row['resolution']}")
def test_saved_bytes(row: dict[str, str]) -> None:
    model = load_model(row["spec"])
    knobs = {"resolution": int(row["resolution"]), "batch": int(row["batch"])}
    cost = training_cost(elaborate(model.spec, {**model.knobs, **knobs}))
    # Stochastic depth saves one float for each example and block: specs do not have it.
    assert cost.activation_bytes == int(row["saved_bytes"]) - int(row["noise_bytes"])


def test_even_and_odd_sizes_are_there() -> None:
    parities = {(row["name"], int(row["resolution"]) % 2) for row in ROWS}
    names = {name for name, _ in parities if not name.startswith("vit")}  # patches of 16 or 32
    assert {(name, parity) for name in names for parity in (0, 1)} <= parities
    assert len(names) >= 45
