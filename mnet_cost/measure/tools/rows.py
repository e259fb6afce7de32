"""Outputs of tools as rows of measurements, which `calibrate` fits.

A log does not know a network as a spec does, so the user names it: `--model mobilenet_v1`, or
`--model net.tflite=mobilenet_v1` by the name in the log. A log that does not say its precision is
taken as fp32, and its batch as 1, as empty cells of a table are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress

from mnet_cost.errors import MeasurementError, Problem
from mnet_cost.measure.measurements import Measurement, Reading, chosen, name_length
from mnet_cost.measure.tools.base import ToolRun
from mnet_cost.measure.tools.reading import read_tool_runs, unknown

_STATISTICS = {
    "median": "the median", "mean": "the mean", "fastest": "the fastest", "stated": "the time",
}  # fmt: skip
_SHOWN = 8


class NamedNetworks:
    """Networks that the user names for logs: by the log's own name, or one after the other."""

    def __init__(self, models: Sequence[str]) -> None:
        self._by_name: dict[str, str] = {}
        self._in_order: list[str] = []
        self._unused: dict[str, None] = {}
        for model in models:
            name, reference = parted(model)
            if name:
                self._by_name[name] = reference
            else:
                self._in_order.append(reference)
            self._unused[model] = None
        self._models = {parted(model): model for model in models}

    def __bool__(self) -> bool:
        """Whether any is named: then a file that is no table has to be a log."""
        return bool(self._models)

    def of(self, runs: Sequence[ToolRun]) -> list[tuple[ToolRun, str]]:
        """The runs of a log that are named, each with its network.

        Raises `MeasurementError` where none is.
        """
        found = []
        for run in runs:
            for name in (run.network, os.path.basename(run.network.replace("\\", "/"))):
                if name and name in self._by_name:
                    found.append((run, self._by_name[name]))
                    self._unused.pop(self._models[name, self._by_name[name]], None)
                    break
        if not found and len(runs) == 1 and self._in_order:
            reference = self._in_order.pop(0)
            self._unused.pop(self._models["", reference], None)
            found = [(runs[0], reference)]
        if not found:
            names = [run.network for run in runs if run.network]
            shown = ", ".join(f"`{name}`" for name in names[:_SHOWN])
            hint = "`--model NAME` says it" if len(runs) == 1 else "`--model ITS_NAME=NAME` says it"
            if names:
                hint += f"; in the log {'it is' if len(names) == 1 else 'there are'} {shown}"
            message = f"which network did {runs[0].tool} run?"
            raise MeasurementError(Problem(message, runs[0].span, hint))
        return found

    def unused(self) -> list[Problem]:
        """What names no network of any log."""
        hint = "`--model` is for logs; a table names its networks"
        return [Problem(f"`--model {model}` is of no log", hint=hint) for model in self._unused]


def parted(model: str) -> tuple[str, str]:
    """(name in the log, reference): the knobs of a reference have an `=` as well, behind `@`."""
    name, equals, reference = model.partition("=")
    if equals and name and reference and "@" not in name:
        return name, reference
    return "", model


def read_log(
    path: str | os.PathLike[str], networks: NamedNetworks, where: Mapping[str, str]
) -> tuple[Reading, tuple[str, ...]] | None:
    """The rows of an output that have these values, and what is to be said of them; None for a
    table of measurements, and for what no tool wrote where no network is named.

    Raises `MeasurementError` for an output without a time, for one whose network is not named, and
    where networks are named for what no tool wrote.
    """
    runs = read_tool_runs(path, tables=False)
    if runs is None and networks:
        raise unknown(path)
    if not runs:
        return None
    rows: list[Measurement] = []
    others: list[Measurement] = []
    notes: list[str] = []
    for run, reference in networks.of(runs):
        row = _measurement(run, reference, os.path.basename(os.fsdecode(path)))
        asked: tuple[Measurement, ...] = ()
        with suppress(MeasurementError):
            asked = chosen((row,), where)
        (rows if asked else others).append(row)
        if asked:
            notes += _notes(run, reference)
    return Reading(tuple(rows), (), tuple(others), (), ()), tuple(notes)


def _measurement(run: ToolRun, reference: str, file: str) -> Measurement:
    if run.times is None:
        hint = "times of operators are for `mnet-cost validate`; a fit needs that of an inference"
        raise MeasurementError(Problem("there is no time of an inference here", run.span, hint))
    if run.overlapped:
        hint = "measure it again, one at a time"
        raise MeasurementError(
            Problem("several inferences ran at once: this is no latency", run.span, hint)
        )
    return Measurement(
        model=reference,
        latency_s=run.times.value_s,
        device="",
        processor="",
        runtime=run.runtime,
        precision=run.precision or "fp32",
        threads=run.threads,
        batch=run.batch or 1,
        family=reference[: name_length(reference)],
        run="",
        source=f"{run.tool}: {file}",
        energy_j=None,
        span=run.span,
        time_span=run.span,
        runtime_version=run.runtime_version,
    )


def _notes(run: ToolRun, reference: str) -> list[str]:
    assert run.times is not None
    runs = "" if run.times.runs is None else f" of {run.times.runs} runs"
    what = f"{_STATISTICS[run.times.statistic]}{runs}"
    said = [f"{reference}: {what}, {run.quantity}, by {run.tool}", *run.notes]
    if not run.precision:
        said.append(f"{reference}: the log says no precision: taken as fp32")
    return said
