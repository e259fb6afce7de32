"""Whether a network fits a device, in a word for all of its memories.

Of a network without totals it is not known: a layer without a cost rule needs an unknown number of
bytes.
"""

from __future__ import annotations

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.capacity import CapacityCheck
from mnet_cost.analysis.latency import DeviceEstimate


def memory_fits(analysis: Analysis, estimate: DeviceEstimate) -> bool | None:
    """Whether all fits into the memories of a device; None where a size is not known and the rest
    fits. What does not fit in part does not fit."""
    verdicts = [check.fits for check in estimate.memory_fits] if analysis.has_totals else []
    if False in verdicts:
        return False
    return True if verdicts and None not in verdicts else None


def misfits(analysis: Analysis, estimate: DeviceEstimate) -> list[CapacityCheck]:
    """The checks that say what does not fit."""
    if not analysis.has_totals:
        return []
    return [check for check in estimate.memory_fits if check.fits is False]
