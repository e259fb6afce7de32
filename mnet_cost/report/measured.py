"""The report of `measure`: what networks took, how sure that is, and the estimates beside it.

A row for each network: its time, how far its rounds differ, and for each device the estimate, its
range, how far off it is. The facts say where and how well it was measured. CSV has the columns that
`calibrate --from` reads.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.measure.runs.environment import Environment
from mnet_cost.measure.runs.pinning import shown_cpus
from mnet_cost.measure.runs.recorded import SOURCE
from mnet_cost.measure.runs.request import MeasuredNetworks
from mnet_cost.measure.runs.sessions import Session, Timed
from mnet_cost.report.estimates import basis_notes, outside_notes, unknown_notes
from mnet_cost.report.rows import band_cell, basis_cell, time_cell, without
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import (
    ASKED,
    MOST_NOTES,
    SPARE,
    Column,
    Fact,
    Form,
    Quantity,
    Range,
    Report,
    Table,
)
from mnet_cost.units import format_bytes, format_si


def measured_report(measured: MeasuredNetworks) -> Report:
    """Times by network, estimates by device, and how well all is known."""
    session = measured.session
    table = _times(measured)
    count = len(session.timed)
    tables = [table, *_estimates(measured)] if count else []
    notes, more = _notes(measured)
    found = session.environment
    threads = session.timed[0].threads if count else None
    settings = [f"{threads} thread{'s' if threads != 1 else ''}"] if threads else []
    settings += list(dict.fromkeys(timed.precision for timed in session.timed))
    return Report(
        title=f"{count} network{'s' if count != 1 else ''} measured with {found.runtime} "
        f"{found.runtime_version}",
        subtitle=" · ".join(settings),
        facts=tuple(_facts(session)),
        tables=tuple(tables),
        notes=tuple(notes[:MOST_NOTES]),
        more_notes=(*notes[MOST_NOTES:], *more),
        alerts=session.warnings,
        document=lambda: _document(measured),
        records=lambda: _records(measured),
    )


def _times(measured: MeasuredNetworks) -> Table:
    columns = (
        Column("model", "network", "text", ASKED),
        Column("batch", "batch", "number", 8, help="examples of one inference"),
        Column("latency_s", "time", "seconds", ASKED, help="of one inference: the median of its "
               "rounds, drift taken out"),
        Column("spread", "spread %", "percent", 9, help="of its rounds, drift taken out: largest "
               "less smallest, as a share of the time"),
        Column("fastest_s", "fastest", "seconds", 6, help="the fastest run"),
        Column("runs_s", "10-90 % of runs", "range", 7, help="eight of ten runs of a round are in "
               "it"),
        Column("rounds", "rounds", "number", 4),
        Column("runs", "runs", "number", 3, help="in all rounds"),
        Column("peak_memory_bytes", "memory", "bytes", 8, help="by how much resident memory grew "
               "at most while it was prepared and run, in a process of its own"),
        Column("estimated_memory_bytes", "estimate", "bytes", 8, help="of the memory: weights, "
               "and activations at their peak, without what the runtime itself takes",
               needs="peak_memory_bytes"),
        Column("energy_j", "energy", "quantity", 8, help="of one inference"),
    )  # fmt: skip
    rows = tuple(
        (
            timed.reference,
            timed.batch,
            timed.median_s,
            timed.spread,
            timed.fastest_s,
            Range(timed.low_s, timed.high_s),
            len(timed.steady_s),
            timed.runs,
            timed.peak_memory_bytes,
            _memory(analysis) if timed.peak_memory_bytes is not None else None,
            None if timed.energy_j is None else Quantity(timed.energy_j, "J"),
        )
        for timed, analysis in zip(measured.session.timed, measured.analyses, strict=True)
    )
    table = Table("times", "", columns, rows)
    timed = measured.session.timed
    needless = []
    if all(each.batch == 1 for each in timed):
        needless.append("batch")
    if all(each.peak_memory_bytes is None for each in timed):
        needless += ["peak_memory_bytes", "estimated_memory_bytes"]
    if all(each.energy_j is None for each in timed):
        needless.append("energy_j")
    if all(each.spread is None for each in timed):
        needless.append("spread")
    return without(table, needless)


def _memory(analysis: Analysis) -> int | None:
    """Bytes of weights and of activations at their peak; None where a layer is not known."""
    if not analysis.has_totals:
        return None
    return int(analysis.totals.weight_bytes) + analysis.memory.peak_bytes


_BESIDE = (
    Column("model", "network", "text", ASKED),
    Column("batch", "batch", "number", SPARE),
    Column("measured_s", "measured", "seconds", ASKED),
    Column("latency_s", "estimate", "seconds", ASKED),
    Column("band_s", "80 % range", "range", 9, help="four of five measurements are in it"),
    Column("ratio", "ratio", "ratio", ASKED, help="the estimate over the measured time"),
    Column("inside", "inside", "text", 9, help="whether the measured time is in the range"),
    Column("basis", "basis", "text", 7, help="what the estimate rests on"),
)


def _estimates(measured: MeasuredNetworks) -> list[Table]:
    """A table for each device."""
    first = measured.analyses[0]
    needless = ["batch"] if all(each.batch == 1 for each in measured.session.timed) else []
    tables = [
        Table(
            f"estimates_{number}",
            f"Estimates for {estimate.device.name}",
            _BESIDE,
            tuple(
                _beside(timed, analysis, analysis.devices[number])
                for timed, analysis in zip(measured.session.timed, measured.analyses, strict=True)
            ),
        )
        for number, estimate in enumerate(first.devices)
    ]
    return [without(table, needless) for table in tables]


def _beside(timed: Timed, analysis: Analysis, estimate: DeviceEstimate) -> tuple[Any, ...]:
    inside = is_inside(timed, analysis, estimate)
    return (
        timed.reference,
        timed.batch,
        timed.median_s,
        time_cell(analysis, estimate),
        band_cell(analysis, estimate),
        ratio_of(timed, analysis, estimate),
        None if inside is None else "yes" if inside else "no",
        basis_cell(analysis, estimate),
    )


def ratio_of(timed: Timed, analysis: Analysis, estimate: DeviceEstimate) -> float | None:
    """The estimate over the measured time; None without one."""
    seconds = analysis.latency_s(estimate)
    return None if seconds is None else seconds / timed.median_s


def is_inside(timed: Timed, analysis: Analysis, estimate: DeviceEstimate) -> bool | None:
    """Whether the measured time is in the estimate's range; None where there is none."""
    band = band_cell(analysis, estimate)
    return None if band is None else band.low <= timed.median_s <= band.high


def _facts(session: Session) -> list[Fact]:
    found = session.environment
    noise = "one round of a network against the median of its others"
    facts = []
    if session.noise is not None:
        facts.append(Fact("noise floor", session.noise, "percent", f"%, {noise}"))
    else:
        facts.append(Fact("noise floor", "unknown", "text", "a second round would tell"))
    if session.drift is not None:
        detail = "%, slowest over fastest round of the reference network; taken out of all times"
        facts.append(Fact("drift", session.drift, "percent", detail))
    facts.append(Fact("processor", found.processor or "unknown", "text", _cpus(found)))
    facts.append(Fact("others", _busy(found.others_during), "text", _load(found)))
    details = ", ".join(f"{name} {value}" for name, value in found.details.items())
    facts.append(Fact("system", found.system, "text", f"Python {found.python}", more=True))
    if details:
        facts.append(Fact("runtime", found.runtime, "text", details, more=True))
    return facts


def _cpus(found: Environment) -> str:
    words = [f"{found.cpus} of {found.machine_cpus} CPUs"]
    if found.pinned is not None:
        words.append(f"on CPU {shown_cpus(found.pinned)}")
    if found.cpu_quota is not None:
        words.append(f"a limit of {found.cpu_quota:g} CPUs")
    if found.governor is not None:
        words.append(f"governor {found.governor}")
    if found.clock_hz is not None:
        words.append(format_si(found.clock_hz, "Hz"))
    if found.memory_bytes is not None:
        words.append(f"{format_bytes(found.memory_bytes)} of memory")
    return ", ".join(words)


def _busy(cpus: float | None) -> str:
    return "unknown" if cpus is None else f"{cpus:.2f} CPUs"


def _load(found: Environment) -> str:
    words = [f"kept busy by other programs meanwhile, {_busy(found.others_before)} before"]
    if found.stolen:
        words.append(f"the host took {100 * found.stolen:.1f} %")
    if found.switches_per_s is not None:
        words.append(f"{found.switches_per_s:.0f} times a second a CPU was taken away")
    return "; ".join(words)


def _notes(measured: MeasuredNetworks) -> tuple[list[str], list[str]]:
    """Notes that change how numbers are read, and all others."""
    session = measured.session
    notes = [f"{failure.reference} could not be measured" for failure in session.failures]
    if session.interrupted:
        notes.append("it was stopped: some rounds are missing")
    for number, first in enumerate(measured.analyses[0].devices if measured.analyses else ()):
        pairs = [
            is_inside(timed, analysis, analysis.devices[number])
            for timed, analysis in zip(session.timed, measured.analyses, strict=True)
        ]
        known = [pair for pair in pairs if pair is not None]
        if known:
            notes.append(
                f"{first.device.name}: {sum(known)} of {len(known)} measured times are in the "
                "range of the estimate, which is to hold four of five"
            )
        own = {timed.precision for timed in session.timed}
        if own and own != {first.precision}:
            notes.append(
                f"{first.device.name}: the estimate is of {first.precision}, and "
                f"{' and '.join(sorted(own))} was measured"
            )
    if any(timed.peak_memory_bytes is not None for timed in session.timed):
        notes.append(
            "memory: the estimate has no code and no buffers of the runtime, and the process has "
            "copies of the weights where the runtime packs them"
        )
    more = [
        "time: median of the rounds, each of which is the median of its runs over how slow the "
        "reference network was in that round"
    ]
    estimates = [estimate for analysis in measured.analyses for estimate in analysis.devices]
    more += [*unknown_notes(estimates), *basis_notes(estimates, energy=False)]
    more += outside_notes(estimates)
    unknown = [name for name in session.environment.unknown if name in _SAID]
    if unknown:
        more.append(f"not said by this system: {', '.join(_SAID[name] for name in unknown)}")
    return notes, more


_SAID = {
    "processor": "the processor's name",
    "governor": "who sets the clock",
    "clock_hz": "the clock",
    "others_during": "the load of others",
    "memory_bytes": "the size of the memory",
}
"""What readers want to know of a machine, by its name in `Environment`."""


def _records(measured: MeasuredNetworks) -> Table:
    """A row for each network, as `calibrate --from` reads it, with the estimates beside."""
    session = measured.session
    devices = measured.analyses[0].devices if measured.analyses else ()
    columns = (
        Column("model", ""), Column("latency_s", ""), Column("runtime", ""),
        Column("runtime_version", ""), Column("threads", ""), Column("precision", ""),
        Column("batch", ""), Column("processor", ""), Column("date", ""), Column("source", ""),
        Column("spread", ""), Column("fastest_s", ""), Column("low_s", ""), Column("high_s", ""),
        Column("rounds", ""), Column("runs", ""), Column("noise", ""),
        Column("peak_memory_bytes", ""), Column("energy_uj", ""),
        *(
            Column(f"{key}@{estimate.device.name}", "", form)
            for estimate in devices
            for key, form in _BESIDE_FILES
        ),
    )  # fmt: skip
    rows = []
    for timed, analysis in zip(session.timed, measured.analyses, strict=True):
        beside = []
        for estimate in analysis.devices:
            seconds, band = analysis.latency_s(estimate), band_cell(analysis, estimate)
            beside += [
                None if seconds is None else 1e3 * seconds,
                None if band is None else 1e3 * band.low,
                None if band is None else 1e3 * band.high,
                ratio_of(timed, analysis, estimate),
                is_inside(timed, analysis, estimate),
            ]
        found = session.environment
        rows.append(
            (
                timed.reference, timed.median_s, timed.runtime, timed.version, timed.threads,
                timed.precision, timed.batch, found.processor, found.date, SOURCE,
                timed.spread, timed.fastest_s, timed.low_s, timed.high_s,
                len(timed.steady_s), timed.runs, session.noise, timed.peak_memory_bytes,
                None if timed.energy_j is None else 1e6 * timed.energy_j,
                *beside,
            )
        )  # fmt: skip
    return Table("measurements", "", columns, tuple(rows))


_BESIDE_FILES: tuple[tuple[str, Form], ...] = (
    ("estimate_ms", "number"), ("estimate_low_ms", "number"), ("estimate_high_ms", "number"),
    ("ratio", "ratio"), ("inside", "text"),
)  # fmt: skip


def _document(measured: MeasuredNetworks) -> dict[str, Any]:
    session = measured.session
    found = session.environment
    return {
        "schema": schema_id("measurement"),
        "environment": {**asdict(found), "pinned": found.pinned and list(found.pinned)},
        "noise": session.noise,
        "drift": session.drift,
        "interrupted": session.interrupted,
        "warnings": list(session.warnings),
        "failures": [
            {"model": failure.reference, "error": str(failure.error)}
            for failure in session.failures
        ],
        "networks": [
            {
                "model": timed.reference,
                "batch": timed.batch,
                "precision": timed.precision,
                "threads": timed.threads,
                "latency_ms": 1e3 * timed.median_s,
                "fastest_ms": 1e3 * timed.fastest_s,
                "low_ms": 1e3 * timed.low_s,
                "high_ms": 1e3 * timed.high_s,
                "spread": timed.spread,
                "rounds_ms": [1e3 * seconds for seconds in timed.steady_s],
                "runs": timed.runs,
                "peak_memory_bytes": timed.peak_memory_bytes,
                "estimated_memory_bytes": _memory(analysis),
                "energy_mj": None if timed.energy_j is None else 1e3 * timed.energy_j,
                "estimates": [
                    {
                        "device": estimate.device.name,
                        "precision": estimate.precision,
                        "basis": estimate.basis,
                        "latency_ms": _milliseconds(analysis.latency_s(estimate)),
                        "latency_low_ms": _milliseconds(band and band.low),
                        "latency_high_ms": _milliseconds(band and band.high),
                        "bound_ms": _milliseconds(estimate.bound_s),
                        "ratio": ratio_of(timed, analysis, estimate),
                        "inside": is_inside(timed, analysis, estimate),
                    }
                    for estimate in analysis.devices
                    for band in [band_cell(analysis, estimate)]
                ],
            }
            for timed, analysis in zip(session.timed, measured.analyses, strict=True)
        ],
    }


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else 1e3 * seconds
