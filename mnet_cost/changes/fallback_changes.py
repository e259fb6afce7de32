"""Changes of a spec that bring layers back to an accelerator: lines to write, each tried.

For all layers that fall back for the same reason, another kind of the same use, another word, or a
smaller number of a setting that the list limits, the nearest first. The text is edited, elaborated
and placed, and the change is offered where those layers run on the accelerator then and nothing
else differs. Not here: how accurate the changed network is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.analysis.placement import Placed, Placement
from mnet_cost.changes.settings import analyzed_on
from mnet_cost.changes.spec_edits import (
    EditedLine,
    Edits,
    Token,
    all_of,
    edited_lines,
    edited_spec,
    kind_of,
    numbers_of,
    words_of,
)
from mnet_cost.errors import MnetCostError
from mnet_cost.layers.base import both
from mnet_cost.layers.fields import Pair, Whole, Word, fields_of
from mnet_cost.network import Network, elaborate

_MOST_REASONS = 8
"""Reasons for which changes are looked for, those of most layers."""
_MOST_LAYERS = 60_000
"""Layers that are elaborated for one answer."""
_NEAREST: Mapping[str, tuple[str, ...]] = {
    "hard_swish": ("silu", "relu6", "relu"),
    "silu": ("hard_swish", "relu6", "relu"),
    "mish": ("silu", "hard_swish", "relu6", "relu"),
    "gelu": ("silu", "hard_swish", "relu6", "relu"),
    "gelu_tanh": ("gelu", "silu", "hard_swish", "relu6", "relu"),
    "hard_sigmoid": ("sigmoid",),
    "sigmoid": ("hard_sigmoid",),
    "leaky_relu": ("relu", "relu6"),
    "prelu": ("leaky_relu", "relu", "relu6"),
    "elu": ("leaky_relu", "relu", "relu6"),
    "selu": ("leaky_relu", "relu", "relu6"),
    "softplus": ("relu", "relu6"),
    "tanh": ("hard_tanh",),
    "layer_norm": ("rms_norm", "batch_norm"),
    "rms_norm": ("layer_norm", "batch_norm"),
    "group_norm": ("batch_norm",),
    "instance_norm": ("batch_norm",),
    "local_response_norm": ("batch_norm",),
}
"""Kinds that stand where another one does, the one most like it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnChange:
    """A change of the spec, and the network with it on the same device."""

    change: str
    lines: tuple[EditedLine, ...]
    edits: Edits
    analysis: Analysis
    returned: int
    """How many operators fewer run elsewhere, or are not known to run on the accelerator."""

    @property
    def estimate(self) -> DeviceEstimate:
        return self.analysis.devices[0]


class _Attempt(NamedTuple):
    change: str
    edits: Edits


def return_changes(analysis: Analysis, estimate: DeviceEstimate) -> tuple[ReturnChange, ...]:
    """Changes that bring layers back to the accelerator of one device of `analysis`, the most
    operators first, and behind them all of these together. None where none was found.

    Where a compiler cuts a network once, a change can bring nothing back by itself and much
    together with others; it is among them then.
    """
    placement, network = estimate.placement, analysis.network
    if placement is None or placement.other_precision is not None or network.spec.origins:
        return ()
    left = _MOST_LAYERS // len(network.steps)
    found: list[ReturnChange] = []
    beside: list[ReturnChange] = []  # nothing by themselves
    for members in _by_reason(placement)[:_MOST_REASONS]:
        for attempt in _attempts(network, members):
            if left <= 0:
                break
            left -= 1
            change = _tried(analysis, estimate, attempt, members)
            if change is not None:
                (found if change.returned else beside).append(change)
                break
    found.sort(key=lambda change: -change.returned)
    most = found[0].returned if found else 0
    for several in (found, [*found, *beside] if beside else []):
        if len(several) < 2 or left <= 0:
            continue
        left -= 1
        edits: Edits = {token: text for each in several for token, text in each.edits.items()}
        together = _tried(analysis, estimate, _Attempt("all of these", edits), ())
        if together is not None and together.returned > most:
            most, found = together.returned, [*several, together]
    return tuple(found)


def _by_reason(placement: Placement) -> list[list[tuple[int, Placed]]]:
    """Layers that fall back by themselves, with their numbers, by kind and reason; most first."""
    groups: dict[tuple[str, str], list[tuple[int, Placed]]] = {}
    for number, placed in enumerate(placement.layers):
        if placed.place == "processor" and placed.is_operator and not placed.after:
            key = placed.step.layer.kind, placed.reason
            groups.setdefault(key, []).append((number, placed))
    return sorted(groups.values(), key=lambda members: -len(members))


def _attempts(network: Network, members: Sequence[tuple[int, Placed]]) -> Iterator[_Attempt]:
    """Changes of the text in the entries of `members`, the nearest to what is there first."""
    steps = [placed.step for _, placed in members]
    where = steps[0].name if len(steps) == 1 else f"{len(steps)} layers"
    kind = getattr(steps[0].layer, "operation", None) or steps[0].layer.kind
    kinds = [kind_of(network, step) for step in steps]
    if None not in kinds:
        tokens = [token for token in kinds if token is not None]
        for other in _NEAREST.get(kind, ()):
            yield _Attempt(f"{other} instead of {kind} in {where}", all_of(tokens, other))
    for name, spec in fields_of(type(steps[0].layer)).items():
        if isinstance(spec.kind, Word):
            words = [words_of(network, step, name) for step in steps]
            for word in spec.kind.options:
                edits = {
                    token: word for token in chain.from_iterable(words)
                    if token.text in spec.kind.options and token.text != word
                }  # fmt: skip
                if edits:
                    yield _Attempt(f"{name} {word} in {where}", edits)
        elif isinstance(spec.kind, (Pair, Whole)) and name != steps[0].layer.width_field:
            yield from _smaller(network, members, name, where)


def _smaller(
    network: Network, members: Sequence[tuple[int, Placed]], name: str, where: str
) -> Iterator[_Attempt]:
    """A smaller number of one setting, the next one first; of kernels the odd ones, with the
    padding that was written for them."""
    values = {max(both(getattr(placed.step.layer, name) or 0)) for _, placed in members}
    largest = max(values)
    if type(largest) is not int or largest < 2 or largest > 64:
        return
    tokens: dict[Token, int] = {}
    padding: dict[Token, int] = {}
    for _, placed in members:
        value = max(both(getattr(placed.step.layer, name)))
        for token in numbers_of(network, placed.step, name):
            if int(token.text) == value:
                tokens[token] = value
        for token in numbers_of(network, placed.step, "padding"):
            if name == "kernel" and int(token.text) == value // 2:
                padding[token] = value
    step = 2 if name == "kernel" and largest % 2 else 1
    for number in range(largest - step, 0, -step):
        edits = {token: str(number) for token, value in tokens.items() if value > number}
        if edits:
            change = f"{name} {number} instead of {largest} in {where}"
            yield _Attempt(change, edits)
            if padding:
                beside = {token: str(number // 2) for token in padding if token not in edits}
                yield _Attempt(change, {**edits, **beside})


def _tried(
    analysis: Analysis,
    estimate: DeviceEstimate,
    attempt: _Attempt,
    members: Sequence[tuple[int, Placed]],
) -> ReturnChange | None:
    """The change with its network; None where it is another one than was meant, or `members` do not
    run then."""
    network = analysis.network
    try:
        changed = elaborate(edited_spec(network.spec, attempt.edits), network.knobs)
        if not _is_meant(network, changed):
            return None
        after = analyzed_on(analysis, changed, estimate.device)
    except MnetCostError:
        return None
    before, now = estimate.placement, after.devices[0].placement
    if before is None or now is None:
        return None
    if any(now.layers[number].place != "accelerator" and not now.layers[number].after
           for number, _ in members):  # fmt: skip
        return None
    returned = len(before.off) + len(before.unknown) - len(now.off) - len(now.unknown)
    if returned < 0:
        return None
    return ReturnChange(
        change=attempt.change,
        lines=edited_lines(network.spec, attempt.edits),
        edits=attempt.edits,
        analysis=after,
        returned=returned,
    )


def _is_meant(network: Network, other: Network) -> bool:
    """Whether only settings and kinds of layers differ, and no size of any tensor."""
    return len(network.steps) == len(other.steps) and all(
        a.inputs == b.inputs and network.tensors[a.output].type == other.tensors[b.output].type
        for a, b in zip(network.steps, other.steps, strict=True)
    )
