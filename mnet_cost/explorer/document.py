"""The data of a page, `mnet-cost/explore/1`: programs, outlines, controls and what is said of them.

`explorer/src/document.ts` says what each key holds.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
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
    settings_of,
)
from mnet_cost.explorer.outlines import KernelLayers, outline_data, recorded_in
from mnet_cost.explorer.packing import packed_bytes
from mnet_cost.explorer.program import Program
from mnet_cost.explorer.sharing import shared_lists
from mnet_cost.explorer.structures import Recordings, Structure
from mnet_cost.explorer.texts import Forms, folded_texts, layer_texts, line_of
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


def explore_document(explored: Sequence[Explored], asked: Asked) -> dict[str, Any]:
    """The data of a page about `explored`.

    Raises `SpecError` where a network cannot be, and `UsageError` for a precision or convention
    that is not there.
    """
    specs = [each.model.spec for each in explored]
    precisions = precisions_of(specs, asked.devices, asked.precision)
    left_out: list[str] = []
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
    recordings = Recordings(
        spec, controls, asked.devices, precisions, asked.convention, asked.lower_bound
    )
    names = {control.name for control in controls}
    rows = [
        {name: value for name, value in row["setting"].items() if name in names}
        for row in published
    ]
    recordings.walk(settings_of(controls, rows))
    recorded = _recorded_data(spec, recordings)
    while (count := len(recordings.structures)) > 1 and (size := packed_bytes(recorded)) > room:
        recordings.keep(min(count - 1, max(1, count * room // size)))
        recorded = _recorded_data(spec, recordings)
    left_out += _left_out(explored.title, recordings, network, len(precisions))
    return {
        "title": explored.title,
        "reference": shlex.quote(explored.reference),
        "source": spec.source,
        "path": spec.path,
        "knobs": [control_data(control) for control in controls],
        **recorded,
        "published": published,
        "notes": [_on_one_line(each) for each in (*spec.warnings, *network.warnings)],
    }


def _recorded_data(spec: ModelSpec, recordings: Recordings) -> dict[str, Any]:
    """What was recorded of a network, and the lines of the spec that it shows."""
    forms = Forms()
    program = Program(recordings.graph, recordings.inputs, _targets(recordings.structures))
    structures, shared = shared_lists(
        [_structure_data(spec, structure, program, forms) for structure in recordings.structures]
    )
    return {
        "program": program.data(),
        "structures": structures,
        "shared": shared,
        "forms": forms.data(),
        "lines": _lines(spec, [structure.network for structure in recordings.structures]),
    }


def _on_one_line(problem: Problem) -> str:
    return problem.message + (f" ({problem.hint})" if problem.hint else "")


def _left_out(title: str, recordings: Recordings, network: Network, asked: int) -> list[str]:
    """Sentences that say what the page does not know of a network."""
    sentences = []
    rows = recordings.structures[0].rows
    if rows is not None:
        sentences.append(
            f"{title}: its {len(network.steps):,} layers are shown as {len(rows):,} parts of "
            "blocks; `mnet-cost analyze --by layer` lists all of them"
        )
    if len(recordings.precisions) < asked:
        sentences.append(
            f"{title}: only {recordings.precisions[0]}, to keep the page small; `--precision` "
            "makes a page of another one"
        )
    if recordings.missing:
        sentences.append(
            f"{title}: settings far from the first one are left out, to keep the page small; "
            "where one is, the page says so"
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


def _targets(structures: Sequence[Structure]) -> set[int]:
    """The nodes that anything in the page is read off."""
    targets: set[int] = set()
    for structure in structures:
        for guards in structure.guards.values():
            targets.update(guards)
        for outline in structure.outlines.values():
            targets.update(recorded_in(outline))
        network = structure.network
        targets.update(recorded_in([network.tensors[index].type.shape for index in network.inputs]))
    return targets


def _structure_data(
    spec: ModelSpec, structure: Structure, program: Program, forms: Forms
) -> dict[str, Any]:
    network, rows = structure.network, structure.rows
    first = next(iter(structure.outlines.values()))
    if rows is None:
        plain = elaborate(spec, structure.knobs)
        texts = layer_texts(spec, network, plain, first.layers, forms)
    else:
        texts = folded_texts(spec, network, rows, forms)
    kernel_layers = KernelLayers()
    at = {}
    for precision, outline in structure.outlines.items():
        names = texts.layers["name"]
        at[precision] = {
            "guards": [
                2 * program.node_slot(node) + outcome
                for node, outcome in structure.guards[precision].items()
            ],
            **outline_data(
                outline, names, texts.symbols, texts.values(outline), kernel_layers, program.slot
            ),
        }
    return {
        "fixed": dict(structure.fixed),
        "layers": texts.layers,
        "calls": [
            {"path": call.path, "block": call.block, "copy": call.copy, "line": line_of(call, spec)}
            for call in (network.calls.values() if rows is None else ())
        ],
        "inputs": [
            {
                "name": network.tensors[index].name,
                "shape": [program.slot(size) for size in network.tensors[index].type.shape],
            }
            for index in network.inputs
        ],
        "outputs": texts.outputs,
        "unmodelled": list(first.unmodelled),
        "kernel_layers": kernel_layers.data(),
        "at": at,
    }


def _lines(spec: ModelSpec, networks: Sequence[Network]) -> dict[str, str]:
    """The lines that layers and blocks are written on; line 0 is none."""
    numbers = {line_of(step, spec) for network in networks for step in network.steps}
    numbers |= {line_of(call, spec) for network in networks for call in network.calls.values()}
    text = spec.node.source.lines()
    return {str(n): text[n - 1].rstrip() for n in sorted(numbers) if 0 < n <= len(text)}
