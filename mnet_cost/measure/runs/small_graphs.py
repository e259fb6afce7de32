"""Which small graphs to measure: those that say most of whole networks.

A small graph has one kind of layer, or a few that belong together, so that it runs one code path of
a runtime. Each narrows what a fit leaves open (its covariance), and the next one to measure is the
one after which the times of whole networks would be known best. No time is needed for that: what a
fit leaves open follows from the amounts of the terms. Not here: measuring, and the fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from mnet_cost.analysis.terms import network_amounts
from mnet_cost.devices.coefficients import SharedCoefficients
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.errors import MnetCostError
from mnet_cost.measure.arrays import Array, Mask
from mnet_cost.measure.coefficient_solver import NOISE, SCALE_SPREAD, term_shares
from mnet_cost.measure.networks import Kernels, Networks
from mnet_cost.measure.trials import SMALL_GRAPH_NOISE, WIDER
from mnet_cost.models.library import model_names
from mnet_cost.shipped import shown_path, specs_folder
from mnet_cost.yamlfile import read_yaml

MOST_FAR = 0.15
"""Part of the time of a small graph that weights from main memory may take where it is not known
whether they come from there."""


class Candidate(NamedTuple):
    """A small graph that could be measured."""

    reference: str
    """`small_graphs:pointwise@channels=128,count=6,size=28`."""
    path: str
    """The code of a runtime that it is for."""


@cache
def candidates() -> tuple[Candidate, ...]:
    """All of them, in the order of their file."""
    root = read_yaml(str(specs_folder() / "measuring" / "candidates.yaml"))
    return tuple(
        Candidate(graph.value, path)
        for path, graphs in root.value["graphs"].value.items()
        for graph in graphs.value
    )


class Work(NamedTuple):
    """What graphs and networks ask of a runtime."""

    references: tuple[str, ...]
    amounts: Array
    """[graphs, terms]"""
    weight_bytes: Array
    """[graphs]"""


def work_of(
    references: Sequence[str],
    rules: frozenset[str],
    tile: int,
    shared: SharedCoefficients,
    networks: Networks,
    precision: str = "fp32",
) -> Work:
    """Of those that can be built and whose costs are known; others are left out."""
    named, rows, weights = [], [], []
    for reference in references:
        try:
            kernels = networks.kernels_at(reference, 1, precision, rules)
        except MnetCostError:
            continue
        named.append(reference)
        rows.append(_amounts(kernels, rules, tile, shared))
        weights.append(float(sum(kernel.weight_bytes for kernel in kernels)))
    return Work(tuple(named), np.array(rows).reshape(-1, len(TERM_NAMES)), np.array(weights))


def library_work(
    rules: frozenset[str],
    tile: int,
    shared: SharedCoefficients,
    networks: Networks,
    precision: str = "fp32",
) -> Work:
    """Of the networks of the library, each at its own size: what users are to know the time of."""
    return work_of(model_names(), rules, tile, shared, networks, precision)


def _amounts(
    kernels: Kernels, rules: frozenset[str], tile: int, shared: SharedCoefficients
) -> Array:
    amounts: Array = np.array(network_amounts(kernels, rules, tile, shared.caches)).sum(0)
    return amounts


def clear_of_caches(graphs: Work, shared: SharedCoefficients, cache_bytes: float) -> Mask:
    """Which graphs are of use whatever the caches hold [graphs].

    A small graph has all caches to itself, a network does not: its weights are gone by the next
    inference though they would fit. So where weights take time, a graph should have few enough to
    stay, or more than the largest cache of `cache_bytes`.
    """
    if shared.caches is None:
        return np.ones(len(graphs.references), dtype=bool)
    least, most = shared.caches.weights
    between = (graphs.weight_bytes > least) & (graphs.weight_bytes < max(most, cache_bytes))
    parts = graphs.amounts * np.array(shared.coefficients)
    far = parts[:, TERM_NAMES.index("far_weights")] / parts.sum(1)
    return np.asarray(~between | (far < MOST_FAR))


class Choice(NamedTuple):
    """A graph to measure next."""

    place: int
    """In the list of graphs."""
    open_before: float
    """Standard deviation of the logarithms of the times of networks, in the mean, as known so
    far."""
    open_after: float
    """The same once it is measured."""


class Knowledge:
    """What is known of the times of networks from what was measured, whatever it took."""

    def __init__(
        self,
        shared: SharedCoefficients,
        networks: Array,
        parameters: Array | None = None,
    ) -> None:
        """`networks` [networks, terms] are those whose times are to be known; `parameters` those
        of a fit so far [1 + terms], None before the first."""
        self._coefficients = np.array(shared.coefficients)
        if parameters is not None:
            self._coefficients = self._coefficients * np.exp(parameters[1:])
        self._networks = term_shares(networks, self._coefficients)
        spreads = np.concatenate([[SCALE_SPREAD], WIDER * np.array(shared.spreads)])
        self._covariance = np.diag(spreads**2)

    def measured(self, amounts: Array, is_small: bool) -> None:
        """Take into account that a graph or network was measured; amounts [terms]."""
        shares = term_shares(amounts[None], self._coefficients)[0]
        moved = self._covariance @ shares
        noise = SMALL_GRAPH_NOISE if is_small else NOISE
        self._covariance = self._covariance - np.outer(moved, moved) / (noise**2 + shares @ moved)

    @property
    def open(self) -> float:
        """Standard deviation of the logarithms of the times of networks, in the mean."""
        variances = np.einsum("ij,jk,ik->i", self._networks, self._covariance, self._networks)
        return float(np.sqrt(np.maximum(variances, 0.0)).mean())

    def next(self, graphs: Array, may_be: Mask) -> Choice | None:
        """The graph of those that may be, of [graphs, terms], after which least is open; None where
        none is left."""
        places = np.flatnonzero(may_be)
        if not len(places):
            return None
        shares = term_shares(graphs[places], self._coefficients)
        moved = shares @ self._covariance
        variances = np.einsum("ij,jk,ik->i", self._networks, self._covariance, self._networks)
        told = (self._networks @ moved.T) ** 2
        told = told / (SMALL_GRAPH_NOISE**2 + np.einsum("ij,ij->i", shares, moved))
        after = np.sqrt(np.maximum(variances[:, None] - told, 0.0)).mean(0)
        best = int(np.argmin(after))
        return Choice(int(places[best]), self.open, float(after[best]))


def shown_small_graphs() -> str:
    """Where the spec of the small graphs is."""
    return shown_path(specs_folder() / "measuring" / "small_graphs.yaml")
