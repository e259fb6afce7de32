"""Channel groups: which layers have to change together where a layer gets wider or narrower.

The shape rules run once on numbers that know how they change with each width (`varying.py`). What
they check becomes demands on these changes: a sum of equal shapes, heads that divide. A group is
the smallest change of a layer that meets all demands, with the changes of other layers that it
takes. Structure and all other fields stay. Not here: what a change costs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from mnet_cost.errors import Problem, UsageError
from mnet_cost.layers import Layer
from mnet_cost.network.inference import Types, infer_outputs
from mnet_cost.network.parts import is_within
from mnet_cost.network.rebuild import MisfitError, changed_layer, with_layers
from mnet_cost.network.types import Network, Step
from mnet_cost.network.varying import Condition, Demand, Varying, parts_of, varying
from mnet_cost.tensors import MAX_SIZE, RuleViolation, TensorType, require

_MOST_PARTS = 2_000_000
"""Sizes with the widths that they depend on: of a network in which all depend on all, there are
more than anybody waits for."""
_MOST_STEPS = 2_000_000
"""Demands that are looked at for all layers together."""
_MOST_ADDED = 1000
"""The most that one layer changes to make up for what another one leaves of a divisor."""
_MOST_MULTIPLES = 24
"""How often the change of a layer is multiplied before it counts as impossible."""


class Member(NamedTuple):
    """A layer of a group."""

    step: int
    """Index into `Network.steps`."""
    channels: int
    """How many channels or features it makes."""
    change: int
    """How many more it makes where the group grows by its step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelGroup:
    """Layers that change together."""

    members: tuple[Member, ...]
    """In the order of the network."""
    starts: tuple[int, ...]
    """Indices of the layers whose smallest change this is: the first one names the group. Other
    members change with it, and have a smaller change of their own."""
    is_output: bool
    """Whether an output of the network changes with it."""
    fields: Mapping[int, Mapping[str, Any]]
    """By step the fields that change, as varying numbers or tuples of them."""
    changes: Mapping[int, int]
    """By width, in one step of the group."""

    def __repr__(self) -> str:
        tied = f", {len(self.members)} layers" if len(self.members) > 1 else ""
        return f"<ChannelGroup of {self.channels} channels in steps of {self.step}{tied}>"

    @property
    def lead(self) -> Member:
        """The member that names the group."""
        return next(member for member in self.members if member.step == self.starts[0])

    @property
    def channels(self) -> int:
        return self.lead.channels

    @property
    def step(self) -> int:
        """The smallest change of the lead."""
        return self.lead.change

    def layers(self, network: Network, steps: int) -> dict[int, Layer]:
        """The layers that differ where the group is wider by so many steps, or narrower by a
        negative number of them; `RuleViolation` where a field cannot have its value."""
        return {
            index: changed_layer(
                network.steps[index].layer,
                {name: self._moved(value, steps) for name, value in fields.items()},
            )
            for index, fields in self.fields.items()
        }

    def _moved(self, value: Any, steps: int) -> Any:
        if isinstance(value, tuple):
            return tuple([self._moved(item, steps) for item in value])
        change = _total(parts_of(value), self.changes) * steps
        return int(value) + int(change) if change else int(value)


class FixedLayer(NamedTuple):
    """A layer whose width cannot change while all other fields stay, and why."""

    step: int
    reason: str


class Groups(NamedTuple):
    """All channel groups of a network, by their first layer, and layers that are in none."""

    groups: tuple[ChannelGroup, ...]
    fixed: tuple[FixedLayer, ...]


def find_groups(network: Network, within: str | None = None) -> Groups:
    """The channel groups of a network; of one layer or block, `within`, those that start there.

    Raises `UsageError` where more layers hang together than can be looked at.
    """
    trace = _Trace(network)
    groups: dict[frozenset[tuple[int, int]], list[int]] = {}
    fixed: list[FixedLayer] = []
    for number, width in enumerate(trace.widths):
        if width.is_start and is_within(network.steps[width.step].name, within):
            changes, fits = trace.smallest_change(number)
            if not fits:
                group = trace.group(changes, (width.step,))
                fixed.append(FixedLayer(width.step, _misfit(network, group)))
            else:
                groups.setdefault(frozenset(changes.items()), []).append(width.step)
    return Groups(
        tuple([trace.group(dict(changes), tuple(starts)) for changes, starts in groups.items()]),
        tuple(fixed),
    )


def _misfit(network: Network, group: ChannelGroup) -> str:
    """What a rule says of the network with that group a step wider."""
    try:
        with_layers(network, group.layers(network, 1))
    except (MisfitError, RuleViolation) as refusal:
        return str(refusal)
    return "no change of other layers makes it fit"


class _Width(NamedTuple):
    """A field, or a size in the list of one, that can change."""

    step: int
    is_start: bool
    """Whether it is a width of a layer. Other sizes only follow."""


class _Placed(NamedTuple):
    """A demand, and the layer that makes it."""

    step: int
    demand: Demand


class _Trace:
    """One run of all shape rules on numbers that know how they change."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.widths: list[_Width] = []
        self.demands: list[_Placed] = []
        self._demands_of: dict[int, list[int]] = {}
        """Numbers of demands by width."""
        self._layers: dict[int, Layer] = {}
        """Layers with varying fields, by step."""
        self._types: list[TensorType] = [tensor.type for tensor in network.tensors]
        self._varied: set[int] = set()
        self._parts = 0
        self._looked_at = 0
        for index, step in enumerate(network.steps):
            self._run(index, step)
        for number, placed in enumerate(self.demands):
            for width in placed.demand.parts:
                self._demands_of.setdefault(width, []).append(number)
        self._layers_of: dict[int, list[int]] = {}
        """Steps whose fields vary, by width."""
        for index, layer in self._layers.items():
            for width in _widths_of(layer):
                self._layers_of.setdefault(width, []).append(index)

    def _run(self, index: int, step: Step) -> None:
        layer, inputs = step.layer, tuple([self._types[tensor] for tensor in step.inputs])
        if step.shares is not None:
            layer = self._layers.get(step.shares, layer)
            self._share(index, step, inputs)
        else:
            if not self._varied.isdisjoint(step.inputs):
                before = tuple([self.network.tensors[tensor].type for tensor in step.inputs])
                layer = layer.following(before, inputs)
            if layer is step.layer:
                layer = self._with_widths(index, layer)
        if step.tied_to is not None:
            self._tie(index, step.tied_to, layer, inputs)
        if layer is not step.layer:
            self._layers[index] = layer
        elif self._varied.isdisjoint(step.inputs):
            return
        outputs = infer_outputs(layer, inputs, _Check(index, self.demands))
        for tensor, output in zip(step.outputs, outputs, strict=True):
            self._types[tensor] = output
            for size in output.shape:
                parts = parts_of(size)
                self._parts += len(parts)
                if parts:
                    self._varied.add(tensor)
                if any(isinstance(part, Fraction) and part.denominator > 1
                       for part in parts.values()):  # fmt: skip
                    self.demands.append(_Placed(index, Demand("multiple", parts)))
        if self._parts > _MOST_PARTS:
            raise self._too_much(index, None)

    def _with_widths(self, index: int, layer: Layer) -> Layer:
        """The layer with fields that vary: its own width, and sizes that can follow."""
        fields: dict[str, Any] = {}
        if layer.width_field is not None and getattr(layer, layer.width_field) is not None:
            fields[layer.width_field] = self._vary(index, getattr(layer, layer.width_field), True)
        if layer.sizes_field is not None:
            sizes = getattr(layer, layer.sizes_field) or ()
            if sizes and min(sizes) > 0:  # else one of them is what remains: it takes changes up
                fields[layer.sizes_field] = tuple(
                    [self._vary(index, size, False) if size > 1 else size for size in sizes]
                )
        return replace(layer, **fields) if fields else layer

    def _vary(self, index: int, value: int, is_start: bool) -> Any:
        self.widths.append(_Width(index, is_start))
        return varying(value, {len(self.widths) - 1: 1})

    def _share(self, index: int, step: Step, inputs: Types) -> None:
        """Weights that are used again need inputs of the same sizes."""
        assert step.shares is not None
        root = self.network.steps[step.shares]
        first = tuple([self._types[tensor] for tensor in root.inputs])
        mine, theirs = step.layer.needs(inputs), root.layer.needs(first)
        check = _Check(index, self.demands)
        for a, b in _leaves(mine, theirs):
            check(a == b, "needs inputs of equal sizes")

    def _tie(self, index: int, owner: int, layer: Layer, inputs: Types) -> None:
        """A kernel that is the matrix of another layer has as many rows and columns."""
        root = self.network.steps[owner]
        first = tuple([self._types[tensor] for tensor in root.inputs])
        theirs = self._layers.get(owner, root.layer).matrix(first)
        check = _Check(index, self.demands)
        for a, b in _leaves(layer.matrix(inputs), theirs):
            check(a == b, "needs a matrix of equal sizes")

    def smallest_change(self, start: int) -> tuple[dict[int, int], bool]:
        """Changes by width, the smallest in which that of `start` is above 0, and whether they meet
        all demands: else there is none.

        Where a demand fails, a layer that makes another operand changes, too: one in the same block
        if there is one, one that can meet the demand with this change of `start`, the nearest.
        Where only multiples are accepted and no later layer makes up for the rest, the change of
        `start` is multiplied.
        """
        scale = 1
        for _ in range(_MOST_MULTIPLES):
            changes, factor = self._spread(start, scale)
            if factor == 1:
                return changes, True
            scale *= factor
            if not 0 < scale <= MAX_SIZE:
                break
        return changes, False

    def _spread(self, start: int, scale: int) -> tuple[dict[int, int], int]:
        """Changes where `start` changes by `scale`, and by how much that has to be multiplied at
        least: 1 where they meet all demands, 0 where no multiple does."""
        changes = {start: scale}
        waiting = list(self._demands_of.get(start, ()))
        heapify(waiting)
        while waiting:
            placed = self.demands[heappop(waiting)]
            self._looked_at += 1
            if self._looked_at > _MOST_STEPS:
                raise self._too_much(placed.step, "name a layer or a block to look at")
            demand = placed.demand
            rest = _total(demand.parts, changes)
            makers = [item for item in demand.parts.items() if item[0] not in changes]
            if demand.kind == "equal":
                if rest == 0:
                    continue
                answers = {
                    width: Fraction(-rest) / Fraction(part)
                    for width, part in makers
                    if part * rest < 0
                }
                if not answers:
                    return changes, 0
                width = self._nearest(start, answers)
                if answers[width].denominator > 1:
                    return changes, answers[width].denominator
                changes[width] = int(answers[width])
            else:
                if rest % demand.divisor == 0:
                    continue
                added = {
                    width: added
                    for width, part in makers
                    if width > start and (added := _made_up(rest, demand.divisor, part))
                }
                if not added:
                    return changes, Fraction(rest, demand.divisor).denominator
                width = self._nearest(start, added)
                changes[width] = int(added[width])
            for number in self._demands_of.get(width, ()):
                heappush(waiting, number)
        return changes, 1

    def _nearest(self, start: int, answers: Mapping[int, Fraction]) -> int:
        """Which of some widths changes with `start`: one in the same block, one whose change is
        whole, the nearest in the order of the network, the earlier one of two."""
        steps = self.network.steps
        block = steps[self.widths[start].step].block_path
        return min(
            answers,
            key=lambda width: (
                steps[self.widths[width].step].block_path != block,
                answers[width].denominator,
                abs(width - start),
                width,
            ),
        )

    def _too_much(self, step: int, hint: str | None) -> UsageError:
        message = (
            f"widths of {self.network.spec.title} depend on too many others at "
            f"`{self.network.steps[step].name}`"
        )
        return UsageError(Problem(message, hint=hint))

    def group(self, changes: Mapping[int, int], starts: tuple[int, ...]) -> ChannelGroup:
        """The group of these changes by width."""
        network = self.network
        starting = [number for number in sorted(changes) if self.widths[number].is_start]
        members = []
        for number in starting:
            step = self.widths[number].step
            layer = network.steps[step].layer
            members.append(Member(step, getattr(layer, str(layer.width_field)), changes[number]))
        moved = sorted({index for number in changes for index in self._layers_of.get(number, ())})
        fields = {index: dict(_moving(self._layers[index], changes)) for index in moved}
        sizes = [size for tensor in network.outputs for size in self._types[tensor].shape]
        return ChannelGroup(
            members=tuple(members),
            starts=starts,
            is_output=any(_total(parts_of(size), changes) for size in sizes),
            fields={index: moving for index, moving in fields.items() if moving},
            changes=changes,
        )


class _Check:
    """The `Check` that takes down what a layer demands."""

    def __init__(self, step: int, demands: list[_Placed]) -> None:
        self._step = step
        self._demands = demands

    def __call__(self, condition: Any, message: str, *values: Any) -> None:
        require(condition, message, *values)
        if isinstance(condition, Condition):
            self._demands += [_Placed(self._step, d) for d in condition.demands if d.parts]


def _widths_of(layer: Layer) -> set[int]:
    """Widths that fields of a layer vary with."""
    widths: set[int] = set()
    for name in layer.__dataclass_fields__:
        value = getattr(layer, name)
        for number in value if isinstance(value, tuple) else (value,):
            widths.update(parts_of(number))
    return widths


def _moving(layer: Layer, changes: Mapping[int, int]) -> Iterator[tuple[str, Any]]:
    """Fields of a layer that these changes move."""
    for name in layer.__dataclass_fields__:
        value = getattr(layer, name)
        numbers = value if isinstance(value, tuple) else (value,)
        if any(isinstance(n, Varying) and _total(n.parts, changes) for n in numbers):
            yield name, value


def _total(parts: Mapping[int, Any], changes: Mapping[int, int]) -> Any:
    """How much a size changes."""
    if len(changes) < len(parts):
        return sum([parts[width] * change for width, change in changes.items() if width in parts])
    return sum([part * changes[width] for width, part in parts.items() if width in changes])


def _made_up(rest: Any, divisor: int, part: Any) -> Fraction | None:
    """The smallest change above 0 of a width with which `rest` becomes a multiple of `divisor`."""
    period = (Fraction(divisor) / part).numerator
    for change in range(1, min(period, _MOST_ADDED) + 1):
        if (rest + part * change) % divisor == 0:
            return Fraction(change)
    return None


def _leaves(first: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    """Pairs of numbers at the same places of nested tuples."""
    if isinstance(first, tuple) and isinstance(other, tuple):
        for a, b in zip(first, other, strict=True):
            yield from _leaves(a, b)
    elif first is not None:
        yield first, other
