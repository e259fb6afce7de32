"""What to measure of a machine: small graphs in their order, then whole networks.

The first graphs follow from the shared coefficients of the runtime, the others from a fit to what
was measured so far. It is enough once another graph would hardly say more. Not here: how much time
there is (`machine_profile.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from mnet_cost.devices.coefficients import SharedCoefficients
from mnet_cost.measure.fit_rows import measured_times
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.networks import Networks, kernels_of
from mnet_cost.measure.runs.small_graphs import (
    Knowledge,
    candidates,
    clear_of_caches,
    library_work,
    work_of,
)
from mnet_cost.measure.settings import Setting
from mnet_cost.measure.trials import trial_of

FIRST_GRAPHS = 20
LEAST_GAIN = 0.01
"""Part of what is left open that one more graph must take away."""
WHOLE_NETWORKS = (
    "mobilenet_v1", "resnet18", "squeezenet1_0", "shufflenet_v2", "efficientnet_b0", "vit_b_32",
)  # fmt: skip
"""Each has kinds of layers that the others lack. Each is predicted from the others and the small
graphs, which is the error that is stated, and all are in the fit."""


class MachinePlan:
    """The choice for one runtime on one machine."""

    def __init__(
        self,
        setting: Setting,
        shared: SharedCoefficients,
        tile: int,
        cache_bytes: float,
        networks: Networks,
    ) -> None:
        """`cache_bytes` is the size of the largest cache, 0 where it is not known."""
        self._setting, self._shared, self._tile = setting, shared, tile
        self._networks = networks
        rules = setting.rules
        names = [candidate.reference for candidate in candidates()]
        self._paths = {candidate.reference: candidate.path for candidate in candidates()}
        self._graphs = work_of(names, rules, tile, shared, networks)
        self._library = library_work(rules, tile, shared, networks)
        self._clear = clear_of_caches(self._graphs, shared, cache_bytes)

    def first(self, without: Collection[str] = ()) -> tuple[str, ...]:
        """The graphs to measure first, whatever was measured; not those of `without`."""
        knowledge = Knowledge(self._shared, self._library.amounts)
        return self._chosen(knowledge, FIRST_GRAPHS, without, ())

    def more(
        self, rows: Sequence[Measurement], count: int, without: Collection[str] = ()
    ) -> tuple[str, ...]:
        """Up to `count` graphs to measure beside `rows`, fewer once it is enough; not those of
        `without`, which cannot be measured.

        Last come graphs for code that none has run yet: it can be faster or slower than what its
        terms say, which nothing tells beforehand.
        """
        there = {row.model for row in rows if row.is_small_graph}
        return self._chosen(self.knowledge(rows), count, {*there, *without}, there)

    def knowledge(self, rows: Sequence[Measurement]) -> Knowledge:
        """What `rows` leave open."""
        kernels = kernels_of(rows, self._setting.rules, self._networks)
        measured = measured_times(tuple(rows), kernels, None, "")
        trial = trial_of(measured, self._setting, self._tile, self._shared)
        solution = trial.solved(measured.seconds, np.ones(len(rows), dtype=bool))
        known = Knowledge(self._shared, self._library.amounts, solution.parameters)
        for amounts, is_small in zip(trial.amounts, measured.small, strict=True):
            known.measured(amounts, bool(is_small))
        return known

    def _chosen(
        self, known: Knowledge, count: int, without: Collection[str], there: Collection[str]
    ) -> tuple[str, ...]:
        names = self._graphs.references
        may_be = self._clear & np.array([name not in without for name in names])
        paths = np.array([self._paths[name] for name in names])
        chosen: list[str] = []
        while len(chosen) < count:
            choice = known.next(self._graphs.amounts, may_be)
            if choice is None:
                break
            if choice.open_after > (1 - LEAST_GAIN) * choice.open_before:
                run = {self._paths[name] for name in (*there, *chosen) if name in self._paths}
                choice = known.next(self._graphs.amounts, may_be & ~np.isin(paths, list(run)))
                if choice is None:
                    break
            may_be[choice.place] = False
            known.measured(self._graphs.amounts[choice.place], True)
            chosen.append(names[choice.place])
        return tuple(chosen)
