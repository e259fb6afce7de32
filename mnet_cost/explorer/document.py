"""The data of a page, `mnet-cost/explore/1`: programs, outlines, controls and what is said of them.

`explorer/src/document.ts` says what each key holds.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from mnet_cost.analysis.times import fit_and_basis
from mnet_cost.analysis.work import DEFAULT, settle_precision
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import Problem
from mnet_cost.explorer.device_knobs import device_sliders
from mnet_cost.explorer.devices import device_data
from mnet_cost.explorer.knobs import (
    Control,
    control_data,
    controls_of,
    left_out_choices,
    without_unused,
)
from mnet_cost.explorer.packing import packed_bytes
from mnet_cost.explorer.settings import Likely
from mnet_cost.explorer.structures import Made, Recordings
from mnet_cost.explorer.written import Written
from mnet_cost.models.types import Model, ModelSpec
from mnet_cost.network import Network, elaborate
from mnet_cost.report.published import dataset_of, number
from mnet_cost.shipped import installed_version
from mnet_cost.tensors import PRECISIONS

SCHEMA = "mnet-cost/explore/1"
_MOST_BYTES = 240_000
"""Of what is recorded of all networks, as it stands in the page; the rest has some 60 kB."""


class Explored(NamedTuple):
    """A model, and how it was asked for."""

    title: str
    reference: str
    """What leads to it on a command line."""
    model: Model


class Asked(NamedTuple):
    """What is asked of all models of a page."""

    devices: tuple[DeviceProfile, ...] = ()
    references: tuple[str, ...] = ()
    """What leads to each device on a command line."""
    precision: str | None = None
    convention: str = "paper"
    lower_bound: bool = False
    """Whether sums are given although some layers have no cost rule."""
    arguments: tuple[str, ...] = ()
    """Of the command line, beside models and devices; quoted for a shell."""
    notes: tuple[str, ...] = ()
    """Sentences: what was asked for and is not in the page."""


def explore_document(explored: Sequence[Explored], asked: Asked) -> dict[str, Any]:
    """The data of a page about `explored`.

    Raises `SpecError` where a network cannot be, and `UsageError` for a precision or convention
    that is not there.
    """
    specs = [each.model.spec for each in explored]
    precisions = precisions_of(specs, asked.devices, asked.precision)
    left_out = list(asked.notes)
    room = _MOST_BYTES // max(1, len(explored))
    models = [_model_data(each, asked, precisions, left_out, room) for each in explored]
    return {
        "format": SCHEMA,
        "version": installed_version(),
        "arguments": list(asked.arguments),
        "models": models,
        "devices": [
            device_data(device, reference, precisions)
            for device, reference in zip(asked.devices, asked.references, strict=True)
        ],
        "precisions": [
            p for p in precisions if any(p in each["structures"][0]["at"] for each in models)
        ],
        "left_out": left_out,
    }


def precisions_of(
    specs: Sequence[ModelSpec], devices: Sequence[DeviceProfile], asked: str | None
) -> list[str]:
    """The default precision, then others at which some device has a time.

    A spec that states its precision has no other one; `UsageError` where another one is asked for.
    """
    first = [settle_precision(spec, asked).name for spec in specs]
    if any(spec.precision is not None for spec in specs):
        return list(dict.fromkeys(first))
    default = asked or DEFAULT
    known = [
        precision
        for precision in PRECISIONS
        if any(fit_and_basis(device, precision)[1] is not None for device in devices)
    ]
    return list(dict.fromkeys([default, *known]))


def _model_data(
    explored: Explored, asked: Asked, precisions: Sequence[str], left_out: list[str], room: int
) -> dict[str, Any]:
    """The data of a network: of the settings that were recorded, those that `room` is enough for,
    in bytes. The first one is always there."""
    model = explored.model
    spec, network = model.spec, elaborate(model.spec, model.knobs)
    controls: tuple[Control, ...] = controls_of(model, network)
    taken = [control.name for control in controls]
    controls += device_sliders(asked.devices, precisions, taken)
    published = _published_data(spec)
    recordings = Recordings(spec, controls, asked.devices, asked.convention, asked.lower_bound)
    names = {control.name for control in controls}
    rows = [
        {name: value for name, value in row["setting"].items() if name in names}
        for row in published
    ]
    written = _write_recordings(
        spec, recordings, Likely(controls, rows), precisions, len(asked.devices), room
    )
    left_out += _left_out(explored.title, recordings, network, precisions)
    return {
        "title": explored.title,
        "reference": shlex.quote(explored.reference),
        "source": spec.source,
        # Alone: whoever gets the page need not know where it was made.
        "file": PurePath(spec.path).name,
        "knobs": [
            control_data(control) for control in without_unused(controls, written.used_inputs())
        ],
        **written.data(),
        "published": published,
        "notes": [_on_one_line(each) for each in (*spec.warnings, *network.warnings)],
    }


class _Room:
    """How many bytes recordings take, packed: measured again when half of what was left may be
    taken, and between as nodes and rows took when it was measured."""

    def __init__(self, written: Written, most: int) -> None:
        self._written = written
        self._most = most
        self._measured = self._amount = 0

    def has_more(self, made: Made) -> bool:
        """Write a recording. Whether there is room for another one."""
        self._written.add(made)
        if self._amount:
            more = (len(self._written) - self._amount) * self._measured / self._amount
            if 2 * more < self._most - self._measured:
                return True
        self._measured, self._amount = packed_bytes(self._written.data()), len(self._written)
        return self._measured < self._most


def _write_recordings(
    spec: ModelSpec,
    recordings: Recordings,
    likely: Likely,
    precisions: Sequence[str],
    devices: int,
    room: int,
) -> Written:
    """What was recorded of a network, at most `room` bytes if the first recording takes no more."""
    written = Written(spec, recordings.graph, recordings.inputs, devices)
    has_more = _Room(written, room).has_more
    first, *others = precisions
    for precision in precisions:
        recordings.walk([likely.now], precision, has_more)
    for settings in (likely.singles, likely.pairs, likely.others):
        recordings.walk(settings(), first, has_more)
        for precision in others:
            structures = [structure.setting for structure in recordings.structures]
            recordings.walk([*structures, *settings()], precision, has_more)
    while (count := len(recordings.made)) > 1 and (size := packed_bytes(written.data())) > room:
        recordings.leave_out(max(1, count - count * room // size))
        written = Written(spec, recordings.graph, recordings.inputs, devices)
        for made in recordings.made:
            written.add(made)
    return written


def _on_one_line(problem: Problem) -> str:
    return problem.message + (f" ({problem.hint})" if problem.hint else "")


def _left_out(
    title: str, recordings: Recordings, network: Network, asked: Sequence[str]
) -> list[str]:
    """Sentences that say what the page does not know of a network."""
    sentences = []
    first = recordings.structures[0]
    if first.rows is not None:
        sentences.append(
            f"{title}: its {len(network.steps):,} layers are shown as {len(first.rows):,} parts of "
            "blocks; `mnet-cost analyze --by layer` lists all of them"
        )
    why = "since it takes long to work them out" if recordings.is_late else "to keep the page small"
    known = [precision for precision in asked if precision in first.outlines]
    if len(known) < len(asked):
        sentences.append(
            f"{title}: only {' and '.join(known)}, {why}; `--precision` makes a page of another one"
        )
    if recordings.missing:
        sentences.append(
            f"{title}: some settings far from the first one are left out, {why}; where one is, the "
            "page says so"
        )
    choices = left_out_choices(network)
    if choices:
        s = "" if choices == 1 else "s"
        sentences.append(f"{title}: {choices} more choice{s} can be made on the command line")
    return sentences


def _published_data(spec: ModelSpec) -> list[dict[str, Any]]:
    defaults = {name: knob.default for name, knob in spec.knobs.items()}
    return [
        {
            "source": row.source,
            "note": row.note,
            "setting": {**defaults, **row.setting},
            "figures": {name: number(name, figure) for name, figure in row.figures.items()},
            "dataset": dataset_of(row),
        }
        for row in spec.published
        if row.own and all(isinstance(value, (int, float, str)) for value in row.setting.values())
    ]
