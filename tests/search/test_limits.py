"""Limits as they are typed, and what they do to the front of a grid."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from mnet_cost import load_device
from mnet_cost.cli import main
from mnet_cost.errors import UsageError
from mnet_cost.search.limits import excess_of, parse_limits

DEVICE = load_device("pixel_1_tflite")


@pytest.mark.parametrize(
    ("text", "column", "is_most", "value"),
    [
        ("latency@pixel_1_tflite<=20ms", "latency_ms@pixel_1_tflite", True, 20.0),
        ("latency <= 0.5 s", "latency_ms@pixel_1_tflite", True, 500.0),
        ("params<=2M", "params", True, 2e6),
        ("mult_adds>=1.5 G", "mult_adds", False, 1.5e9),
        ("mult_adds>=1e6", "mult_adds", False, 1e6),
        ("peak_memory<=320KiB", "peak_memory_bytes", True, 327680.0),
        ("energy<=5mJ", "energy_mj@pixel_1_tflite", True, 5.0),
        ("vector_ops<=0", "vector_ops", True, 0.0),
    ],
)
def test_limits_have_the_units_of_their_metrics(
    text: str, column: str, is_most: bool, value: float
) -> None:
    (limit,) = parse_limits([text], [DEVICE], [])
    assert (limit.column, limit.is_most) == (column, is_most)
    assert limit.value == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "message", "hint", "marked"),
    [
        ("params", "`params` is no limit", "a limit is METRIC<=NUMBER", "params"),
        ("params<2M", "`<` is no sign of a limit", "write `params<=2M`", "<"),
        ("params=>2M", "`=>` is no sign of a limit", "write `params>=2M`", "=>"),
        ("params==2M", "`==` is no sign of a limit", "write `params<=2M`", "=="),
        ("params<=", "the number is missing", "a limit is METRIC<=NUMBER", "params<="),
        ("<=2M", "the metric is missing", "a limit is METRIC<=NUMBER", "<=2M"),
        ("parms<=2M", "there is no metric `parms`", "did you mean `params`", "parms"),
        ("params<=2MB", "`2MB` is no number of things", "prefixes are k, M, G", "2MB"),
        ("params<=-2", "`-2` is negative", "", "-2"),
        ("params<=nan", "`nan` is not a finite number", "", "nan"),
        ("latency<=20", "`20` has no unit; a time is asked for", "a number alone", "20"),
        ("latency<=20MB", "`20MB` is a size; a time is asked for", "12 ms", "20MB"),
        ("peak_memory<=320KB", "there is no unit `KB`", "1000 bytes to some", "320KB"),
        (
            "latency@pixel_9<=1ms",
            "the device `pixel_9` is not in this sweep",
            "",
            "latency@pixel_9",
        ),
        ("top1>=70", "no `top1` is published", "fronts are over costs", "top1"),
    ],
)
def test_what_is_no_limit(text: str, message: str, hint: str, marked: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_limits([text], [DEVICE], [])
    (problem,) = refused.value.problems
    assert message in problem.message
    assert hint in (problem.hint or "")
    assert problem.span is not None
    assert text[problem.span.column - 1 : problem.span.end - 1] == marked


def test_a_number_is_limited_once_on_each_side() -> None:
    assert len(parse_limits(["params<=2M", "params>=1M"], [], [])) == 2
    with pytest.raises(UsageError, match="`params<=2M` and `params<=3M` limit the same number"):
        parse_limits(["params<=2M", "params<=3M"], [], [])


def test_the_excess_is_a_share_of_the_limit() -> None:
    limits = parse_limits(["params<=100", "mult_adds>=10", "vector_ops<=0"], [], [])
    table: dict[str, Any] = {
        "params": np.array([100.0, 150.0, 50.0, np.nan, 90.0]),
        "mult_adds": np.array([10.0, 20.0, 8.0, 10.0, 10.0]),
        "vector_ops": np.array([0.0, 0.0, 0.0, 0.0, 3.0]),
    }
    assert excess_of(limits, table, 5).tolist() == [0.0, 0.5, pytest.approx(0.2), np.inf, 3.0]


GRID = ("sweep", "mobilenet_v1", "--alpha", "0.25,0.5,0.75,1.0", "--resolution", "128:224:32",
        "--pareto", "mult_adds:more,params", "--format", "json")  # fmt: skip


def test_limits_hold_for_grids(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*GRID, "--limit", "params<=2.6M", "--limit", "mult_adds<=200M", "--top", "9"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["within_limits"] == 10
    assert document["limits"] == [
        {"column": "params", "is": "most", "value": 2.6e6},
        {"column": "mult_adds", "is": "most", "value": 2e8},
    ]
    assert document["objectives"][0] == {"column": "mult_adds", "better": "more"}
    best = [(row["alpha"], row["resolution"]) for row in document["top"]]
    assert best[:2] == [(0.75, 160), (0.5, 224)]
    assert {(row["alpha"], row["resolution"]) for row in document["front"]} == {
        (0.25, 224), (0.5, 224), (0.75, 160),
    }  # fmt: skip


def test_a_limit_that_nothing_meets_says_what_comes_closest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main([*GRID, "--limit", "params<=400k", "--limit", "mult_adds>=1M"]) == 2
    assert capsys.readouterr().err == (
        "mnet-cost: no point is within the limits params<=400k and mult_adds>=1M\n"
        "hint: the closest point has params 470.1 k, 70.07 k (17.5 %) over the limit\n"
    )
