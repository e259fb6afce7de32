"""What is said before everything else: a network does not fit the memory of a device."""

from __future__ import annotations

from collections.abc import Sequence

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.capacity import CapacityCheck
from mnet_cost.report.capacity import memory_fits, misfits
from mnet_cost.units import format_bytes, format_capacity

_DETAILED = 4
"""So many devices have a line each; more are counted."""
_NAMED = 4


def misfit_alerts(analyses: Sequence[Analysis], names: Sequence[str] | None = None) -> list[str]:
    """A sentence for each network and device that do not fit; one for many devices together.

    Networks with a layer of unknown cost need an unknown number of bytes: nothing is said of them
    where totals are refused.
    """
    if names is None:
        names = [analysis.network.spec.title for analysis in analyses]
    alerts: list[str] = []
    for name, analysis in zip(names, analyses, strict=True):
        failed = {
            estimate.device.name: misfits(analysis, estimate) for estimate in analysis.devices
        }
        failed = {device: checks for device, checks in failed.items() if checks}
        if len(failed) > _DETAILED:
            listed = ", ".join(list(failed)[:_NAMED])
            many = f"{len(failed)} of {len(analysis.devices)} devices"
            alerts.append(f"{name} does not fit {many}: {listed}, ...")
            continue
        for device, checks in failed.items():
            needs = " and ".join(map(_need, checks))
            alerts.append(f"{name} does not fit {device}: {needs}")
    return alerts


def _need(check: CapacityCheck) -> str:
    size = format_capacity(check.available_bytes or 0)
    return f"{check.what} need {format_bytes(check.needed_bytes)}, {check.where} has {size}"


def unknown_fits(analyses: Sequence[Analysis], names: Sequence[str] | None = None) -> list[str]:
    """A sentence for each network of which it is not known whether it fits some devices."""
    if names is None:
        names = [analysis.network.spec.title for analysis in analyses]
    sentences = []
    for name, analysis in zip(names, analyses, strict=True):
        unknown = [
            estimate.device.name
            for estimate in analysis.devices
            if memory_fits(analysis, estimate) is None
        ]
        if unknown:
            more = f" and {len(unknown) - _NAMED} more" * (len(unknown) > _NAMED)
            whose = "its" if len(unknown) == 1 else "their"
            why = f"a size of {whose} memory is not known"
            if not analysis.has_totals:
                why = "a layer has no cost rule"
            listed = ", ".join(unknown[:_NAMED])
            sentences.append(f"it is not known whether {name} fits {listed}{more}: {why}")
    return sentences
