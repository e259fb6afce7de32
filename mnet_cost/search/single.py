"""A sweep by one analysis at a time: for small grids, and for what arrays cannot evaluate.

It is also what the evaluation of whole grids (`grids.py`) is tested against. A point takes
milliseconds, and memory is that of one block. Not here: ranges, fronts, files.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any

from mnet_cost.analysis.costs import network_costs
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import MnetCostError
from mnet_cost.metrics import named
from mnet_cost.models.types import Model
from mnet_cost.network import elaborate
from mnet_cost.search.blocks import BLOCK_POINTS, COSTS, Block, cost_columns, cost_values
from mnet_cost.search.words import Words

_LARGEST_COUNT = 2**53


def single_blocks(
    model: Model,
    axes: Mapping[str, Sequence[Any]],
    devices: Sequence[DeviceProfile],
    precisions: Sequence[str],
    *,
    convention: str = "paper",
    metrics: Sequence[str] | None = None,
    lower_bound: bool = False,
    block_points: int = BLOCK_POINTS,
) -> Iterator[Block]:
    """Blocks of all combinations of the values of `axes`, the last axis fastest.

    Blocks call the model by its title. `metrics` are names of costs, all where it is None.
    `lower_bound` gives sums although some layers have no cost rule. A point breaks where an
    analysis raises `MnetCostError`; its cause is the first line of that.
    """
    wanted = COSTS if metrics is None else named(metrics)
    columns = cost_columns(wanted, devices)
    combinations = product(*axes.values())
    while settings := list(islice(combinations, max(1, block_points // len(precisions)))):
        held: dict[str, list[tuple[Any, ...]]] = {precision: [] for precision in precisions}
        values: dict[str, list[list[Any]]] = {precision: [] for precision in precisions}
        broken: dict[str, Counter[str]] = {precision: Counter() for precision in precisions}
        for setting in settings:
            knobs = {**model.knobs, **dict(zip(axes, setting, strict=True))}
            try:
                network = elaborate(model.spec, knobs)
            except MnetCostError as error:
                for precision in precisions:
                    broken[precision][_cause(error)] += 1
            else:
                for precision in precisions:
                    try:
                        costs = network_costs(network, devices, precision, convention)
                        row = cost_values(wanted, costs, lower_bound)
                        _refuse_inexact(columns, row)
                    except MnetCostError as error:
                        broken[precision][_cause(error)] += 1
                    else:
                        held[precision].append(setting)
                        values[precision].append(row)
        for precision in precisions:
            yield Block(
                model.spec.title,
                precision,
                _knob_columns(axes, held[precision]),
                _metric_columns(columns, values[precision]),
                broken[precision],
            )


def _cause(error: MnetCostError) -> str:
    """The first line of what is wrong, without its place: the place is the same for many points."""
    return error.problems[0].message.partition("\n")[0]


def _refuse_inexact(columns: Sequence[str], row: Sequence[Any]) -> None:
    """`MnetCostError` for a count that a double does not hold exactly."""
    for column, value in zip(columns, row, strict=True):
        if isinstance(value, int) and value > _LARGEST_COUNT:
            raise MnetCostError(f"`{column}` is above 2^53, beyond which counts are not exact")


def _knob_columns(
    axes: Mapping[str, Sequence[Any]], settings: Sequence[tuple[Any, ...]]
) -> dict[str, Any]:
    listed = zip(*settings, strict=True) if settings else ((),) * len(axes)
    return {knob: knob_array(values, axes[knob]) for knob, values in zip(axes, listed, strict=True)}


def knob_array(values: Sequence[Any], axis: Sequence[Any]) -> Any:
    """`values` as a column: of the type that all values of the axis can have."""
    import numpy

    kind = knob_type(axis)
    if kind == "str":
        return Words.of(map(word_of, values), [word_of(value) for value in axis])
    return numpy.array(values, dtype=kind)


def knob_type(axis: Sequence[Any]) -> str:
    """`bool`, `int64`, `float64`, or `str` where values are words, sides, or of several kinds."""
    if all(isinstance(value, bool) for value in axis):
        return "bool"
    if any(isinstance(value, (bool, str, tuple, list)) for value in axis):
        return "str"
    return "int64" if all(isinstance(value, int) for value in axis) else "float64"


def word_of(value: Any) -> str:
    """A value of a column of words: flags as they are typed, sides as `480x640`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (tuple, list)):
        return "x".join(map(str, value))
    return str(value)


def _metric_columns(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
    import numpy

    table = numpy.array(
        [[math.nan if value is None else float(value) for value in row] for row in rows],
        dtype=numpy.float64,
    ).reshape(len(rows), len(columns))
    return {column: table[:, i].copy() for i, column in enumerate(columns)}
