"""Accuracies of a sweep: published, interpolated between published ones, and none elsewhere."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest

from mnet_cost.models.library import load_model
from mnet_cost.search.accuracies import Accuracy, Surface, _Node
from mnet_cost.search.blocks import Block, Rectangle
from mnet_cost.search.sweep import evaluate
from mnet_cost.search.sweep_request import plan_sweep
from mnet_cost.search.words import Words, repeated


def accuracies(
    reference: str, axes: dict[str, Any], column: str = "top1", precision: str = "fp32"
) -> list[tuple[float | None, str]]:
    """(figure, basis) of each point of a sweep."""
    request = plan_sweep([reference], [load_model(reference)], axes, precisions=(precision,))
    if column not in [each.name for each in request.columns]:
        return []
    (table,) = evaluate(request)
    return [
        (None if np.isnan(figure) else round(float(figure), 6), str(basis))
        for figure, basis in zip(table[column], table[f"{column}_basis"], strict=True)
    ]


def test_published_points_have_their_figures() -> None:
    """arXiv:1704.04861, Table 6, by the alpha alone."""
    assert accuracies("mobilenet_v1", {"alpha": (0.25, 0.5, 0.75, 1.0)}) == [
        (50.6, "published"),
        (63.7, "published"),
        (68.4, "published"),
        (70.6, "published"),
    ]


def test_between_published_points_it_is_linear_and_says_so() -> None:
    figures = accuracies("mobilenet_v1", {"alpha": (0.5, 0.6, 0.75)})
    assert figures[1] == (round(63.7 + 0.4 * (68.4 - 63.7), 6), "interpolated")


def test_outside_of_published_points_there_is_none() -> None:
    axes = {"alpha": (0.2, 0.25, 1.0, 1.1), "resolution": (96, 128, 224, 256)}
    figures = accuracies("mobilenet_v1", axes)
    inside = {(0.25, 128), (0.25, 224), (1.0, 128), (1.0, 224)}
    places = [(alpha, side) for alpha in axes["alpha"] for side in axes["resolution"]]
    assert {place for place, (figure, _) in zip(places, figures, strict=True) if figure} == inside
    assert {basis for _, basis in figures} == {"published", ""}


def test_another_network_has_none() -> None:
    assert accuracies("mobilenet_v1@classes=10", {"alpha": (0.5, 1.0)}) == []
    assert accuracies("mobilenet_v1", {"alpha": (0.5, 1.0)}, precision="int8") == []


def test_other_datasets_have_columns_of_their_own() -> None:
    """Table 10 is of Stanford Dogs: 83.3 % there is on no front beside ImageNet."""
    axes = {"alpha": (0.75, 1.0)}
    assert accuracies("mobilenet_v1:dogs", axes) == []
    assert accuracies("mobilenet_v1:dogs", axes, "top1@Stanford Dogs") == [
        (81.9, "published"),
        (83.3, "published"),
    ]


def by_definition(sources: list[list[_Node]], at: tuple[Any, ...]) -> Any:
    """(figure, basis) of one point: printed, or linear in each number between what is printed."""
    for nodes in sources:
        for node in nodes:
            if node.at == at:
                return node.value, "published"
    figures = {node.at: node.value for node in sources[0]}
    ends = []
    for i, x in enumerate(at):
        printed = sorted({spot[i] for spot in figures}, key=str)
        if isinstance(x, str) or len(printed) == 1:
            ends.append([(x, 1.0)])
            continue
        below = [mark for mark in printed if mark <= x]
        above = [mark for mark in printed if mark >= x]
        if not below or not above:
            return None, ""
        low, high = max(below), min(above)
        share = (x - low) / (high - low) if high > low else 0.0
        ends.append([(low, 1 - share), (high, share)] if high > low else [(low, 1.0)])
    corners = [tuple(zip(*corner, strict=True)) for corner in product(*ends)]
    if any(spot not in figures for spot, _ in corners):
        return None, ""
    return sum(figures[spot] * prod(shares) for spot, shares in corners), "interpolated"


@pytest.mark.parametrize("seed", range(12))
def test_figures_are_those_of_the_definition(seed: int) -> None:
    """Knobs on rows, on columns and the same for all; some points broken; some corners missing."""
    draw = np.random.default_rng(seed)
    axes: dict[str, Any] = {
        "width": tuple(np.linspace(0.25, 1.25, 9).tolist()),
        "side": tuple(range(96, 225, 8)),
        "depth": (1, 2, 3, 4, 5) if seed % 2 else (3,),
        "kind": ("a", "b"),
    }
    if seed % 3 == 0:
        axes["depth"] = axes["depth"][:1]
    printed = list(product((0.25, 0.5, 1.0), (128, 160, 192), (1, 3), ("a", "b")))
    sources = []
    for share in (0.8, 0.3):
        spots = [spot for spot in printed if draw.random() < share]
        sources.append([_Node(spot, float(draw.random())) for spot in spots])
    named = {"first": sources[0], "other": sources[1]}
    surface = Surface(Accuracy("top1", "ImageNet"), axes, named)
    on_rows = ["side", "depth"] if seed % 2 else ["width", "depth"]
    rows = list(product(*[axes[knob] for knob in on_rows]))
    on_columns = [knob for knob in ("width", "side") if knob not in on_rows]
    columns = list(product(*[axes[knob] for knob in on_columns]))
    holds = draw.random((len(rows), len(columns))) < 0.7 if seed % 4 else None
    points = [
        {**dict(zip(on_rows, row, strict=True)), **dict(zip(on_columns, column, strict=True))}
        for i, row in enumerate(rows) for j, column in enumerate(columns)
        if holds is None or holds[i, j]
    ]  # fmt: skip
    for kind in axes["kind"]:
        listed = {knob: np.array([point[knob] for point in points]) for knob in points[0]}
        knobs = {"kind": repeated(Words.of([kind]), len(points)), **listed}
        rectangle = Rectangle(
            {knob: np.array(values, dtype=float)
             for knob, values in zip(on_rows, zip(*rows, strict=True), strict=True)},
            {knob: np.array(values, dtype=float)
             for knob, values in zip(on_columns, zip(*columns, strict=True), strict=True)},
            holds,
        )  # fmt: skip
        expected = [
            by_definition(sources, tuple({**point, "kind": kind}[knob] for knob in axes))
            for point in points
        ]
        for of_points in (None, rectangle):
            figures, basis = surface.figures(Block("m", "fp32", knobs, {}, {}, of_points))
            assert basis.tolist() == [word for _, word in expected]
            wanted = np.array([np.nan if figure is None else figure for figure, _ in expected])
            assert np.allclose(figures, wanted, rtol=1e-14, atol=0, equal_nan=True)
            printed_here = basis == "published"
            assert (figures[printed_here] == wanted[printed_here]).all()
        assert {"published", "interpolated", ""} >= set(basis)


def test_no_points_have_no_figures() -> None:
    surface = Surface(
        Accuracy("top1", "ImageNet"), {"alpha": (0.5, 1.0)}, {"it": [_Node((0.5,), 60.0)]}
    )
    figures, basis = surface.figures(Block("m", "fp32", {"alpha": np.empty(0)}, {}, {"why": 2}))
    assert (len(figures), basis.tolist()) == (0, [])
