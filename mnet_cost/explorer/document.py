"""The data of a page, `mnet-cost/explore/1`: programs, outlines, controls and what is said of them.

`explorer/src/document.ts` says what each key holds.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import mnet_cost
from mnet_cost.analysis.explain import COUNTS, explain_step, words_for_count
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
from mnet_cost.explorer.outlines import Launches, outline_data, recorded_in
from mnet_cost.explorer.program import Program
from mnet_cost.explorer.recorded import LayerRow
from mnet_cost.explorer.structures import Recordings, Structure
from mnet_cost.models.types import Model, ModelSpec
from mnet_cost.network import Network, Step, elaborate
from mnet_cost.report.published import dataset_of, number
from mnet_cost.tensors import PRECISIONS

SCHEMA = "mnet-cost/explore/1"

_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
_COUNT_OF = {words_for_count(count): number for number, count in enumerate(COUNTS)}


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
    models = [_model_data(each, asked, precisions, left_out) for each in explored]
    return {
        "format": SCHEMA,
        "version": mnet_cost.__version__,
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
    explored: Explored, asked: Asked, precisions: Sequence[str], left_out: list[str]
) -> dict[str, Any]:
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
    left_out += _left_out(explored.title, recordings, network, len(precisions))
    forms = _Forms()
    program = Program(recordings.graph, recordings.inputs, _targets(recordings.structures))
    structures = [
        _structure_data(spec, structure, program, forms) for structure in recordings.structures
    ]
    return {
        "title": explored.title,
        "reference": shlex.quote(explored.reference),
        "source": spec.source,
        "path": spec.path,
        "knobs": [control_data(control) for control in controls],
        "program": program.data(),
        "structures": structures,
        "forms": forms.data(),
        "lines": _lines(spec, [structure.network for structure in recordings.structures]),
        "published": published,
        "notes": [_on_one_line(each) for each in (*spec.warnings, *network.warnings)],
    }


def _on_one_line(problem: Problem) -> str:
    return problem.message + (f" ({problem.hint})" if problem.hint else "")


def _left_out(title: str, recordings: Recordings, network: Network, asked: int) -> list[str]:
    """Sentences that say what the page does not know of a network."""
    sentences = []
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


class _Forms:
    """Formulas of layers, each form once."""

    def __init__(self) -> None:
        self._number_of: dict[tuple[Any, ...], int] = {}
        self.symbols: list[tuple[str, ...]] = []

    def number(self, formulas: Sequence[tuple[str, str]], names: Mapping[str, Any]) -> int:
        """The index of a form: what each formula is of, and its text in `names`."""
        key = tuple(formulas)
        found = self._number_of.get(key)
        if found is None:
            found = self._number_of[key] = len(self._number_of)
            words = dict.fromkeys(word for _, text in formulas for word in _WORD.findall(text))
            self.symbols.append(tuple([word for word in words if word in names]))
        return found

    def data(self) -> list[dict[str, Any]]:
        """All forms by their index."""
        return [
            {
                "symbols": list(symbols),
                "formulas": [{"what": what, "names": names} for what, names in formulas],
            }
            for formulas, symbols in zip(self._number_of, self.symbols, strict=True)
        ]


def _structure_data(
    spec: ModelSpec,
    structure: Structure,
    program: Program,
    forms: _Forms,
) -> dict[str, Any]:
    network = structure.network
    names = [step.name for step in network.steps]
    first = next(iter(structure.outlines.values()))
    plain = elaborate(
        spec,
        {
            name: value
            for name, value in structure.setting.items()
            if name in network.knobs or "." in name
        },
    )
    formulas = [
        _formulas(plain, step, row) for step, row in zip(plain.steps, first.layers, strict=True)
    ]
    form = [
        forms.number([(what, text) for what, text, _ in each], row.symbols)
        for each, row in zip(formulas, first.layers, strict=True)
    ]
    launches = Launches()
    producer = {
        tensor: number for number, step in enumerate(network.steps) for tensor in step.outputs
    }
    producer.update({tensor: -1 - number for number, tensor in enumerate(network.inputs)})
    at = {}
    for precision, outline in structure.outlines.items():
        at[precision] = {
            "guards": [
                2 * program.node_slot(node) + outcome
                for node, outcome in structure.guards[precision].items()
            ],
            **outline_data(
                outline,
                names,
                [forms.symbols[number] for number in form],
                [_values(each, row) for each, row in zip(formulas, outline.layers, strict=True)],
                launches,
                program.slot,
            ),
        }
    return {
        "fixed": dict(structure.fixed),
        "layers": {
            "name": names,
            "kind": [step.layer.kind for step in network.steps],
            "variety": [_variety(step) for step in plain.steps],
            "line": [_line(step, spec) for step in network.steps],
            "inputs": [[producer[tensor] for tensor in step.inputs] for step in network.steps],
            "form": form,
        },
        "calls": [
            {"path": call.path, "block": call.block, "copy": call.copy, "line": call.line}
            for call in network.calls.values()
        ],
        "inputs": [
            {
                "name": network.tensors[index].name,
                "shape": [program.slot(size) for size in network.tensors[index].type.shape],
            }
            for index in network.inputs
        ],
        "outputs": [producer[tensor] for tensor in network.outputs],
        "unmodelled": list(first.unmodelled),
        "launches": launches.data(),
        "at": at,
    }


def _formulas(network: Network, step: Step, row: LayerRow) -> list[tuple[str, str, int]]:
    """(what, formula in names, place of its value) of a layer: places of the output's sizes come
    first, then those of counts."""
    sizes = len(row.shape)
    return [
        (formula.what, formula.names, i if i < sizes else sizes + _COUNT_OF[formula.what])
        for i, formula in enumerate(explain_step(network, step))
    ]


def _values(formulas: Sequence[tuple[str, str, int]], row: LayerRow) -> list[Any]:
    numbers = (*row.shape, *row.work)
    return [numbers[place] for _, _, place in formulas]


def _variety(step: Step) -> str:
    """What decides the colour of a layer: kinds of work that take time in ways of their own."""
    layer = step.layer
    if layer.effort == "pooling":
        return "pooling"
    if layer.effort in ("linear", "matmul"):
        return "linear"
    if layer.kind.startswith("depthwise"):
        return "depthwise"
    if layer.effort == "convolution":
        return "1x1" if layer.variety().endswith("1x1") else "convolution"
    return "other"


def _line(step: Step, spec: ModelSpec) -> int:
    """The line of the spec that wrote a layer; 0 where it is in a file that the spec extends."""
    return step.line if step.node.source is spec.node.source else 0


def _lines(spec: ModelSpec, networks: Sequence[Network]) -> dict[str, str]:
    """The lines that layers and blocks are written on; line 0 is none."""
    numbers = {_line(step, spec) for network in networks for step in network.steps}
    numbers |= {call.line for network in networks for call in network.calls.values()}
    text = spec.node.source.lines()
    return {str(n): text[n - 1].rstrip() for n in sorted(numbers) if 0 < n <= len(text)}
