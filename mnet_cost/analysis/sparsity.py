"""Zeros among the weights: mult-adds that are left, bytes of weights stored, and who is faster.

`--sparsity 0.5` is a share anywhere in the kernels of all layers; `0.5:2:4` is structured: of each
four weights along the input channels at most two are not zero, so at least half are zeros. What is
anywhere is stored like other weights. In fours, half of the values are stored, and 2 bits for each
say where it stands. A device uses fours if its profile states how much faster they are (`sparse`);
every other zero is multiplied like other numbers, as far as profiles know. Counts of conventions
stay dense. Not here: biases and params of norms, which stay as they are, and what zeros do to
accuracy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.work import LayerCost
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import Problem, Source, Span, UsageError, did_you_mean
from mnet_cost.layers.gradient import GradInput
from mnet_cost.network import Network, Step
from mnet_cost.tensors import DType, ceil_div

OPTION = "--sparsity"

_FOURS = "2:4"
_GROUP = 4
_INDEX_BITS = 2
_SHARE = re.compile(r"[0-9]*\.?[0-9]+([eE][-+]?[0-9]{1,3})?|[0-9]+\.")
_EXAMPLE = "write for example `0.5`, `0.5:2:4` or `conv2d 1x1=0.9`"


class Zeros(NamedTuple):
    """How many weights are zero, and of which layers."""

    share: float
    """From 0 to under 1."""
    fours: bool = False
    """Whether at most two of each four are not zero."""
    target: str | None = None
    """A layer, or layers of a kind such as `conv2d 1x1`; None for all that have weights. A layer
    goes over a kind, a kind with its kernel over one without, and all over none."""
    span: Span | None = None

    @property
    def text(self) -> str:
        """The text on the command line."""
        target = "" if self.target is None else f"{self.target}="
        return f"{target}{self.share:g}" + (f":{_FOURS}" if self.fours else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerZeros:
    """The zeros of one layer with weights. Counts include the batch."""

    name: str
    share: float
    fours: bool
    weights: int
    """0 where they are another layer's."""
    zeros: int
    mult_adds: int
    weight_mult_adds: int
    """Mult-adds that have a weight as a factor; attention has others, too."""
    effective_mult_adds: int
    saved_bytes: int
    """Bytes of weights that need not be stored, or read, where a device knows fours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sparsity:
    """The zeros of a network."""

    rules: tuple[Zeros, ...]
    layers: tuple[LayerZeros, ...] = field(repr=False)
    """Layers with weights, in schedule order."""
    weights: int
    zeros: int
    effective_mult_adds: int
    """Mult-adds of the network without those with zeros, by the convention of the paper."""
    stored_weight_bytes: int
    """All params of the network, with kernels in fours compressed."""
    dense_names: tuple[str, ...] = field(repr=False)
    """Layers that a rule for many gives fours, but whose input channels are no fours."""


def parse_zeros(texts: Sequence[str]) -> tuple[Zeros, ...]:
    """`SHARE`, `SHARE:2:4`, `LAYER=SHARE`; `UsageError` with all that is wrong."""
    problems: list[Problem] = []
    rules: dict[str | None, Zeros] = {}
    for text in texts:
        try:
            rule = _parsed(text)
        except UsageError as error:
            problems += error.problems
            continue
        if rule.target in rules:
            what = "all layers" if rule.target is None else f"`{rule.target}`"
            message = f"the sparsity of {what} is stated already: `{rules[rule.target].text}`"
            problems.append(Problem(message, rule.span))
        rules[rule.target] = rule
    if problems:
        raise UsageError(problems)
    return tuple(rules.values())


def _parsed(text: str) -> Zeros:
    span = Span(Source(OPTION, text), 1, 1, max(len(text), 1) + 1)
    target, equals, written = text.rpartition("=")
    target, written = target.strip(), written.strip()
    number, colon, pattern = (part.strip() for part in written.partition(":"))
    if equals and not target:
        raise _error(f"`{text}` names no layer", span, _EXAMPLE)
    if number.startswith(("-", "\N{MINUS SIGN}")):
        raise _error(f"`{number}` is negative: a share is from 0 to under 1", span)
    if not _SHARE.fullmatch(number):
        raise _error(f"`{written}` is no share of weights", span, _EXAMPLE)
    if colon and pattern != _FOURS:
        raise _error(
            f"there is no pattern `{pattern}`", span, f"the one that is known is `{_FOURS}`"
        )
    share = float(number)
    if share >= 1:
        hint = f"{share:g} % is `{share / 100:g}`" if 1 < share < 100 else None
        message = f"`{number}` leaves no weight: a share is from 0 to under 1"
        raise _error(message, span, hint)
    if colon and share < 0.5:
        raise UsageError(_too_few(number, span))
    return Zeros(share, bool(colon), target or None, span)


def _too_few(share: str, span: Span | None) -> Problem:
    hint = f"write `0.5:{_FOURS}`"
    return Problem(f"in {_FOURS} at least half are zero, not `{share}`", span, hint)


def find_zeros(
    network: Network, costs: Sequence[LayerCost], precision: DType, rules: Sequence[Zeros]
) -> Sparsity:
    """The zeros that `rules` put into the weights; `UsageError` for layers without weights."""
    _check(network, costs, rules)
    zeros_of: dict[str, LayerZeros] = {}
    dense: list[tuple[str, Zeros]] = []
    used: set[str | None] = set()
    for cost in costs:
        if cost.work is None or not cost.work.weights:
            continue
        step = cost.step
        owner = step if step.shares is None else network.steps[step.shares]
        rule = _rule(owner, rules)
        fours = rule is not None and rule.fours
        if rule is not None and fours and not _is_in_fours(network, cost):
            dense.append((step.name, rule))
            rule, fours = None, False
        elif rule is not None:
            used.add(rule.target)
        zeros_of[step.name] = _layer(network, cost, precision, rule.share if rule else 0.0, fours)
    for _, rule in dense:
        if rule.target is not None and rule.target not in used:
            raise _error(
                f"`{rule.target}` cannot have zeros in {_FOURS}: its input channels are no "
                "multiple of 4",
                rule.span,
                f"zeros anywhere: `{rule.target}={rule.share:g}`",
            )
    layers = tuple(zeros_of.values())
    own = {cost.step.name for cost in costs if cost.step.shares is None}
    saved = sum(layer.saved_bytes for layer in layers if layer.name in own)
    skipped = sum(layer.mult_adds - layer.effective_mult_adds for layer in layers)
    return Sparsity(
        rules=tuple(rules),
        layers=layers,
        weights=sum(layer.weights for layer in layers),
        zeros=sum(layer.zeros for layer in layers),
        effective_mult_adds=sum(cost.mult_adds for cost in costs) - skipped,
        stored_weight_bytes=sum(cost.weight_bytes for cost in costs) - saved,
        dense_names=tuple(name for name, _ in dense),
    )


def _layer(
    network: Network, cost: LayerCost, precision: DType, share: float, fours: bool
) -> LayerZeros:
    step, work, tensors = cost.step, cost.work, network.tensors
    assert work is not None
    inputs = tuple(GradInput(tensors[index].type, False) for index in step.inputs)
    # Each product with a trained weight is one of its gradient, too; a constant kernel is in all.
    with_weights = cost.mult_adds
    if work.params:
        of_example = step.layer.backward_mult_adds(inputs, cost.output)[1]
        with_weights = of_example * network.batch_of(step)
    zeros = int(share * work.weights + 0.5)
    saved = 0
    if fours:
        left, width = work.weights // 2, (step.precision or precision).bytes
        stored = left * width + ceil_div(left * _INDEX_BITS, 8)
        saved = work.weights * width - stored
    own = step.shares is None
    return LayerZeros(
        name=step.name,
        share=share,
        fours=fours,
        weights=work.weights if own else 0,
        zeros=zeros if own else 0,
        mult_adds=cost.mult_adds,
        weight_mult_adds=with_weights,
        effective_mult_adds=cost.mult_adds - with_weights * zeros // work.weights,
        saved_bytes=saved,
    )


def _is_in_fours(network: Network, cost: LayerCost) -> bool:
    """Whether the weights of one output, along the input channels, are a multiple of four."""
    step = cost.step
    inputs = tuple(network.tensors[index].type for index in step.inputs)
    sizes = step.layer.convolution(inputs, cost.output)
    if sizes is not None:
        return bool(sizes.channels_in % _GROUP == 0)
    return all(tensor_type.shape[-1] % _GROUP == 0 for tensor_type in inputs)


def _names(step: Step) -> tuple[str, str, str]:
    """The names by which a rule can mean a layer; the first that a rule uses has priority."""
    return step.name, step.layer.variety(), step.layer.kind


def _rule(owner: Step, rules: Sequence[Zeros]) -> Zeros | None:
    """The rule that is closest to a layer."""
    by_target = {rule.target: rule for rule in rules}
    known = (by_target.get(name) for name in (*_names(owner), None))
    return next((rule for rule in known if rule is not None), None)


def _check(network: Network, costs: Sequence[LayerCost], rules: Sequence[Zeros]) -> None:
    """All targets have to be layers with weights of their own, or kinds that have weights."""
    weighted = [cost.step for cost in costs if cost.work is not None and cost.work.weights]
    known = dict.fromkeys(name for step in weighted for name in _names(step))
    kinds = dict.fromkeys(step.layer.variety() for step in weighted)
    others = {name for step in network.steps for name in _names(step)}
    shared = {step.name: step.shares for step in weighted if step.shares is not None}
    problems = []
    for rule in rules:
        target, hint = rule.target, None
        if not 0 <= rule.share < 1:
            problems.append(Problem(f"{rule.share:g} is no share from 0 to under 1", rule.span))
        elif rule.fours and rule.share < 0.5:
            problems.append(_too_few(f"{rule.share:g}", rule.span))
        if target is None:
            if not weighted:
                problems.append(Problem(f"no layer of {network.spec.name} has weights", rule.span))
        elif target in shared:
            owner = network.steps[shared[target] or 0].name
            message = f"the weights of `{target}` are those of `{owner}`: state them there"
            problems.append(Problem(message, rule.span))
        elif target in others and target not in known:
            hint = f"those that have: {', '.join(kinds)}" if kinds else None
            message = f"`{target}` has no weights that could be zero"
            problems.append(Problem(message, rule.span, hint))
        elif target not in known:
            hint = did_you_mean(target, known) or f"kinds with weights: {', '.join(kinds)}"
            message = f"{network.spec.name} has no layer or kind `{target}`"
            problems.append(Problem(message, rule.span, hint))
    if problems:
        raise UsageError(problems)


def sparse_kernels(
    kernels: Sequence[Kernel], sparsity: Sparsity, device: DeviceProfile, precision: str
) -> tuple[Kernel, ...]:
    """`kernels` as a device carries them out: faster and with fewer bytes where it knows fours."""
    speedup = _speedup(device, precision)
    if speedup is None:
        return tuple(kernels)
    layers = {layer.name: layer for layer in sparsity.layers if layer.fours}
    return tuple(
        _sparse(kernel, layers[kernel.name], speedup) if kernel.name in layers else kernel
        for kernel in kernels
    )


def _speedup(device: DeviceProfile, precision: str) -> float | None:
    rate = device.compute.get(precision)
    return None if rate is None or rate.sparse_speedup is None else rate.sparse_speedup.value


def _sparse(kernel: Kernel, zeros: LayerZeros, speedup: float) -> Kernel:
    faster = zeros.weight_mult_adds / zeros.mult_adds if zeros.mult_adds else 0.0
    return kernel._replace(
        weight_bytes=kernel.weight_bytes - zeros.saved_bytes,
        speedup=1 / (1 - faster + faster / speedup),
    )


def weight_bytes_on(sparsity: Sparsity, device: DeviceProfile, precision: str, dense: int) -> int:
    """Bytes that the weights take on a device; `dense` where it knows no zeros."""
    return dense if _speedup(device, precision) is None else sparsity.stored_weight_bytes


def zeros_note(
    kernels: Sequence[Kernel], sparsity: Sparsity, device: DeviceProfile, precision: str
) -> str:
    """A sentence that says how zeros change the time on a device."""
    speedup = _speedup(device, precision)
    faster = sum(kernel.speedup > 1 for kernel in kernels)
    if speedup is None or not faster:
        return "zeros are multiplied like other numbers: the time is that of the dense network"
    note = (
        f"{faster} of {len(kernels)} kernels have zeros in {_FOURS}, and multiply {speedup:g}x as "
        "fast"
    )
    if any(layer.zeros and not layer.fours for layer in sparsity.layers):
        note += "; zeros elsewhere are multiplied like other numbers"
    return note


def _error(message: str, span: Span | None, hint: str | None = None) -> UsageError:
    return UsageError(Problem(message, span, hint))
