"""Measured times with what fits to them are made of, and which of them are left out together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from mnet_cost.devices import DeviceProfile
from mnet_cost.measure.arrays import Array, Mask
from mnet_cost.measure.least_times import lower_bounds_of
from mnet_cost.measure.measurements import Measurement
from mnet_cost.measure.networks import Kernels
from mnet_cost.measure.plausibility import repeat_noise

T = TypeVar("T")

_MOST_GROUPS = 20
"""Up to so many groups are left out, since each group needs a fit of its own."""


class Measured(NamedTuple):
    """Measured times with what fits of both forms are made of, one entry a row."""

    rows: tuple[Measurement, ...]
    kernels: Sequence[Kernels]
    lower_bounds: Sequence[Array]
    """Least seconds of each kernel."""
    seconds: Array
    groups: Sequence[str]
    """The group of each row: rows of one group are left out together. Small graphs have an empty
    one, which never is."""
    protocol: str
    """The words for that."""
    source: str

    @property
    def noise(self) -> float:
        """Of times of one network."""
        return repeat_noise(self.rows)

    @property
    def small(self) -> Mask:
        """Which rows are small graphs."""
        return np.array([row.is_small_graph for row in self.rows])

    @property
    def mult_adds(self) -> Array:
        """Of one inference of each row."""
        return np.array(
            once(self.kernels, lambda kernels: float(sum(kernel.mult_adds for kernel in kernels)))
        )

    def of_networks(self) -> Measured:
        """Without small graphs."""
        if not self.small.any():
            return self
        kept = [int(i) for i in np.flatnonzero(np.logical_not(self.small))]
        return self._replace(
            rows=tuple(self.rows[i] for i in kept),
            kernels=[self.kernels[i] for i in kept],
            lower_bounds=[self.lower_bounds[i] for i in kept],
            seconds=self.seconds[kept],
            groups=[self.groups[i] for i in kept],
        )

    @property
    def held_out_groups(self) -> tuple[str, ...]:
        """Groups that are left out in turn."""
        return tuple(group for group in dict.fromkeys(self.groups) if group)


def measured_times(
    rows: tuple[Measurement, ...],
    kernels: Sequence[Kernels],
    peaks: DeviceProfile | None,
    source: str,
) -> Measured:
    lower_bounds = once(
        kernels, lambda network_kernels: lower_bounds_of(network_kernels, peaks, rows[0].precision)
    )
    seconds = np.array([row.latency_s for row in rows])
    return Measured(rows, kernels, lower_bounds, seconds, *_groups(rows), source)


def once(kernels: Sequence[Kernels], make: Callable[[Kernels], T]) -> list[T]:
    """`make(kernels)` for each row; called once for a network that was measured several times."""
    distinct = {id(network_kernels): network_kernels for network_kernels in kernels}
    made = {key: make(network_kernels) for key, network_kernels in distinct.items()}
    return [made[id(network_kernels)] for network_kernels in kernels]


def _groups(rows: Sequence[Measurement]) -> tuple[list[str], str]:
    """The group of each row, and words for the grouping of networks: by family, network or
    batch."""
    networks = [row for row in rows if not row.is_small_graph]
    if len(networks) < len(rows):
        named, protocol = _groups(networks) if networks else ([], "")
        if len(set(named)) == 1:
            protocol = "all networks"
        names = iter(named)
        return ["" if row.is_small_graph else next(names) for row in rows], protocol
    families = [row.family for row in rows]
    if len(set(families)) > 1:
        return families, "one family at a time"
    models = {row.model: None for row in rows}
    if len(models) > _MOST_GROUPS:
        # Neighbours in a file are alike, so they are dealt out in turn.
        turn = {model: str(i % _MOST_GROUPS) for i, model in enumerate(models)}
        return [turn[row.model] for row in rows], f"1 network of {_MOST_GROUPS} at a time"
    if len(models) > 1:
        return [row.model for row in rows], "one network at a time"
    return [str(row.batch) for row in rows], "one batch at a time"
