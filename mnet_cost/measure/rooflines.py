"""A roofline with constants from measured times of whole networks.

    T(network) = c + sum over kernels of h + max(mult-adds / rate, bytes / bandwidth)

for accelerators, of which four numbers are more than their few published times can tell apart. So
the fewest that do well on what is left out are taken: rate and bandwidth; a constant per inference,
per kernel, or both only where they help. Source of the form: arXiv:2404.10518, equation 1; of its
constant: without one, their published ridge points are ten times too high.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mnet_cost.measure.arrays import Array

RIDGES = np.concatenate([[0.0], np.geomspace(0.5, 1000.0, 45)])
"""Mult-adds per byte below which memory binds, as tried: what is between changes little."""

_ROWS_PER_NUMBER = 2
"""Least rows for each number that is fitted."""
_LEAST_SHARE = 1e-3
"""Of the time of some network, that its mult-adds must take: a rate of less is no rate."""
_GAIN = 0.9
"""A further number is worth it if it takes the held-out error below so much of what it was."""

_NOTHING = 1e-9


class Shape(NamedTuple):
    """Which numbers a roofline has beside its rate."""

    bandwidth: bool
    inference: bool
    kernel: bool

    @property
    def numbers(self) -> int:
        return 1 + self.bandwidth + self.inference + self.kernel


SHAPES = (
    Shape(False, False, False),
    Shape(True, False, False),
    Shape(False, True, False),
    Shape(False, False, True),
    Shape(True, True, False),
    Shape(True, False, True),
    Shape(True, True, True),
)
"""From the fewest numbers to the most."""


class Work(NamedTuple):
    """Mult-adds and bytes of the kernels of one network."""

    mult_adds: Array
    bytes: Array
    lower_bounds: Array | float = 0.0
    """Seconds that no kernel undercuts, fitted or not."""


class Roofline(NamedTuple):
    """Fitted numbers: seconds per mult-add, ridge point, and constants in seconds."""

    mult_add_s: float
    ridge: float
    inference_s: float
    kernel_s: float

    def seconds(self, work: Work) -> float:
        """Time of a network as reports show it: no kernel takes less than its lower bound."""
        busy = np.maximum(work.mult_adds, self.ridge * work.bytes)
        shown = np.maximum(busy, work.lower_bounds / self.mult_add_s).sum()
        return float(self.inference_s + self.kernel_s * len(work.bytes) + self.mult_add_s * shown)


def fit_roofline(works: Sequence[Work], seconds: Array, shape: Shape) -> Roofline:
    """Least squares of relative errors, with no number below zero.

    Some network must have mult-adds.
    """
    best: tuple[float, Roofline] | None = None
    kernels = np.array([float(len(work.bytes)) for work in works])
    distinct = {id(work): work for work in works}  # measured several times, counted once
    for ridge in RIDGES if shape.bandwidth else RIDGES[:1]:
        busy_of = {
            key: np.maximum(work.mult_adds, ridge * work.bytes).sum()
            for key, work in distinct.items()
        }
        busy = np.array([busy_of[id(work)] for work in works])
        columns = [busy, np.ones(len(works)) * shape.inference, kernels * shape.kernel]
        loss, numbers = _not_negative(np.stack(columns, axis=1) / seconds[:, None])
        if best is None or loss < best[0]:
            best = loss, Roofline(numbers[0], float(ridge), numbers[1], numbers[2])
    assert best is not None
    return best[1]


def _not_negative(columns: Array) -> tuple[float, list[float]]:
    """Numbers >= 0, the first above, for which columns @ numbers is nearest to 1."""
    best: tuple[float, list[float]] | None = None
    others = [i for i in range(1, columns.shape[1]) if columns[:, i].any()]
    least = _LEAST_SHARE / columns[:, 0].max()
    for chosen in range(2 ** len(others)):
        used = [column for bit, column in enumerate(others) if chosen >> bit & 1]
        values = _nearest(columns[:, [0, *used]], np.ones(len(columns)))
        if values[0] < least:
            rest = _nearest(columns[:, used], 1 - least * columns[:, 0])
            values = np.concatenate([[least], rest])
        if (values < 0).any():
            continue
        loss = float(np.sum((columns[:, [0, *used]] @ values - 1) ** 2))
        if best is None or loss < best[0]:
            numbers = [0.0] * columns.shape[1]
            for column, value in zip([0, *used], values, strict=True):
                numbers[column] = float(value)
            best = loss, numbers
    assert best is not None, "a rate alone is above zero, since mult-adds and times are"
    return best


def _nearest(columns: Array, wanted: Array) -> Array:
    return np.asarray(np.linalg.lstsq(columns, wanted, rcond=None)[0], dtype=np.float64)


def held_out_errors(
    works: Sequence[Work], seconds: Array, families: Sequence[str], shape: Shape
) -> Array:
    """Logarithms of estimate over measured, each from all other families."""
    errors = np.zeros(len(works))
    for family in set(families):
        seen = [i for i, other in enumerate(families) if other != family]
        fitted = fit_roofline([works[i] for i in seen], seconds[seen], shape)
        for i, other in enumerate(families):
            if other == family:
                # Without mult-adds and constants nothing is predicted: as good as no time at all.
                errors[i] = np.log(max(fitted.seconds(works[i]) / seconds[i], _NOTHING))
    return errors


def choose_shape(
    works: Sequence[Work], seconds: Array, families: Sequence[str]
) -> tuple[Shape, Array]:
    """The shape with the fewest numbers that does about as well as any, and its held-out errors.

    With a single family, networks are left out one at a time.
    """
    groups = list(families) if len(set(families)) > 1 else [str(i) for i in range(len(works))]
    least = len(works) - max(groups.count(group) for group in set(groups))
    chosen: tuple[Shape, Array] | None = None
    for shape in SHAPES:
        if chosen is not None and least < _ROWS_PER_NUMBER * shape.numbers:
            continue
        errors = held_out_errors(works, seconds, groups, shape)
        if chosen is None or _mean(errors) < _mean(chosen[1]) * _GAIN ** (
            shape.numbers - chosen[0].numbers
        ):
            chosen = shape, errors
    assert chosen is not None
    return chosen


def _mean(errors: Array) -> float:
    return float(np.mean(np.abs(np.expm1(errors))))
