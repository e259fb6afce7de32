"""Times on devices: the table of `analyze`, and what is to be said about each basis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.capacity import CapacityCheck
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.analysis.time_breakdown import PARTS, time_shares
from mnet_cost.devices.latency_models import CoefficientFit, HeldOut
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.report.kernel_time import term_times
from mnet_cost.report.latency_fit import set_by_one
from mnet_cost.report.rows import band_cell, energy_cell, part_word, time_cell, without_unknown
from mnet_cost.report.types import Column, Table
from mnet_cost.units import format_bytes, format_capacity, format_seconds

_RESTS_ON = {
    "calibrated": "fitted to times measured on this very device",
    "fitted": "fitted to published times of the device",
    "datasheet": "that devices have in common and a share of the data sheet's peak; nothing here "
    "was measured on the device",
}
"""What numbers of an estimate rest on, by basis."""
_BOUND = "the least that these kernels can take on the profile's peaks; real runs take longer"
FITS = "fits: whether weights and activations fit into the memory; -: its size is not known"
_UNPACKED = ("unpacked", "unpacked_depthwise")
_MUCH = 0.03
"""A smaller share of the time has no note."""
_NAMED = 4
"""Devices that a note names; more are counted."""


def device_table(analysis: Analysis, lower_bound: bool) -> Table:
    """Times with bands and bases, whether it fits, energies, and what the times are made of."""
    constants = any(estimate.inference_s for estimate in analysis.devices)
    parts = [part for part in PARTS if part != "inference" or constants]
    columns = (
        Column("device", "device"),
        Column("basis", "basis"),
        Column("latency_s", "time", "seconds"),
        Column("band_s", "80 % band", "range", 8),
        Column("fits", "fits", "text", 8),
        Column("energy", "energy", "quantity", 7),
        Column("bound_s", "bound", "seconds", 6),
        *(Column(f"{part}_share", f"{part_word(part)} %", "percent", 5) for part in parts),
    )
    refused = analysis.refuses(lower_bound)
    rows = []
    for estimate in analysis.devices:
        shares = {} if refused else time_shares(estimate)
        rows.append(
            (
                estimate.device.name,
                None if refused else estimate.basis,
                time_cell(analysis, estimate, lower_bound),
                band_cell(analysis, estimate, lower_bound),
                None if refused else fits_word(estimate.memory_fits),
                energy_cell(estimate, refused),
                None if refused else estimate.bound_s,
                *(shares.get(part, 0.0 if shares else None) for part in parts),
            )
        )
    table = Table("devices", "Devices", columns, tuple(rows), note=FITS)
    return without_unknown(table, ("band_s", "energy"))


def fits_word(fits: Sequence[CapacityCheck]) -> str | None:
    """Whether all fits into its memory; None where a size is unknown and the rest fits."""
    found = [fit.fits for fit in fits]
    if False in found:
        return "no"
    return "yes" if found and None not in found else None


def _misfit(fit: CapacityCheck) -> str:
    """What does not fit, by how much, and the tensors that are why."""
    size = format_capacity(fit.available_bytes or 0)
    text = f"{fit.what} do not fit {fit.where} {size}: over by {format_bytes(fit.over_bytes or 0)}"
    if fit.gap_bytes:
        text += f", {format_bytes(fit.gap_bytes)} of it gaps"
    if fit.because:
        named = [f"{one.name} {format_bytes(one.bytes)}" for one in fit.because[:3]]
        if len(fit.because) > 3:
            named.append(f"{len(fit.because) - 3} more")
        alive = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
        text += f", because of {alive}" + (", alive together" if len(named) > 1 else "")
        text += f" at {fit.at}"
    return text


def time_notes(estimates: Sequence[DeviceEstimate], refused: bool = False) -> list[str]:
    """What the times are, by basis; then what is to be said of each device."""
    bases = [] if refused else basis_notes(estimates)
    return bases + _said(
        (one.device.name, note) for one in estimates for note in _device_notes(one, refused)
    )


def outside_notes(estimates: Sequence[DeviceEstimate]) -> list[str]:
    """Why estimates are marked."""
    return _said((one.device.name, outside_note(one)) for one in estimates if one.outside)


def _said(notes: Iterable[tuple[str, str]]) -> list[str]:
    """Notes on devices by name, each once."""
    found: dict[str, list[str]] = {}
    for name, note in notes:
        found.setdefault(note, []).append(name)
    return [f"{_listed(names)}: {note}" for note, names in found.items()]


def unknown_notes(estimates: Sequence[DeviceEstimate]) -> list[str]:
    """Why there is no time, where there is none."""
    return _said(
        (one.device.name, note) for one in estimates if one.latency_s is None for note in one.notes
    )


def basis_notes(estimates: Sequence[DeviceEstimate], energy: bool = True) -> list[str]:
    """What the times are, once for each basis; and what energies are, if those are shown."""
    known = [one for one in estimates if one.latency_s is not None]
    notes = meanings(known)
    if any(one.low_s is not None for one in known):
        notes.append("band: four of five measurements are expected in it")
    if energy and any(energy_cell(one, refused=False) for one in estimates):
        notes.append(
            "energy: power x time where the power is known, else joules per mult-add and per byte, "
            "which leave out idling; ≥: a lower bound"
        )
    if known:
        notes.append("kernels are formed as each runtime does; `mnet-cost devices NAME` shows how")
    return notes


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" * (len(names) > _NAMED))


def meanings(estimates: Sequence[DeviceEstimate]) -> list[str]:
    """What each basis says of a time; of which devices where it can be one of two things."""
    ways: dict[str, dict[str, list[str]]] = {}
    for one in estimates:
        if one.basis is not None:
            found = ways.setdefault(one.basis, {})
            found.setdefault(_way(one, one.basis), []).append(one.device.name)
    return [
        f"{basis}{f' ({_listed(names)})' if len(found) > 1 else ''}: {way}"
        for basis, found in ways.items()
        for way, names in found.items()
    ]


def _way(estimate: DeviceEstimate, basis: str) -> str:
    if estimate.latency_fit is None:
        return _BOUND
    sums = "the sum of what each kernel asks for, at cost coefficients"
    return f"{sums if estimate.adds_up else 'constants and a roofline'} {_RESTS_ON[basis]}"


def _packs_note(estimate: DeviceEstimate) -> list[str]:
    """What channels cost that fill no packs: where that is much, fewer of them can take longer."""
    fit = estimate.latency_fit
    taken = sum(
        one for name, one in zip(TERM_NAMES, estimate.shares, strict=False) if name in _UNPACKED
    )
    if not isinstance(fit, CoefficientFit) or taken <= _MUCH:
        return []
    kernels = [
        one
        for one in estimate.kernels
        if any(term.term in _UNPACKED for term in term_times(estimate, one))
    ]
    have = "kernel has" if len(kernels) == 1 else "kernels have"
    return [
        f"{len(kernels)} {have} channels that are no multiple of {fit.tile} (`unpacked`): "
        f"{100 * taken:.0f} % of the time, which multiples would save"
    ]


def outside_note(estimate: DeviceEstimate) -> str:
    """Why an estimate is marked."""
    return f"marked *: {'; '.join(estimate.outside)}"


def _at_worst(held_out: HeldOut) -> str:
    """What a median does not show: a kind of network that a fit cannot be used for."""
    if held_out.worst is None or held_out.worst_error is None:
        return ""
    off = abs(held_out.worst_error)
    way = "fast" if held_out.worst_error < 0 else "slow"
    return f", at worst {100 * off:.3g} % too {way}: {held_out.worst}"


def _device_notes(estimate: DeviceEstimate, refused: bool = False) -> list[str]:
    """What else is to be said of one estimate."""
    notes = list(estimate.notes)
    if refused:
        return notes
    held_out = estimate.latency_fit.held_out if estimate.latency_fit else None
    if held_out is not None:
        notes.append(
            f"off by {100 * held_out.median:.3g} % in the median on {held_out.measurements} times "
            f"that the fit had not seen ({held_out.protocol}){_at_worst(held_out)}"
        )
    elif estimate.latency_fit is not None and (words := set_by_one(estimate.latency_fit)):
        notes.append(words)
    if estimate.outside:
        notes.append(outside_note(estimate))
    notes += _packs_note(estimate)
    if estimate.inference_s and estimate.latency_s is not None:
        notes.append(
            f"{format_seconds(estimate.inference_s)} of the time is a fixed cost of each inference"
        )
    notes += [
        f"{fit.what} need {ordered_bytes(fit.needed_bytes, fit.spec_order_bytes, fit.is_least)}"
        for fit in estimate.memory_fits
        if fit.spec_order_bytes is not None
    ]
    return notes + [_misfit(fit) for fit in estimate.memory_fits if fit.fits is False]


def ordered_bytes(needed: int, spec_order: int, is_least: bool | None) -> str:
    """Bytes in an order that was looked for, beside those in the order of the spec."""
    text = format_bytes(needed)
    if needed < spec_order:
        text += f" instead of {format_bytes(spec_order)}"
    else:
        text += " as in the order of the spec"
    return text + (", proven least" if is_least else ", not proven")
