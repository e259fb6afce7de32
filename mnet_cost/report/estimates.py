"""Times on devices: the table of `analyze`, and what is to be said about each basis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.capacity import CapacityCheck
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.analysis.time_breakdown import PARTS, time_shares
from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.latency_models import CoefficientFit, HeldOut, RooflineFit
from mnet_cost.devices.runtimes import named, runtime_notes
from mnet_cost.devices.siblings import measured_siblings
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.report.capacity import memory_fits, misfits
from mnet_cost.report.kernel_explanation import term_times
from mnet_cost.report.latency_fit import set_by_one
from mnet_cost.report.metric_columns import metric_column, metric_of
from mnet_cost.report.placement import (
    SHARE_COLUMN,
    more_placement_notes,
    placement_notes,
    share_text,
)
from mnet_cost.report.rows import (
    band_cell,
    basis_cell,
    energy_cell,
    part_word,
    time_cell,
    without,
)
from mnet_cost.report.types import (
    ASKED,
    SPARE,
    Absent,
    AtLeast,
    Column,
    Mark,
    Marked,
    Quantity,
    Table,
    Time,
)
from mnet_cost.units import format_bytes, format_capacity, format_seconds, format_si

_RESTS_ON = {
    "calibrated": "fitted to times measured on this very device",
    "fitted": "fitted to published times of the device",
    "datasheet": "that devices have in common and a share of the data sheet's peak; nothing here "
    "was measured on the device",
}
"""What numbers of an estimate rest on, by basis."""
_WAYS = {
    CoefficientFit: "the sum of what each kernel asks for, at cost coefficients",
    RooflineFit: "constants and a roofline",
}
_BOUND = "the least that these kernels can take on the profile's peaks; real runs take longer"
_FITS = "whether weights and activations fit into the memory"
FITS = f"fits: {_FITS}; -: its size is not known"
_UNPACKED = ("unpacked", "unpacked_depthwise")
_MUCH = 0.03
"""A smaller share of the time has no note."""
_COSTLY = 0.2
"""A note on a larger share of the time is always shown."""
_NAMED = 4
"""Devices that a note names; more are counted."""


def device_table(analysis: Analysis) -> Table:
    """Times with ranges, how each was run, whether it fits, energies, bases; where there is room,
    what the times are made of."""
    constants = any(estimate.inference_s for estimate in analysis.devices)
    parts = [part for part in PARTS if part != "inference" or constants]
    energy_title, energy_help = _ENERGIES[by_power(analysis.devices)]
    columns = (
        Column("device", "device", "text", ASKED, help="the profile"),
        metric_column("latency", ASKED, help="of one inference of the whole batch"),
        Column("band_s", "80 % range", "range", ASKED, help="four of five measurements are in it"),
        Column("runtime", "runtime", "text", ASKED, "run by", "the software that runs the network"),
        Column("threads", "threads", "number", ASKED, "thr", "processor cores that work at once"),
        Column(
            "fits",
            "fits",
            "text",
            ASKED,
            help=f"{_FITS}; unknown: the size of the memory or the cost of a layer is not known",
        ),
        SHARE_COLUMN,
        Column("energy", energy_title, "quantity", 6, "energy", energy_help),
        Column(
            "basis", "basis", weight=ASKED, help="what the time rests on; the notes say it of each"
        ),
        metric_column("lower_bound", SPARE, help="no run on these peaks takes less")._replace(
            title="bound"  # shares for which there is room are worth more than a word
        ),
        *(
            Column(f"{part}_share", f"{part_word(part)} %", "percent", -1, help=_PARTS[part])
            for part in parts
        ),
    )
    refused = not analysis.has_totals
    rows = []
    for estimate in analysis.devices:
        shares = {} if refused else time_shares(estimate)
        mark = _mark(estimate)
        rows.append(
            (
                estimate.device.name,
                _marked(time_cell(analysis, estimate), mark),
                band_cell(analysis, estimate) or Absent(""),
                estimate.device.runtime,
                threads_cell(estimate.device),
                fits_cell(analysis, estimate),
                share_text(estimate.placement),
                _energy(analysis, estimate),
                _marked(basis_cell(analysis, estimate), mark),
                # A time that is a lower bound itself needs no smaller one beside it.
                Absent("")
                if estimate.basis == "bound"
                else _number(metric_of("lower_bound", analysis, estimate)),
                *(_number(shares.get(part, 0.0 if shares else None)) for part in parts),
            )
        )
    needless = []
    if refused or all(estimate.low_s is None for estimate in analysis.devices):
        needless.append("band_s")
    if refused or not any(estimate.energy for estimate in analysis.devices):
        needless.append("energy")
    if all(estimate.placement is None for estimate in analysis.devices):
        needless.append(SHARE_COLUMN.key)
    return without(Table("devices", "", columns, tuple(rows)), needless)


_PARTS = {
    "compute": "of the time, mult-adds and other operations",
    "memory": "of the time, bytes that are moved",
    "overhead": "of the time, the launches of kernels",
    "inference": "of the time, a fixed cost of each inference",
}
_ENERGIES = {
    True: ("energy", "power x time of one inference; ≥: the time is a lower bound"),
    False: (
        "energy of ops",
        "joules per mult-add and per byte: a lower bound, which leaves out idling and leakage",
    ),
}
"""Title and meaning of the energies of a table, by whether they are power x time."""


def by_power(estimates: Sequence[DeviceEstimate]) -> bool:
    """Whether energies are power x time: where the power of one device is known, a lower bound of
    another from its operations alone has no place beside them."""
    return any(estimate.device.power_w is not None and estimate.energy for estimate in estimates)


def _energy(analysis: Analysis, estimate: DeviceEstimate) -> Quantity | AtLeast | Absent:
    other = by_power(analysis.devices) and estimate.device.power_w is None
    cell = None if other else energy_cell(analysis, estimate)
    return Absent("unknown") if cell is None else cell


def _number(value: float | None) -> float | Absent:
    return Absent("unknown") if value is None else value


def threads_cell(device: DeviceProfile) -> int | Absent:
    """Threads of a processor; nothing for what has none."""
    return Absent("") if device.device_class in ("gpu", "accelerator") else device.threads


def fits_cell(analysis: Analysis, estimate: DeviceEstimate) -> Marked | str:
    """Whether all fits into the memory, in a word."""
    fits = memory_fits(analysis, estimate)
    if fits is None:
        return "unknown"
    return "yes" if fits else Marked("no", "bad")


def _mark(estimate: DeviceEstimate) -> Mark | None:
    return None if estimate.basis is None else _MARKS[estimate.basis]


_MARKS: Mapping[str, Mark] = {
    "calibrated": "measured", "fitted": "measured", "datasheet": "datasheet", "bound": "bound",
}  # fmt: skip


def _marked(value: Time | str | None, mark: Mark | None) -> Marked | Absent:
    if value is None or mark is None:
        return Absent("unknown")
    return Marked(value, mark)


def misfit_alerts(analysis: Analysis) -> tuple[str, ...]:
    """What stands above everything: that the network fits none of the devices."""
    estimates = analysis.devices
    if not estimates or not all(misfits(analysis, estimate) for estimate in estimates):
        return ()
    if len(estimates) > 1:
        return (f"fits none of the {len(estimates)} devices: {_listed(_names(estimates))}",)
    return (f"does not fit {_overs(analysis, estimates[0])}",)


def _overs(analysis: Analysis, estimate: DeviceEstimate) -> str:
    """By how much the network exceeds each memory that it does not fit, as text."""
    overs = [
        f"{check.what} are {format_bytes(check.over_bytes or 0)} over {check.where} "
        f"({format_capacity(check.available_bytes or 0)})"
        for check in misfits(analysis, estimate)
    ]
    return f"{estimate.device.name}: {', '.join(overs)}"


def _misfit(fit: CapacityCheck) -> str:
    """A sentence that says what does not fit, by how much, and which tensors are the cause."""
    size = format_capacity(fit.available_bytes or 0)
    text = f"{fit.what} do not fit {fit.where} {size}: over by {format_bytes(fit.over_bytes or 0)}"
    if fit.gap_bytes:
        text += f", {format_bytes(fit.gap_bytes)} of it gaps"
    if fit.because:
        named = [f"{tensor.name} {format_bytes(tensor.bytes)}" for tensor in fit.because[:3]]
        if len(fit.because) > 3:
            named.append(f"{len(fit.because) - 3} more")
        alive = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
        text += f", because of {alive}" + (", alive together" if len(named) > 1 else "")
        text += f" at {fit.at}"
    return text


def warning_notes(analysis: Analysis) -> list[str]:
    """What does not fit, of which there is no time, and of what no fit has seen the like."""
    estimates = analysis.devices
    overs = [_overs(analysis, estimate) for estimate in estimates if misfits(analysis, estimate)]
    notes = []
    if overs and not (len(estimates) == 1 and misfit_alerts(analysis)):
        more = f"; and {len(overs) - _NAMED} more" * (len(overs) > _NAMED)
        notes.append(f"does not fit {'; '.join(overs[:_NAMED])}{more}")
    notes += unknown_notes(estimates)
    notes += placement_notes(estimates)
    return [*notes, *outside_notes(estimates)] if analysis.has_totals else notes


def reading_notes(analysis: Analysis) -> list[str]:
    """Which times are lower bounds, and where measured ones stand."""
    estimates = analysis.devices
    if not analysis.has_totals:
        return []
    notes = []
    bounds = [estimate for estimate in estimates if estimate.basis == "bound"]
    if bounds:
        notes.append(f"{_listed(_names(bounds))}: ≥ is a lower bound; real runs take longer")
    notes += _said(
        (estimate.device.name, note)
        for estimate in estimates
        for note in _packs_note(estimate, _COSTLY)
    )
    notes += _said(
        (estimate.device.name, note)
        for estimate in estimates
        if estimate.basis in ("datasheet", "bound")
        for note in runtime_notes(estimate.device, estimate.precision, estimate.basis)
    )
    return notes + sibling_notes(estimates)


def sibling_notes(estimates: Sequence[DeviceEstimate]) -> list[str]:
    """Which profiles rest on measurements of a board, where the one at hand does not."""
    notes = []
    for estimate in estimates:
        if estimate.basis in ("datasheet", "bound"):
            names = measured_siblings(estimate.device, estimate.precision)
            if names:
                notes.append(f"{estimate.device.name}: also measured: {', '.join(names)}")
    if len(notes) <= _NAMED:
        return ["; ".join(notes)] if notes else []
    boards = ", ".join(note.partition(":")[0] for note in notes[:_NAMED])
    return [f"{boards} and {len(notes) - _NAMED} more: also measured, see `mnet-cost devices`"]


def more_notes(analysis: Analysis) -> list[str]:
    """All else that is to be said of the times: what they are, by basis, then of each device."""
    estimates = analysis.devices
    if not analysis.has_totals:
        return []
    known = [estimate for estimate in estimates if estimate.latency_s is not None]
    notes = meanings(known)
    if by_power(estimates):
        notes += [
            f"{estimate.device.name}: its power is unknown; mult-adds and bytes alone take ≥"
            f"{format_si(estimate.energy.energy_j, 'J')}, which power x time is not compared with"
            for estimate in estimates
            if estimate.energy is not None and estimate.device.power_w is None
        ]
    if known:
        notes.append("kernels are formed as each runtime does; `mnet-cost devices NAME` shows how")
    notes += more_placement_notes(estimates)
    return notes + _said(
        (estimate.device.name, note)
        for estimate in estimates
        for note in (*_own_notes(estimate), *map(_misfit, misfits(analysis, estimate)))
        # What is said of the runtime was said first.
        if note not in runtime_notes(estimate.device, estimate.precision, estimate.basis)
        if estimate.latency_s is not None or note not in estimate.notes
    )


def time_notes(analysis: Analysis, estimates: Sequence[DeviceEstimate]) -> list[str]:
    """Notes on the bases of the times, then notes on each device; `estimates` are some of the
    analysis."""
    bases = basis_notes(estimates) if analysis.has_totals else []
    return bases + _said(
        (estimate.device.name, note)
        for estimate in estimates
        for note in _device_notes(analysis, estimate)
    )


STARS = "times marked *: something here is outside of what was measured; --notes says what"


def outside_notes(estimates: Sequence[DeviceEstimate]) -> list[str]:
    """Why estimates are marked."""
    return _said(
        (estimate.device.name, outside_note(estimate)) for estimate in estimates if estimate.outside
    )


def _said(notes: Iterable[tuple[str, str]]) -> list[str]:
    """Notes on devices by name, each once."""
    names_by_note: dict[str, list[str]] = {}
    for name, note in notes:
        names_by_note.setdefault(note, []).append(name)
    return [f"{_listed(names)}: {note}" for note, names in names_by_note.items()]


def unknown_notes(estimates: Sequence[DeviceEstimate]) -> list[str]:
    """Why there is no time, where there is none, and what would have one."""
    return _said(
        (estimate.device.name, note + _way_out(estimate))
        for estimate in estimates
        if estimate.latency_s is None
        for note in estimate.notes
    )


def _way_out(estimate: DeviceEstimate) -> str:
    """Profiles of the same board with times in this precision, else a precision of the profile."""
    device, precision = estimate.device, estimate.precision
    known = [*device.compute, *device.latency]
    if precision in known or not known:
        return ""
    siblings = measured_siblings(device, precision)
    if siblings:
        return f"; measured in {precision}: {', '.join(siblings)}"
    return "" if estimate.is_stated else f"; `--precision {known[0]}` gives one"


def basis_notes(
    estimates: Sequence[DeviceEstimate], energy: bool = True, ranges: bool = True
) -> list[str]:
    """What the times are, once for each basis; and what energies and ranges are, if those are
    shown."""
    known = [estimate for estimate in estimates if estimate.latency_s is not None]
    notes = meanings(known)
    if ranges and any(estimate.low_s is not None for estimate in known):
        notes.append("80 % range: four of five measurements are expected in it")
    if energy and any(estimate.energy for estimate in estimates):
        notes.append(
            "energy: power x time where the power is known, else joules per mult-add and per byte, "
            "which leave out idling; ≥: a lower bound"
        )
    if known:
        notes.append("kernels are formed as each runtime does; `mnet-cost devices NAME` shows how")
    return notes


def _names(estimates: Sequence[DeviceEstimate]) -> list[str]:
    return [estimate.device.name for estimate in estimates]


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" * (len(names) > _NAMED))


def meanings(estimates: Sequence[DeviceEstimate]) -> list[str]:
    """What each basis says of a time; of which devices where it can be one of two things."""
    ways: dict[str, dict[str, list[str]]] = {}
    for estimate in estimates:
        if estimate.basis is not None:
            names_by_way = ways.setdefault(estimate.basis, {})
            names_by_way.setdefault(_way(estimate, estimate.basis), []).append(estimate.device.name)
    return [
        f"{basis}{f' ({_listed(names)})' if len(names_by_way) > 1 else ''}: {way}"
        for basis, names_by_way in ways.items()
        for way, names in names_by_way.items()
    ]


def _way(estimate: DeviceEstimate, basis: str) -> str:
    if not estimate.latency_fits:
        return _BOUND
    fits = dict.fromkeys(map(type, estimate.latency_fits.values()))
    return f"{' or '.join(_WAYS[fit] for fit in fits)} {_RESTS_ON[basis]}"


def _packs_note(estimate: DeviceEstimate, least: float = _MUCH) -> list[str]:
    """The cost of channels that fill no pack: where it is high, fewer channels can take longer."""
    fit = estimate.latency_fit
    taken = sum(
        share for name, share in zip(TERM_NAMES, estimate.shares, strict=False) if name in _UNPACKED
    )
    if not isinstance(fit, CoefficientFit) or taken <= least:
        return []
    kernels = [
        kernel
        for kernel in estimate.kernels
        if any(term.term in _UNPACKED for term in term_times(estimate, kernel))
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
    """A note on the kind of network for which a fit is worst: its median does not show that."""
    if held_out.worst is None or held_out.worst_error is None:
        return ""
    off = abs(held_out.worst_error)
    way = "fast" if held_out.worst_error < 0 else "slow"
    return f", at worst {100 * off:.3g} % too {way}: {held_out.worst}"


def _device_notes(analysis: Analysis, estimate: DeviceEstimate) -> list[str]:
    """All that is to be said of one estimate."""
    if not analysis.has_totals:
        return list(estimate.notes)
    outside = [outside_note(estimate)] if estimate.outside else []
    return [*_own_notes(estimate), *outside, *map(_misfit, misfits(analysis, estimate))]


def _own_notes(estimate: DeviceEstimate) -> list[str]:
    """How far off an estimate is, and what it is made of."""
    notes = list(estimate.notes)
    device = estimate.device
    if device.runtime_version is not None and estimate.latency_fits:
        notes.append(f"its times are of {named(device.runtime, device.runtime_version)}")
    for precision, fit in estimate.latency_fits.items():
        head = f"{precision}: " if len(estimate.latency_fits) > 1 else ""
        held_out = fit.held_out
        if held_out is not None:
            notes.append(
                f"{head}median error {100 * held_out.median:.3g} % on {held_out.measurements} "
                "times that were held out of the fit "
                f"({held_out.protocol}){_at_worst(held_out)}"
            )
        elif words := set_by_one(fit):
            notes.append(head + words)
    costly = _packs_note(estimate, _COSTLY)
    notes += [note for note in _packs_note(estimate) if note not in costly]  # else said first
    if estimate.inference_s and estimate.latency_s is not None:
        notes.append(
            f"{format_seconds(estimate.inference_s)} of the time is a fixed cost of each inference"
        )
    return notes + [
        f"{fit.what} need {ordered_bytes(fit.needed_bytes, fit.spec_order_bytes, fit.is_least)}"
        for fit in estimate.memory_fits
        if fit.spec_order_bytes is not None
    ]


def ordered_bytes(needed: int, spec_order: int, is_least: bool | None) -> str:
    """Bytes in an order that was looked for, beside those in the order of the spec."""
    text = format_bytes(needed)
    if needed < spec_order:
        text += f" instead of {format_bytes(spec_order)}"
    else:
        text += " as in the order of the spec"
    return text + (", proven least" if is_least else ", not proven")
