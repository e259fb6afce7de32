"""Whether a network fits a device, in a word for all of its memories."""

from __future__ import annotations

from mnet_cost.analysis.latency import DeviceEstimate


def memory_fits(estimate: DeviceEstimate) -> bool | None:
    """Whether all fits into the memories of a device; None where a size is not known and the rest
    fits."""
    verdicts = [check.fits for check in estimate.memory_fits]
    if False in verdicts:
        return False
    return True if verdicts and None not in verdicts else None
