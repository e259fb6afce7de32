"""What the peaks of a profile allow: the least times of measured networks.

Nothing that was measured can be less, and nothing is foretold to be: reports show the roof where
it is higher. Not here: what a roof is made of, which the analysis knows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mnet_cost.analysis.kernels import Kernel
from mnet_cost.analysis.roof import Roofs
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.threads import rates_of_threads
from mnet_cost.measure.arrays import Array


def as_extended(base: DeviceProfile, rules: frozenset[str], threads: int) -> DeviceProfile:
    """`base` with the peaks that a profile has which extends it with these rules and threads."""
    compute = base.compute if threads == base.threads else rates_of_threads(base, threads)
    return base._replace(kernel_rules=rules, threads=threads, compute=compute)


def roofs_of(kernels: Sequence[Kernel], peaks: DeviceProfile | None, precision: str) -> Array:
    """Least seconds of each kernel; 0 where no peak is known that bounds it."""
    if peaks is None:
        return np.zeros(len(kernels))
    found = Roofs(peaks, peaks.compute.get(precision)).roofs(kernels)
    return np.array([roof.seconds or 0.0 for roof in found])
