"""Named counting conventions: which operations a tool counts as mult-adds beside our own.

A convention adds itemized differences to the mult-adds of convolutions, linear layers and matrix
products, so that the total is that of another tool and the gap is explained. Where a total is not
that of the tool for certain, a reservation says of which layers and why. The rules of each tool
are in `tool_rules.py`. Params do not depend on a convention.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mnet_cost.analysis.work import LayerCost
from mnet_cost.errors import Problem, UsageError, did_you_mean
from mnet_cost.network import Network
from mnet_cost.tensors import agreed

if TYPE_CHECKING:
    from mnet_cost.analysis.tool_rules import Counted, Rule, Rules

Agreement = Literal["exact", "rounded", "depends", "not covered"]
"""What a total is. exact: that of the tool, to the last unit. rounded: that of the tool, as far as
the figure that it prints says. depends: that of the tool for a network that is written as the
reservations say. not covered: not that of the tool, since there are layers of which it is not known
what the tool counts."""


class Convention(NamedTuple):
    """A tool's way to count. `source` says how it is known."""

    name: str
    summary: str
    source: str
    table: str = ""
    """The name of its rules in `tool_rules.py`; without one it counts as the paper does."""
    printed: str = ""
    """What the figures of the tool are printed in, where they are known no better than that."""

    @property
    def rules(self) -> Rules | None:
        """A rule for every kind; None counts as the paper does."""
        if not self.table:
            return None
        from mnet_cost.analysis import tool_rules  # which most analyses do not need

        rules: Rules = getattr(tool_rules, self.table)
        return rules


@dataclass(frozen=True, slots=True, kw_only=True)
class ConventionItem:
    """One itemized difference to the paper's convention."""

    what: str
    mult_adds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Layers of a kind whose count is not that of the tool for certain."""

    kind: str
    agreement: Agreement
    """`depends` or `not covered`."""
    why: str
    layers: tuple[str, ...]
    mult_adds: int
    """What the total would change by if these layers were written the other way; what is counted
    of them, as the paper does, if they are not covered. The batch is in it."""


class Count(NamedTuple):
    """Layers as a convention counts them."""

    layers: tuple[LayerCost, ...]
    items: tuple[ConventionItem, ...] = ()
    reservations: tuple[Reservation, ...] = ()


CONVENTIONS: tuple[Convention, ...] = (
    Convention(
        "paper",
        "mult-adds of convolutions, linear layers and matrix products; nothing else",
        "arXiv:1704.04861, section 3.1",
    ),
    Convention(
        "torch",
        "half of what torch.utils.flop_counter counts: the same as `paper`, where it is covered",
        "torch 2.14.1 torch/utils/flop_counter.py: 2 per mult-add of conv and matmul",
        "TORCH",
    ),
    Convention(
        "fvcore",
        "+ batch-norm at 2 per element, other norms at 5, adaptive average pooling at 1 per input",
        "fvcore 0.1.5 fvcore/nn/flop_count.py, jit_handles.py; its `flops` are mult-adds",
        "FVCORE",
    ),
    Convention(
        "ptflops",
        "+ bias at 1 per output (its `aten` backend)",
        "ptflops 0.7.5, backend `aten`",
        "PTFLOPS",
    ),
    Convention(
        "thop",
        "+ norms at 4 per element, average pooling at 1 per output, adaptive also per input",
        "thop 0.1.1 thop/vision/basic_hooks.py, thop/rnn_hooks.py",
        "THOP",
    ),
    Convention(
        "torchinfo",
        "+ bias at 1 per output; params of norms and of linear layers once, whatever the positions",
        "torchinfo 1.8.0 torchinfo/layer_info.py",
        "TORCHINFO",
    ),
    Convention(
        "timm",
        "what fvcore counts for timm's models: + batch-norm at 2 per element",
        "fvcore 0.1.5 on timm 1.0.31; its benchmark.py asks fvcore where DeepSpeed is not there",
        "TIMM",
    ),
    Convention(
        "openvino",
        "+ 1 per convolution output for the folded bias; half of its `GFLOPs`",
        "openvinotoolkit/open_model_zoo, README of mobilenet-v1-1.0-224-tf: 1.148 GFLOPs",
        "OPENVINO",
        "the three decimals of the model zoo's GFLOPs",
    ),
)


def find_convention(name: str) -> Convention:
    """The convention of that name; `UsageError` when there is none."""
    for convention in CONVENTIONS:
        if convention.name == name:
            return convention
    names = [convention.name for convention in CONVENTIONS]
    raise UsageError(
        Problem(
            f"there is no counting convention `{name}`",
            hint=did_you_mean(name, names) or "there are " + ", ".join(names),
        )
    )


def count_by(convention: Convention, costs: tuple[LayerCost, ...], network: Network) -> Count:
    """`costs` of the steps of `network` with mult-adds as `convention` counts them."""
    rules = convention.rules
    if rules is None:
        return Count(costs)
    recounted: list[LayerCost] = []
    totals: dict[str, Any] = {}
    reserved: dict[tuple[str, _Doubt], list[tuple[str, Any]]] = {}
    for cost in costs:
        counted = counted_layer(cost, network)
        if counted is None:
            key = (cost.step.layer.kind, _UNKNOWN if cost.work is None else _STATED)
            reserved.setdefault(key, []).append((cost.step.name, cost.mult_adds))
            recounted.append(cost)
            continue
        rule = rules[type(cost.step.layer)]
        amounts = _amounts(rule, counted)
        for what, amount in amounts:
            totals[what] = totals.get(what, 0) + amount
        added: Any = sum([amount for _, amount in amounts])
        reason = _doubt(rule, counted, added)
        if reason is not None:
            doubt, amount = reason
            reserved.setdefault((cost.step.layer.kind, doubt), []).append((cost.step.name, amount))
        recounted.append(cost._replace(mult_adds=cost.mult_adds + added))
    return Count(
        tuple(recounted),
        tuple(
            [
                ConventionItem(what=what, mult_adds=sum_)
                for what, sum_ in totals.items()
                if _holds(sum_ != 0)
            ]
        ),
        tuple([_reservation(kind, doubt, layers) for (kind, doubt), layers in reserved.items()]),
    )


def mult_adds_by(convention: Convention, costs: Sequence[LayerCost], network: Network) -> list[Any]:
    """Mult-adds of each of `costs` as `convention` counts them: those of `count_by` alone."""
    rules = convention.rules
    if rules is None:
        return [cost.mult_adds for cost in costs]
    recounted = []
    for cost in costs:
        counted = counted_layer(cost, network)
        amounts = [] if counted is None else _amounts(rules[type(cost.step.layer)], counted)
        recounted.append(cost.mult_adds + sum([amount for _, amount in amounts]))
    return recounted


def agreement_of(convention: Convention, doubts: Iterable[Agreement]) -> Agreement:
    """What a sum by `convention` is, if its layers have these `doubts`."""
    verdicts = set(doubts)
    if "not covered" in verdicts:
        return "not covered"
    if "depends" in verdicts:
        return "depends"
    return "rounded" if convention.printed else "exact"


class _Doubt(NamedTuple):
    agreement: Agreement
    why: str


_UNKNOWN = _Doubt("not covered", "its work is unknown")
"""The reason for opaque layers, whose cost is unknown: a total with them is a lower bound."""


_STATED = _Doubt("not covered", "its work is stated by the spec, and no tool counts it")


def counted_layer(cost: LayerCost, network: Network) -> Counted | None:
    """A layer as rules of tools take it; None where its work is unknown, or a spec states it."""
    if cost.work is None or cost.step.layer.states_work:
        return None
    inputs = tuple([network.tensors[index].type for index in cost.step.inputs])
    from mnet_cost.analysis.tool_rules import Counted

    step = cost.step
    return Counted(
        step.layer, inputs, cost.output, cost.work, network.batch_of(step), network.batch
    )


def _amounts(rule: Rule, counted: Counted) -> list[tuple[str, Any]]:
    """(what, mult-adds) for each part of a rule; nothing where the layer is not covered."""
    if not _is_covered(rule, counted):
        return []
    return [(part.what, part.amount(counted)) for part in rule.parts]


def _is_covered(rule: Rule, counted: Counted) -> bool:
    if not rule.not_covered:
        return True
    return rule.is_beyond is not None and not agreed(rule.is_beyond(counted))


def _doubt(rule: Rule, counted: Counted, added: Any) -> tuple[_Doubt, Any] | None:
    """Why what is `added` for a layer may not be the tool's count, and how much is in doubt."""
    if not _is_covered(rule, counted):
        return _Doubt("not covered", rule.not_covered), counted.work.mult_adds * counted.batch
    if rule.otherwise_amount is None:
        return None
    change = rule.otherwise_amount(counted) - added
    if not _holds(change != 0):
        return None
    return _Doubt("depends", f"is taken as {rule.written}, not as {rule.otherwise}"), change


def _holds(condition: Any) -> bool:
    """Whether it is so; of an array of candidates, for any of them."""
    return bool(condition.any() if hasattr(condition, "any") else condition)


def _reservation(kind: str, doubt: _Doubt, layers: list[tuple[str, Any]]) -> Reservation:
    names = tuple([name for name, _ in layers])
    return Reservation(
        kind=kind,
        agreement=doubt.agreement,
        why=doubt.why,
        layers=names,
        mult_adds=sum([amount for _, amount in layers]),
    )
