"""The numbers of all settings of a range, one array for each, evaluated by a sweep.

    numbers = range_numbers(range, metrics)
    numbers.values["params", ""]

Arrays are in the order of the settings, whatever a sweep leaves out, so two networks over the same
range are compared place by place. Needs NumPy. Not here: what is said of them (`baseline.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mnet_cost.budgets.network_ranges import (
    NetworkRange,
    StoredRange,
    key_of,
    numbers_compared,
    value_key,
)
from mnet_cost.metrics import Metric
from mnet_cost.models.types import Model
from mnet_cost.search.blocks import column_of
from mnet_cost.search.single import word_of
from mnet_cost.search.summary import Table
from mnet_cost.search.sweep import evaluate
from mnet_cost.search.sweep_request import plan_sweep
from mnet_cost.search.words import Words
from mnet_cost.torch_model.installed import require


class RangeNumbers(NamedTuple):
    """Numbers of the settings of a range."""

    values: Mapping[tuple[str, str], Any]
    """Name of the metric, name of the device or nothing -> float64, in the units of the program;
    NaN where it is not known."""
    is_there: Any
    """Whether each setting is a network; of a document, whether it has the setting."""
    broken: Mapping[str, int]
    """Cause -> settings that are no network."""


def range_numbers(range_: NetworkRange, metrics: Sequence[Metric]) -> RangeNumbers:
    """The numbers of each setting. Raises what `plan_sweep` raises."""
    require("numpy", extra="numpy")
    import numpy

    usable = [metric for metric in metrics if range_.devices or not metric.per_device]
    request = plan_sweep(
        [range_.spec.title], [Model(range_.spec, range_.fixed)], range_.axes, range_.devices,
        precisions=(range_.precision,), metrics=usable,
    )  # fmt: skip
    numbers = no_numbers(range_, metrics)
    broken: Counter[str] = Counter()
    for table in evaluate(request, broken=broken):
        places = _places(table, range_.axes)
        numbers.is_there[places] = True
        for metric, device in numbers_compared(usable, range_.devices):
            column = table.get(column_of(metric, device))
            if column is not None:
                column = numpy.asarray(column)
                if metric.file_factor != 1:
                    column = column / metric.file_factor
                numbers.values[key_of(metric, device)][places] = column
    return numbers._replace(broken=dict(broken))


def no_numbers(range_: NetworkRange, metrics: Sequence[Metric]) -> RangeNumbers:
    """Arrays in which nothing is known yet."""
    import numpy

    values = {
        key_of(metric, device): numpy.full(range_.points, numpy.nan)
        for metric, device in numbers_compared(metrics, range_.devices)
    }
    return RangeNumbers(values, numpy.zeros(range_.points, dtype=bool), {})


def take_stored(numbers: RangeNumbers, range_: NetworkRange, stored: StoredRange) -> None:
    """Put the numbers of a document where the range has the same settings.

    Both have the same axes.
    """
    import numpy

    if stored.numbers is None:
        return
    own, others = [], []
    for knob, choices in range_.axes.items():
        known = {value_key(value): place for place, value in enumerate(stored.axes[knob])}
        pairs = [(place, known[value_key(value)]) for place, value in enumerate(choices)
                 if value_key(value) in known]  # fmt: skip
        own.append([first for first, _ in pairs])
        others.append([other for _, other in pairs])
    shape = [len(choices) for choices in range_.axes.values()]
    stored_knobs = list(stored.axes)
    order = [stored_knobs.index(knob) for knob in range_.axes]
    stored_shape = [len(choices) for choices in stored.axes.values()]
    here, there = numpy.ix_(*own), numpy.ix_(*others)
    numbers.is_there.reshape(shape)[here] = True
    for key, array in numbers.values.items():
        if key in stored.numbers:
            column = numpy.array(stored.numbers[key], dtype=numpy.float64)  # None is NaN
            array.reshape(shape)[here] = column.reshape(stored_shape).transpose(order)[there]


def _places(table: Table, axes: Mapping[str, Sequence[Any]]) -> Any:
    """The number of the setting of each row of a table."""
    import numpy

    places: Any = 0
    for knob, choices in axes.items():
        column = table[knob]
        if isinstance(column, Words):
            cells, codes = list(column.words), column.codes
        else:
            unique, codes = numpy.unique(column, return_inverse=True)
            cells = unique.tolist()
        known = numpy.array([_place_of(cell, choices) for cell in cells], dtype=numpy.int64)
        places = places * len(choices) + known[codes]
    return places


def _place_of(cell: Any, choices: Sequence[Any]) -> int:
    """The place of the value that a cell stands for: words stand for flags and sides, too; -1 for
    a word that no row has."""
    same = (place for place, value in enumerate(choices) if value == cell or word_of(value) == cell)
    return next(same, -1)
