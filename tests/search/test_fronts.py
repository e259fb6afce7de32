"""Fronts equal their definition, however the points come in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mnet_cost.devices.load import load_device
from mnet_cost.errors import UsageError
from mnet_cost.models.library import load_model
from mnet_cost.search import fronts
from mnet_cost.search.fronts import Front, dominated, ratio_width
from mnet_cost.search.objectives import parse_objectives
from mnet_cost.search.summary import Summary
from mnet_cost.search.sweep import evaluate
from mnet_cost.search.sweep_request import plan_sweep

Vectors = list[tuple[float, ...]]


def is_better(first: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(a <= b for a, b in zip(first, other, strict=True)) and first != other


def by_definition(points: Vectors) -> set[tuple[float, ...]]:
    known = [point for point in points if not any(np.isnan(point))]
    return {point for point in known if not any(is_better(other, point) for other in known)}


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_front_is_that_of_the_definition(data: st.DataObject) -> None:
    objectives = data.draw(st.integers(1, 4), "objectives")
    number = st.integers(0, 6).map(float) | st.just(float("nan"))
    points = data.draw(st.lists(st.tuples(*[number] * objectives), max_size=40), "points")
    vectors = np.array(points, dtype=float).reshape(len(points), objectives)
    cut = data.draw(st.integers(0, len(points)), "cut")
    front = Front(objectives)
    front.add(vectors[:cut], 0)
    front.add(vectors[cut:], cut)
    expected = by_definition(points)
    assert {tuple(row) for row in front.vectors.tolist()} == expected
    assert {tuple(vectors[row]) for row in front.rows} == expected
    assert len(front) == len(expected)
    marks = dominated(front.vectors, vectors)
    for point, mark in zip(points, marks, strict=True):
        assert mark == (not any(np.isnan(point)) and point not in expected)


def beaten_by(points: Any, vectors: Any) -> Any:
    """By definition, whether some of `points` dominates each of `vectors`."""
    beaten = np.zeros(len(vectors), dtype=bool)
    for point in points:
        beaten |= (vectors >= point).all(axis=1) & (vectors > point).any(axis=1)
    return beaten


def drawn(kind: str, points: int, objectives: int) -> Any:
    """Vectors with a NaN or an infinity here and there, and each tenth of them twice."""
    draw = np.random.default_rng(objectives)
    vectors = draw.random((points, objectives))
    if kind == "ties":
        vectors = np.floor(vectors * 12) - 3.0
    elif kind == "front":  # most of it is on the front
        vectors = -vectors / np.linalg.norm(vectors, axis=1)[:, None]
        vectors[::4] *= 0.95
    elif kind == "along":  # each objective has the order of the first, or the reverse
        vectors[:, 1:] = np.where(np.arange(1, objectives) % 2, -1, 1) * vectors[:, :1]
    vectors[draw.random(vectors.shape) < 0.01] = np.inf
    vectors[draw.random(vectors.shape) < 0.002] = -np.inf
    vectors[draw.random(vectors.shape) < 0.01] = np.nan
    vectors[draw.random(vectors.shape) < 0.01] = -0.0
    vectors[::10] = vectors[draw.permutation(points)][::10]
    return vectors


@pytest.mark.parametrize("kind", ["random", "ties", "front", "along"])
@pytest.mark.parametrize("objectives", [1, 2, 3, 4, 5, 6])
def test_many_points(kind: str, objectives: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough of them for several levels of the division, and for blocks to be thinned first."""
    monkeypatch.setattr(fronts, "_SAMPLE", 64)
    vectors = drawn(kind, 1200, objectives)
    beaten = beaten_by(vectors, vectors)
    known = ~np.isnan(vectors).any(axis=1)
    front = Front(objectives)
    for start in range(0, 1200, 500):
        front.add(vectors[start : start + 500], start)
    expected = np.unique(vectors[known & ~beaten], axis=0)
    assert np.array_equal(front.vectors, expected)
    firsts = [np.flatnonzero((vectors == point).all(axis=1))[0] for point in front.vectors]
    assert np.array_equal(front.rows, firsts)
    assert (dominated(front.vectors, vectors) == (known & beaten)).all()
    others = drawn(kind, 1000, objectives)[::-1] + 0.01
    assert (dominated(front.vectors, others) == beaten_by(front.vectors, others)).all()
    halves = [Front(objectives), Front(objectives)]
    for half, part in zip(halves, (slice(0, 600), slice(600, 1200)), strict=True):
        half.add(vectors[part], part.start)
    halves[0].merge(halves[1])
    assert np.array_equal(halves[0].vectors, expected)
    assert np.array_equal(halves[0].rows, firsts)


def test_near_ties_are_within_the_error_of_a_ratio() -> None:
    device = load_device("pixel_1_tflite")
    axes = {"alpha": (0.5, 0.74, 0.75, 0.76, 1.0)}
    request = plan_sweep(
        ["mobilenet_v1"], [load_model("mobilenet_v1")], axes, [device], objectives="top1,latency"
    )
    summary = Summary(request)
    (table,) = evaluate(request)
    summary.scan.add(table)
    flags = summary.add(table, 0)
    on_front, near = flags["front"], flags["near_tie"]
    assert not (on_front & near).any()
    times = table["latency_ms@pixel_1_tflite"]
    width = ratio_width(device, "fp32")
    assert 0 < width < 0.5
    for i in np.flatnonzero(near):
        faster = times[on_front & (table["top1"] >= table["top1"][i])]
        assert faster.max() >= times[i] * np.exp(-width)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mult_ads", "there is no metric `mult_ads`"),
        ("mult_adds,mult_adds", "asked for twice"),
        ("mult_adds@pixel_1", "the same on every device"),
        ("latency", "is of one device"),
        ("latency@pixel_2", "not in this sweep"),
        ("mult_adds,", "a metric is missing"),
        ("top1", "top1"),
    ],
)
def test_objectives_that_cannot_be(text: str, said: str) -> None:
    devices = [load_device("pixel_1"), load_device("v100")]
    with pytest.raises(UsageError) as raised:
        parse_objectives(text, devices, ())
    assert said in str(raised.value)
    assert "^" in str(raised.value)
