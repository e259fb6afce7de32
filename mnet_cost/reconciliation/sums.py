"""Sums of elements that give a gap to the last unit: counts of tools that have no rules here.

Tools that count more than mult-adds count a small whole number for each element of some families of
layers. A sum of few such terms that gives the gap exactly is a possible cause, and no more: it says
what would give the number, not that a tool is known to count so. Sums of more terms would fit any
number by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations, product

from mnet_cost.layers import FAMILIES
from mnet_cost.reconciliation.figures import Figure
from mnet_cost.reconciliation.readings import NetworkCounts
from mnet_cost.reconciliation.types import Cause

LEAST_DIGITS = 7
"""Digits of a number that can single out a sum."""
MOST_TERMS = 3
_MOST_EACH = 4
"""Most operations for an element."""
_MOST_SUMS = 3

_PRODUCTS = (
    *FAMILIES["Convolutions"], *FAMILIES["Linear layers and matrix products"],
)  # fmt: skip
_AVERAGES = tuple([kind for kind in FAMILIES["Pooling"] if "avg" in kind])
_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "batch-norm": ("batch_norm",),
    "other norms": tuple([kind for kind in FAMILIES["Normalization"] if kind != "batch_norm"]),
    "activations": tuple([kind for kind in FAMILIES["Activations"] if kind != "softmax"]),
    "softmax": ("softmax",),
    "additions": ("add",),
    "multiplications": ("multiply",),
    "average pooling": _AVERAGES,
    "max pooling": tuple([kind for kind in FAMILIES["Pooling"] if kind not in _AVERAGES]),
}
"""Families of kinds that tools count by their outputs."""


def fitting_sums(counts: NetworkCounts, figure: Figure, factor: int) -> Iterator[tuple[Cause, ...]]:
    """Sums of up to three terms that are the number less `factor` times our mult-adds, those of
    the fewest terms and operations first."""
    gap = figure.value - factor * counts.mult_adds
    if figure.digits < LEAST_DIGITS or gap <= 0:
        return
    elements = _elements(counts)
    number = 0
    for count in range(1, MOST_TERMS + 1):
        found = [
            tuple([Cause(_words(family, each), each * elements[family])
                   for family, each in zip(families, every, strict=True)])
            for families in combinations(elements, count)
            for every in product(range(1, _MOST_EACH + 1), repeat=count)
            if sum(each * elements[family]
                   for family, each in zip(families, every, strict=True)) == gap
        ]  # fmt: skip
        for causes in found:
            yield causes
            number += 1
            if number == _MOST_SUMS:
                return
        if found:
            return


def _words(family: str, each: int) -> str:
    name, _, per = family.partition(" per ")
    return f"{name} at {each} per {per}"


def _elements(counts: NetworkCounts) -> dict[str, int]:
    """Elements of each family, the batch included; without families that the network has not."""
    sums: dict[str, int] = {}
    for cost in counts.costs:
        if cost.work is None:
            continue
        kind, batch = cost.step.layer.kind, counts.network.batch_of(cost.step)
        outputs = batch * cost.output.elements
        if kind in _PRODUCTS and cost.work.params > cost.work.weights:
            _add(sums, "bias per output", outputs)
        for family, kinds in _FAMILIES.items():
            if kind in kinds:
                per = "output" if "pooling" in family else "element"
                _add(sums, f"{family} per {per}", outputs)
        if kind in _AVERAGES:
            _add(sums, "average pooling per input", batch * _inputs(counts, cost.step.inputs))
    return {family: amount for family, amount in sums.items() if amount}


def _inputs(counts: NetworkCounts, inputs: tuple[int, ...]) -> int:
    return sum(counts.network.tensors[index].type.elements for index in inputs)


def _add(sums: dict[str, int], family: str, amount: int) -> None:
    sums[family] = sums.get(family, 0) + amount
