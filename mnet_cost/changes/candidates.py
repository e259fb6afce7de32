"""Changes that are tried for advice: knobs, precision, order, and the text of the spec.

Each makes the changed network when it is asked to, or none where the change does not do what was
meant. Not here: which of them are worth it (`advice.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fractions import Fraction
from functools import partial
from math import ceil, floor, log
from typing import Any, Literal, NamedTuple

from mnet_cost.analysis import Analysis, analyze_network
from mnet_cost.analysis.latency import basis_of
from mnet_cost.changes.sensitivity import tile_of
from mnet_cost.changes.spec_edits import (
    Edits,
    Token,
    all_of,
    edited_spec,
    kind_of,
    numbers_of,
)
from mnet_cost.errors import MnetCostError, UsageError
from mnet_cost.layers.base import both
from mnet_cost.models.published import published_at
from mnet_cost.models.types import Knob, ModelSpec
from mnet_cost.network import Network, Step, elaborate
from mnet_cost.network.groups import ChannelGroup, find_groups
from mnet_cost.search.usual_values import RESOLUTION, TASK

Kind = Literal["knob", "precision", "order", "activation", "kernel", "channels"]

_MOST_EACH = 40
"""Candidates of one kind of change of the text."""
_PIXELS = 32
_WIDTH = "alpha"
_STEP = 0.05
_CHEAP = {"hard_swish": "relu", "silu": "relu", "gelu": "relu"}
"""Activations that take a curve for each element, and one that only bounds them, which runtimes do
as they write a result."""
_QUANTIZED = "int8"


class Candidate(NamedTuple):
    kind: Kind
    subject: object
    """What changes: of several changes of it the best is taken."""
    change: str
    make: Callable[[], Analysis | None]
    """The changed network; None where the change does not do what was meant."""
    setting: str | None = None
    edits: Edits | None = None
    knobs: Mapping[str, Any] | None = None
    """Knobs with other values."""


def candidates_of(analysis: Analysis) -> Iterator[Candidate]:
    """What could be changed: settings first, then the text of the spec."""
    network = analysis.network
    yield from _knobs(analysis)
    estimate = analysis.devices[0]
    if analysis.precision != _QUANTIZED and basis_of(estimate.device, _QUANTIZED) is not None:
        yield Candidate(
            "precision",
            None,
            f"{_QUANTIZED} instead of {analysis.precision}",
            partial(_analyzed, analysis, network, precision=_QUANTIZED),
            f"--precision {_QUANTIZED}",
        )
    if analysis.schedule is None and any(len(step.inputs) > 1 for step in network.steps):
        yield Candidate(
            "order",
            None,
            "an order of layers with less memory",
            partial(_analyzed, analysis, network, best_order=True),
            "--schedule best",
        )
    yield from _activations(analysis)
    yield from _kernels(analysis)
    yield from _channels(analysis)


def _analyzed(
    analysis: Analysis, network: Network, *, precision: str | None = None, best_order: bool = False
) -> Analysis:
    """Another network as the first one was analyzed, on its first device alone."""
    return analyze_network(
        network,
        [analysis.devices[0].device],
        precision=precision or analysis.precision,
        convention=analysis.convention,
        schedule="best" if best_order or analysis.schedule is not None else "spec",
    )


def settings_of(network: Network) -> dict[str, Any]:
    """Values of knobs, and of choices those for which another option than the first is picked."""
    return {
        name: value
        for name, value in network.knobs.items()
        if name not in network.choices or value != network.choices[name][0]
    }


def _knobs(analysis: Analysis) -> Iterator[Candidate]:
    """Each knob a step down; together those that are published together, and none alone."""
    network = analysis.network
    now, settings = network.knobs, settings_of(network)

    def is_published(name: str, value: Any) -> bool:
        return bool(published_at(network.spec, {**settings, name: value}))

    lower = {
        name: value
        for name, knob in network.spec.knobs.items()
        if (value := step_down(knob, now[name], partial(is_published, name))) is not None
    }
    alone = [name for name, value in lower.items() if is_published(name, value)]
    together = _published_below(network, alone) if published_at(network.spec, settings) else {}
    if together:
        yield _knob_candidate(analysis, together)
    for name, value in lower.items():
        if name not in together:
            yield _knob_candidate(analysis, {name: value})


def _published_below(network: Network, alone: Collection[str]) -> dict[str, Any]:
    """The other values of two knobs or more in the published setting next below this one; nothing
    where there is none. None of the knobs is among `alone`."""
    below = []
    for row in network.spec.published:
        at = {
            name: row.setting.get(name, knob.default) for name, knob in network.spec.knobs.items()
        }
        other = {name: value for name, value in at.items() if value != network.knobs[name]}
        if not row.own or len(other) < 2 or not other.keys().isdisjoint({*alone, *TASK}):
            continue
        numbers = [(value, network.knobs[name]) for name, value in other.items()]
        if all(_is_number(a) and _is_number(b) and a < b for a, b in numbers):
            below.append((sum([log(a / b) for a, b in numbers if a > 0]), other))
    return max(below, key=lambda item: item[0])[1] if below else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _knob_candidate(analysis: Analysis, knobs: Mapping[str, Any]) -> Candidate:
    now = analysis.network.knobs
    changes = [f"{name} {_text(value)}" for name, value in knobs.items()]
    olds = [_text(now[name]) for name in knobs]
    options = [
        f"--{name} {_text(value)}"
        if name in (_WIDTH, RESOLUTION)
        else f"--set {name}={_text(value)}"
        for name, value in knobs.items()
    ]
    return Candidate(
        "knob",
        tuple(knobs),
        f"{', '.join(changes)} instead of {', '.join(olds)}",
        partial(_with_knobs, analysis, knobs),
        " ".join(options),
        knobs=knobs,
    )


def _text(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def step_down(knob: Knob, now: Any, is_published: Callable[[Any], bool]) -> float | int | None:
    """The value of a knob next below `now`.

    Of a resolution and of a multiplier it is the next published value, else the next usual one, in
    steps of 32 pixels and of 0.05. Another number may be no size (groups, a depth): it has to be
    published with all other knobs as they are. None where there is none.
    """
    if knob.name in TASK or not _is_number(now):
        return None
    published = [value for value in knob.published if _is_number(value) and value < now]
    is_multiplier = any(isinstance(value, float) for value in (knob.default, *knob.published))
    is_size = knob.name == RESOLUTION or is_multiplier
    for value in sorted(published, reverse=True):
        if is_size or is_published(value):
            return float(value) if is_multiplier else int(value)
    if knob.name == RESOLUTION:
        pixels = (ceil(now / _PIXELS) - 1) * _PIXELS
        return pixels if pixels > 0 else None
    if is_multiplier and (knob.published or knob.name == _WIDTH):
        below = round((ceil(round(now / _STEP, 6)) - 1) * _STEP, 6)
        return below if below > 0 else None
    return None


def _with_knobs(analysis: Analysis, knobs: Mapping[str, Any]) -> Analysis | None:
    network = analysis.network
    try:
        return _analyzed(analysis, elaborate(network.spec, {**network.knobs, **knobs}))
    except MnetCostError:
        return None


def _activations(analysis: Analysis) -> Iterator[Candidate]:
    """All activations of a kind, where each of them is a word of the spec."""
    network = analysis.network
    for kind, cheap in _CHEAP.items():
        numbers = [i for i, step in enumerate(network.steps) if step.layer.kind == kind]
        tokens = [kind_of(network, network.steps[i]) for i in numbers]
        known = [token for token in tokens if token is not None]
        if numbers and len(known) == len(tokens):
            edits = all_of(known, cheap)

            def is_meant(other: Network, meant: frozenset[int] = frozenset(numbers),
                         kind: str = cheap) -> bool:  # fmt: skip
                return _same_but(network, other, meant) and all(
                    other.steps[i].layer.kind == kind for i in meant
                )

            yield _edit(
                analysis,
                "activation",
                kind,
                f"{cheap} instead of {kind} in {_layers(network, numbers)}",
                edits,
                is_meant,
            )


def _kernels(analysis: Analysis) -> Iterator[Candidate]:
    """Kernels above 3 by 2 less: all layers whose kernel is the same number of the spec."""
    network = analysis.network
    layers_of: dict[tuple[Token, ...], list[int]] = {}
    for i, step in enumerate(network.steps):
        kernel = getattr(step.layer, "kernel", None)
        if step.layer.effort != "convolution" or kernel is None or max(both(kernel)) <= 3:
            continue
        largest = str(max(both(kernel)))
        tokens = tuple([t for t in numbers_of(network, step, "kernel") if t.text == largest])
        if tokens:
            layers_of.setdefault(tokens, []).append(i)
    for tokens, numbers in list(layers_of.items())[:_MOST_EACH]:
        size = int(tokens[0].text)
        edits = all_of(tokens, str(size - 2))
        padding = [
            other
            for i in numbers
            for other in numbers_of(network, network.steps[i], "padding")
            if int(other.text) == size // 2 and other not in tokens
        ]

        def is_meant(other: Network, meant: frozenset[int] = frozenset(numbers)) -> bool:
            return _same_but(network, other, meant) and all(
                a.type == b.type for a, b in zip(network.tensors, other.tensors, strict=True)
            )

        where = _layers(network, numbers)
        change = f"kernel {size - 2} instead of {size} in {where}"
        yield _edit(analysis, "kernel", tokens, change, edits, is_meant)
        if padding:  # perhaps a number that was written for the kernel, which goes with it
            edits = {**edits, **all_of(padding, str((size - 2) // 2))}
            yield _edit(analysis, "kernel", tokens, change, edits, is_meant)


def _channels(analysis: Analysis) -> Iterator[Candidate]:
    """Channels that do not fill a tile of the device, rounded down and up."""
    network, tile = analysis.network, tile_of(analysis.devices[0])
    if tile is None:
        return
    try:
        groups = find_groups(network).groups
    except UsageError:  # of so large a network nobody finds them
        return
    ragged = [group for group in groups if group.channels % tile and not group.is_output]
    for group in ragged[: _MOST_EACH // 2]:
        lead = network.steps[group.lead.step]
        field = str(lead.layer.width_field)
        tokens = numbers_of(network, lead, field)
        for wanted in (group.channels // tile * tile, -(-group.channels // tile) * tile):
            for token in tokens if wanted else ():
                exact = Fraction(int(token.text) * wanted, group.channels)
                for number in sorted({floor(exact), ceil(exact)} - {0, int(token.text)}):
                    yield _channel_candidate(analysis, group, token, number, wanted)


def _channel_candidate(
    analysis: Analysis, group: ChannelGroup, token: Token, number: int, wanted: int
) -> Candidate:
    """Another number of the spec, with which the group should have so many channels."""
    network = analysis.network
    lead = network.steps[group.lead.step]
    field = str(lead.layer.width_field)
    edits = {token: str(number)}
    for member in group.members:
        # Layers that are tied to it, where they state the same number.
        step = network.steps[member.step]
        for other in numbers_of(network, step, str(step.layer.width_field)):
            if other.text == token.text:
                edits[other] = str(number)

    def is_meant(other: Network) -> bool:
        return _same_kinds(network, other) and (
            getattr(other.steps[group.lead.step].layer, field) == wanted
        )

    change = f"channels {wanted} instead of {group.channels} in {lead.name}"
    return _edit(analysis, "channels", group.starts, change, edits, is_meant)


def _layers(network: Network, numbers: Iterable[int]) -> str:
    """Names of a few layers, or how many there are."""
    names = [network.steps[i].name for i in numbers]
    return ", ".join(names) if len(names) <= 2 else f"{len(names)} layers"


def _edit(
    analysis: Analysis,
    kind: Kind,
    subject: object,
    change: str,
    edits: Edits,
    is_meant: Callable[[Network], bool],
) -> Candidate:
    make = partial(_with_edits, analysis, edits, is_meant)
    return Candidate(kind, subject, change, make, edits=edits)


def _with_edits(
    analysis: Analysis, edits: Edits, is_meant: Callable[[Network], bool]
) -> Analysis | None:
    """The network of the edited spec; None where it is another one than was meant."""
    network = analysis.network
    try:
        spec: ModelSpec = edited_spec(network.spec, edits)
        changed = elaborate(spec, network.knobs)
    except MnetCostError:
        return None
    return _analyzed(analysis, changed) if is_meant(changed) else None


def _same_kinds(network: Network, other: Network) -> bool:
    """Whether both have the same kinds of layers, which read the same tensors."""
    return len(network.steps) == len(other.steps) and all(
        _wiring(a) == _wiring(b) for a, b in zip(network.steps, other.steps, strict=True)
    )


def _wiring(step: Step) -> tuple[object, ...]:
    return type(step.layer), step.inputs, step.outputs, step.shares


def _same_but(network: Network, other: Network, changed: frozenset[int]) -> bool:
    """Whether all layers are the same except for those of some numbers."""
    return len(network.steps) == len(other.steps) and all(
        a.inputs == b.inputs and (i in changed or a.layer == b.layer)
        for i, (a, b) in enumerate(zip(network.steps, other.steps, strict=True))
    )
