"""Changes that are tried for advice: those of settings (`settings.py`), and of the text of a spec.

Each makes the changed network when it is asked to, or none where the change does not do what was
meant. Not here: which of them are worth it (`advice.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from functools import partial
from math import ceil, floor

from mnet_cost.analysis import Analysis
from mnet_cost.changes.sensitivity import tile_of
from mnet_cost.changes.settings import (
    Candidate,
    Kind,
    analyzed,
    same_kinds,
    setting_candidates,
)
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
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import Network, elaborate
from mnet_cost.network.groups import ChannelGroup, find_groups

_MOST_EACH = 40
"""Candidates of one kind of change of the text."""
_CHEAP = {"hard_swish": "relu", "silu": "relu", "gelu": "relu"}
"""Activations that take a curve for each element, and one that only bounds them, which runtimes do
as they write a result."""
_KERNELS = {7: 5, 5: 3}
"""Kernels, and the smaller ones with which networks are built too."""


def candidates_of(analysis: Analysis) -> Iterator[Candidate]:
    """What could be changed: settings first, then the text of the spec."""
    yield from setting_candidates(analysis)
    yield from _activations(analysis)
    yield from _kernels(analysis)
    yield from _channels(analysis)


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
    """Smaller kernels: all layers whose kernel is the same number of the spec. None is smaller
    than a stride, which would leave pixels unread."""
    network = analysis.network
    layers_of: dict[tuple[Token, ...], list[int]] = {}
    for i, step in enumerate(network.steps):
        kernel = getattr(step.layer, "kernel", None)
        if step.layer.effort != "convolution" or kernel is None:
            continue
        smaller = _KERNELS.get(max(both(kernel)))
        if smaller is None or smaller < max(both(getattr(step.layer, "stride", 1))):
            continue
        largest = str(max(both(kernel)))
        tokens = tuple([t for t in numbers_of(network, step, "kernel") if t.text == largest])
        if tokens:
            layers_of.setdefault(tokens, []).append(i)
    for tokens, numbers in list(layers_of.items())[:_MOST_EACH]:
        size = int(tokens[0].text)
        smaller = _KERNELS[size]
        edits = all_of(tokens, str(smaller))
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
        change = f"kernel {smaller} instead of {size} in {where}"
        yield _edit(analysis, "kernel", tokens, change, edits, is_meant)
        if padding:  # perhaps a number that was written for the kernel, which goes with it
            edits = {**edits, **all_of(padding, str(smaller // 2))}
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
        return same_kinds(network, other) and (
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
    return analyzed(analysis, changed) if is_meant(changed) else None


def _same_but(network: Network, other: Network, changed: frozenset[int]) -> bool:
    """Whether all layers are the same except for those of some numbers."""
    return len(network.steps) == len(other.steps) and all(
        a.inputs == b.inputs and (i in changed or a.layer == b.layer)
        for i, (a, b) in enumerate(zip(network.steps, other.steps, strict=True))
    )
