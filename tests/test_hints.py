"""Hints lead out: what one says to write is taken, and what it names is what was meant."""

from __future__ import annotations

import re

import pytest

from mnet_cost.errors import SpecError, did_you_mean
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate

SPEC = """\
format: 1
name: net
input: {{image: [3, 32, 32]}}
layers:
  - conv2d: {{channels: 8, kernel: 3, {}}}
"""


def said_of(field: str) -> str:
    """What is said of a convolution with that field."""
    with pytest.raises(SpecError) as caught:
        elaborate(parse_spec(SPEC.replace("kernel: 3, {}", "{}").format(field)))
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "candidates", "meant"),
    [
        ("SAME", ("same", "valid"), "same"),
        ("RELU", ("relu", "relu6", "prelu"), "relu"),
        ("Mobilenet_V1", ("mobilenet_v1", "mobilenet_v2"), "mobilenet_v1"),
        ("alfa", ("ALPHA", "RHO"), "ALPHA"),
        ("kernal", ("kernel", "Kernel"), "kernel"),
    ],
)
def test_capitals_are_no_difference(name: str, candidates: tuple[str, ...], meant: str) -> None:
    assert did_you_mean(name, candidates) == f"did you mean `{meant}`?"


def test_names_that_are_not_close() -> None:
    assert did_you_mean("X", ("same", "valid")) is None
    assert did_you_mean("", ("same",)) is None


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("kernel: 3, padding: SAME", "did you mean `same`?"),
        ("kernel: 3_0", "write `30`"),
        ("kernel: 3, stride: 0_0_1", "write `001`"),
        ('kernel: "[3, 5]"', "leave out the quotes: `[3, 5]`"),
        ("kernel: ' [ 3,5 ] '", "leave out the quotes: `[ 3,5 ]`"),
        ("kernel: (3, 5)", "write `[3, 5]`"),
        ("kernel: 3, padding: ((1, 2), (0, 1))", "write `[[1, 2], [0, 1]]`"),
        ("kernel: 3, padding: '((1,2),(max(0, 1),))'", "write `[[1,2],[max(0, 1)]]`"),
    ],
)
def test_what_to_write(wrong: str, hint: str) -> None:
    assert re.findall("hint: (.*)", said_of(wrong)) == [hint]
