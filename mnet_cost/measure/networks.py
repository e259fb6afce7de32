"""The networks that were measured, as kernels under a runtime's rules.

Each file is compiled once and each setting elaborated once, however many devices it was measured
on. A network that is not there, or does not fit, is a problem of the row that names it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from mnet_cost.analysis.kernels import Kernel, form_kernels
from mnet_cost.analysis.work import count_work
from mnet_cost.errors import (
    MAX_PROBLEMS,
    MeasurementError,
    MnetCostError,
    Problem,
)
from mnet_cost.measure.drift import joined_rounds
from mnet_cost.measure.measurements import (
    Measurement,
    Reading,
    check_columns,
    chosen,
    raise_if_any,
    read_cells,
)
from mnet_cost.measure.tools.rows import NamedNetworks, read_log
from mnet_cost.models.library import load_model, split_reference
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import elaborate
from mnet_cost.tensors import DTYPES

Kernels = tuple[Kernel, ...]


class Networks:
    """Kernels of measured networks by reference, made when asked for and kept."""

    def __init__(self) -> None:
        self._specs: dict[tuple[str, str | None], ModelSpec] = {}
        self._kernels: dict[tuple[object, ...], Kernels] = {}

    def kernels(self, measurement: Measurement, rules: frozenset[str]) -> Kernels:
        """Kernels of a measured network at its batch and precision.

        Raises `MnetCostError` for a network that is not there or has a layer without a cost rule.
        """
        return self.kernels_at(measurement.model, measurement.batch, measurement.precision, rules)

    def kernels_at(self, model: str, batch: int, precision: str, rules: frozenset[str]) -> Kernels:
        """The same of the network that the reference `model` names."""
        key = (model, batch, precision, rules)
        kernels = self._kernels.get(key)
        if kernels is None:
            kernels = self._kernels[key] = self._form(model, batch, precision, rules)
        return kernels

    def _form(self, model: str, batch: int, precision: str, rules: frozenset[str]) -> Kernels:
        name, variant, knobs = split_reference(model)
        spec = self._specs.get((name, variant))
        if spec is None:
            reference = name if variant is None else f"{name}:{variant}"
            loaded = load_model(reference)
            if loaded.knobs:
                raise MeasurementError(f"`{model}` sets knobs twice")
            spec = self._specs[name, variant] = loaded.spec
        if "batch" in knobs:
            hint = "the column `batch` is for that"
            raise MeasurementError(Problem(f"`{model}` sets the batch", hint=hint))
        network = elaborate(spec, {**knobs, "batch": batch})
        dtype = DTYPES[precision]
        costs = count_work(network, dtype)
        unknown = [cost.step.name for cost in costs if cost.work is None]
        if unknown:
            hint = "leave out what was measured of this network"
            message = f"the cost of `{unknown[0]}` in `{model}` is unknown"
            raise MeasurementError(Problem(message, hint=hint))
        kernels = form_kernels(network, costs, dtype, rules)
        if not kernels:
            hint = "nothing of it takes time: leave out what was measured of this network"
            raise MeasurementError(Problem(f"`{model}` has no kernels", hint=hint))
        return kernels


def kernels_of(
    measurements: Sequence[Measurement], rules: frozenset[str], networks: Networks | None = None
) -> list[Kernels]:
    """Kernels of each measured network; `MeasurementError` with all that cannot be had."""
    kernels, problems = _look_up(measurements, rules, networks or Networks())
    raise_if_any(problem for _, problem in problems)
    return kernels


def _look_up(
    measurements: Iterable[Measurement], rules: frozenset[str], networks: Networks
) -> tuple[list[Kernels], list[tuple[Measurement, Problem]]]:
    """Kernels of the networks that can be built; problems of the others, each network once."""
    kernels: list[Kernels] = []
    problems: list[tuple[Measurement, Problem]] = []
    seen: set[str] = set()
    for measurement in measurements:
        if measurement.model in seen:
            continue
        try:
            kernels.append(networks.kernels(measurement, rules))
        except MnetCostError as error:
            seen.add(measurement.model)
            problems += [(measurement, problem) for problem in _at_row(measurement, error.problems)]
        if len(problems) > MAX_PROBLEMS:
            break
    return kernels, problems


class Rows(NamedTuple):
    """The rows of some files that were asked for."""

    measurements: tuple[Measurement, ...]
    unread: tuple[str, ...]
    """Columns of the files of which nothing is taken."""
    notes: tuple[str, ...] = ()
    """What is to be said of times that other tools measured."""


def read_rows(
    paths: Sequence[str | os.PathLike[str]], where: Mapping[str, str], models: Sequence[str] = ()
) -> Rows:
    """The rows of files that have these values; `MeasurementError` with all that is wrong.

    A file is a table or the output of a tool, whose networks `models` names (`tools/rows.py`).
    Rounds of one measurement are one row. Other rows are not judged. Where cells are wrong,
    networks that are not there are told beside them, in the order of rows.
    """
    check_columns(where)
    readings: list[Reading] = []
    problems: list[Problem] = []
    notes: list[str] = []
    named = NamedNetworks(models)
    for path in paths:
        try:
            log = read_log(path, named, where)
            readings.append(read_cells(path, where) if log is None else log[0])
            notes += () if log is None else log[1]
        except MeasurementError as error:
            problems += error.problems
    if not problems:
        problems = named.unused()
    if problems or any(reading.problems for reading in readings):
        networks = Networks()
        raise_if_any((*problems, *(bad for reading in readings for bad in _all(reading, networks))))
    rows = tuple(row for reading in readings for row in joined_rounds(reading.rows, reading.others))
    if not rows:  # which of the values none has, and which there are
        chosen(tuple(row for reading in readings for row in reading.others), where)
    unread = dict.fromkeys(name for reading in readings for name in reading.unread)
    return Rows(rows, tuple(unread), tuple(dict.fromkeys(notes)))


def _all(reading: Reading, networks: Networks) -> list[Problem]:
    """The problems of cells and networks of a file, in the order of its rows."""
    asked = (*reading.rows, *reading.unfit)
    placed = [(problem.span, problem) for problem in reading.problems]
    placed += [(row.span, problem) for row, problem in _look_up(asked, frozenset(), networks)[1]]
    placed.sort(key=lambda pair: (pair[0].line, pair[0].column) if pair[0] else (math.inf, 0))
    return [problem for _, problem in placed]


def _at_row(measurement: Measurement, problems: Iterable[Problem]) -> list[Problem]:
    """Problems of a network, shown at the row that names it unless they have a place in a spec."""
    hint = "a path is seen from the folder of the file that names it"
    return [
        problem._replace(trail=(*problem.trail, f"measured in {measurement.span}"))
        if problem.span
        else problem._replace(
            span=measurement.span,
            hint=problem.hint or (hint if "cannot be read" in problem.message else None),
        )
        for problem in problems
    ]
