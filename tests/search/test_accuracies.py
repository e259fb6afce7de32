"""Accuracies of a sweep: published, interpolated between published ones, and none elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from mnet_cost.models.library import load_model
from mnet_cost.search.sweep import evaluate
from mnet_cost.search.sweep_request import plan_sweep


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
