"""The report of `validate`: estimates beside runs, in total, by kernel, and why they differ.

One network has its kernels, the parts of the gap to its lower bound, and the shares of its kinds of
layers; of several, each has a row, and the worst kernels of all of them are below. Not here: the
JSON document and the rows of CSV (`validation_document.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from mnet_cost.devices.runtimes import named
from mnet_cost.measure.runs.gap import PARTS, Gap
from mnet_cost.measure.runs.joining import JoinedKernel
from mnet_cost.measure.runs.validate import Validation, summary
from mnet_cost.network import Network, Step
from mnet_cost.report.matrix import settings_words
from mnet_cost.report.metric_columns import metric_column
from mnet_cost.report.rows import distinct, without, without_unknown
from mnet_cost.report.types import (
    ASKED,
    MOST_NOTES,
    SPARE,
    Absent,
    Change,
    Column,
    Fact,
    Marked,
    Range,
    Report,
    Table,
    Time,
)
from mnet_cost.report.validation_document import validation_document, validation_records
from mnet_cost.units import format_bytes, format_seconds, format_si

TOP = 15
"""Kernels that are shown where nobody says how many."""
_MOST_NAMES = 3
_BOUND = "the least time on the profile's peaks"

_WORDS = {
    "compute_bound": "compute bound",
    "memory_bound": "memory bound",
    "inefficiency": "kernel inefficiency",
    "unbounded": "kernels without a bound",
    "layout": "layout copies",
    "other_kernels": "other kernels",
    "launch": "kernel launch",
    "between": "between kernels",
    "not_told_apart": "not told apart",
    "jitter": "jitter",
}
"""What people call `PARTS`."""


def validation_report(validations: Sequence[Validation], top: int = TOP) -> Report:
    """Estimates beside runs, with the `top` kernels that are estimated worst."""
    names = distinct([each.run.reference for each in validations])
    first = validations[0]
    notes = list(dict.fromkeys(_notes(names, validations)))
    tables = [_kernel_table(names, validations, top), _gap_table(names, validations)]
    if len(validations) == 1:
        tables.append(_kind_table(first))
    return Report(
        title=_title(names, validations),
        subtitle=" · ".join(_setting(first)) if len(validations) == 1 else "",
        facts=_facts(first) if len(validations) == 1 else _summary_facts(validations),
        tables=tuple([table for table in tables if table is not None]),
        notes=tuple(notes[:MOST_NOTES]),
        more_notes=(*notes[MOST_NOTES:], *_more_notes(names, validations)),
        document=partial(validation_document, names, validations),
        records=partial(validation_records, names, validations),
        alerts=tuple(dict.fromkeys(said for each in validations for said in each.differences)),
        answer=(_total_table(names, validations),),
    )


def _title(names: Sequence[str], validations: Sequence[Validation]) -> str:
    first = validations[0]
    runtimes = dict.fromkeys(
        named(each.run.runtime, each.run.version or None) for each in validations
    )
    under = f"under {' and '.join(runtimes)}"
    if len(validations) > 1:
        return f"{len(names)} networks {under}"
    measured = f"{names[0]} {under}: measured {format_seconds(first.run.median_s)}"
    if first.estimate_s is None:
        return measured
    return f"{measured}, estimated {format_seconds(first.estimate_s)}"


def _setting(validation: Validation) -> list[str]:
    run = validation.run
    return [
        *settings_words(validation.analysis.network.knobs),
        run.precision,
        f"{run.threads} thread{'s' * (run.threads != 1)}",
        *([] if run.device in ("", "cpu") else [run.device]),
        f"{run.runs:,} run{'s' * (run.runs != 1)} in {run.rounds} round{'s' * (run.rounds != 1)}",
    ]


def _total_table(names: Sequence[str], validations: Sequence[Validation]) -> Table:
    columns = (
        Column("model", "network", "text", ASKED),
        Column("measured_s", "measured", "seconds", ASKED, help="median of the runs"),
        Column("runs_s", "80 % of runs", "range", 5, help="10th to 90th percentile of the runs"),
        Column("estimate_s", "estimate", "seconds", ASKED, help="of the profile"),
        Column("band_s", "80 % range", "range", 9, help="of the estimate"),
        Column(
            "inside", "inside", "text", ASKED, help="whether the measured time is in that range"
        ),
        Column("error", "off %", "percent", ASKED, help="estimated over measured time, less 1"),
        Column(
            "noise", "noise %", "percent", ASKED, help="how much rounds differ: the noise floor"
        ),
        metric_column("lower_bound", 6, help=_BOUND)._replace(title="bound"),
        Column("efficiency", "bound %", "percent", SPARE, help="bound over measured time"),
    )
    rows = tuple([_total_row(*pair) for pair in zip(names, validations, strict=True)])
    table = Table("networks", "", columns, rows)
    return without_unknown(table, ("runs_s", "band_s", "bound_s", "efficiency"))


def _total_row(name: str, validation: Validation) -> tuple[Any, ...]:
    run, estimate = validation.run, validation.estimate
    band: Any = None
    if validation.estimate_s is not None and estimate and estimate.low_s and estimate.high_s:
        band = Range(estimate.low_s, estimate.high_s)
    inside = {None: Absent("-"), True: "yes", False: Marked("no", "bad")}[validation.is_inside]
    bound_s = validation.bound_s
    outside = estimate is not None and estimate.is_marked
    return (
        name,
        run.median_s,
        None if run.low_s is None or run.high_s is None else Range(run.low_s, run.high_s),
        None if validation.estimate_s is None else Time(validation.estimate_s, outside=outside),
        band,
        inside,
        validation.error,
        run.noise,
        bound_s,
        None if bound_s is None else bound_s / run.median_s,
    )


def _kernel_table(
    names: Sequence[str], validations: Sequence[Validation], top: int
) -> Table | None:
    """The kernels whose estimate is off by most, of all networks."""
    found = [
        (name, each, kernel)
        for name, each in zip(names, validations, strict=True)
        for kernel in each.worst
    ]
    if not found:
        return None
    estimated = any(each.estimate_s is not None for _, each, _ in found)
    if len(validations) > 1:
        found.sort(key=lambda item: _distance(item[2]))
    columns = (
        Column("model", "network", "text", 8),
        Column("name", "kernel", "text", ASKED, help="the layer of it with most mult-adds"),
        Column("line", "line", "text", ASKED, help="of the spec; of a model file, its nodes"),
        Column("kind", "kind", "text", 5, help="what has its mult-adds"),
        Column("measured_s", "measured", "seconds", ASKED, help="without the profiler's own time"),
        Column("share", "%", "share", ASKED, help="of the measured time of the network"),
        Column("estimate_s", "estimate", "seconds", ASKED, help="of the same layers"),
        Column("error_s", "off", "seconds", ASKED, help="estimated less measured time"),
        Column("ratio", "est / meas", "ratio", 7, "ratio", "estimated over measured time"),
        metric_column("lower_bound", 4, help=_BOUND)._replace(title="bound"),
        Column("kernels", "runs as", "prose", 3, help="kernels of the runtime, by operator"),
    )
    rows = tuple([_kernel_row(*item) for item in found[:top]])
    noises = [each.run.noise for each in validations if each.run.noise is not None]
    noise = f"; noise floor of the runs {100 * max(noises):.1f} %" if noises else ""
    order = "worst estimated first" if estimated else "those that take longest first"
    shown = f", {len(rows)} of {len(found)} (--top N shows more)" if len(rows) < len(found) else ""
    title = f"Kernels, {order}{shown}{noise}"
    spec = validations[0].analysis.network.spec
    if len(validations) == 1 and spec.path:
        title += f"; {'nodes' if spec.origins else 'lines'} of {spec.path}"
    table = Table("kernels", title, columns, rows)
    table = without_unknown(table, ("estimate_s", "error_s", "ratio", "bound_s"))
    return table if len(validations) > 1 else without(table, ("model",))


def _distance(kernel: JoinedKernel) -> tuple[bool, float]:
    error_s = kernel.error_s
    return (error_s is None, -kernel.seconds if error_s is None else -abs(error_s))


def _kernel_row(name: str, validation: Validation, kernel: JoinedKernel) -> tuple[Any, ...]:
    estimate_s, error_s = kernel.estimate_s, kernel.error_s
    ratio = estimate_s / kernel.seconds if estimate_s is not None and kernel.seconds else None
    operators = Counter(each.kernel.operator for each in kernel.measured)
    return (
        name,
        kernel.name,
        line_of(validation.analysis.network, kernel.step),
        kernel.kind,
        kernel.seconds,
        kernel.seconds / validation.run.median_s,
        estimate_s,
        None if error_s is None else Change(error_s),
        ratio,
        kernel.bound_s,
        ", ".join(
            f"{operator} x{count}" if count > 1 else operator
            for operator, count in operators.items()
        ),
    )


def line_of(network: Network, step: Step) -> str:
    """The line of a spec that wrote a layer, with its file where that is another one; the nodes of
    a model file that it stands for."""
    origin = network.spec.origins.get(step.name)
    if origin is not None:
        more = len(origin.nodes) - _MOST_NAMES
        nodes = ", ".join(origin.nodes[:_MOST_NAMES])
        return nodes + f" and {more} more" * (more > 0)
    source = step.node.source
    return str(step.line) + ("" if source is network.spec.node.source else f" of {source.path}")


def _gap_table(names: Sequence[str], validations: Sequence[Validation]) -> Table | None:
    """The measured time in its parts: a row each, or of several networks a column each."""
    columns: tuple[Column, ...]
    if len(validations) == 1:
        gap = validations[0].gap
        columns = (
            Column("part", "part", "text", ASKED),
            Column("seconds", "time", "seconds", ASKED),
            Column("share", "%", "share", 9, help="of the measured time"),
            Column("what", "what it is", "prose", 5),
        )
        rows = tuple(
            [
                (_WORDS[part], _signed(seconds), _share(seconds, gap.measured_s), PARTS[part])
                for part, seconds in _shown(gap)
            ]
        )
        title = "What the measured time is made of"
        if gap.gap_s is not None and gap.bound_s is not None:
            title += f": {format_seconds(gap.bound_s)} of lower bound, and the gap"
        total = ("measured", gap.measured_s, 1.0, "")
        return Table("gap", title, columns, rows, total=total)
    parts = [part for part in PARTS if any(part in dict(_shown(each.gap)) for each in validations)]
    columns = (
        Column("model", "network", "text", ASKED),
        *(Column(f"{part}_s", _WORDS[part], "seconds", 8, help=PARTS[part]) for part in parts),
    )
    rows = tuple(
        [
            (name, *(_signed(each.gap.parts[part]) for part in parts))
            for name, each in zip(names, validations, strict=True)
        ]
    )
    return Table("gaps", "What the measured times are made of", columns, rows)


def _shown(gap: Gap) -> list[tuple[str, float | None]]:
    """The parts that a network has: kernel launches also where nothing is known of them."""
    has_launch = gap.between_s is not None and gap.bound_s is not None
    return [
        (part, seconds)
        for part, seconds in gap.parts.items()
        if seconds or part == "jitter" or (part == "launch" and has_launch)
    ]


def _signed(seconds: float | None) -> Any:
    """A time; with its sign where it is negative."""
    if seconds is None:
        return Absent("unknown")
    return seconds if seconds >= 0 else Change(seconds)


def _share(seconds: float | None, whole_s: float) -> Any:
    """None for a part that is unknown, negative, or more than the whole, as bounds can be."""
    return seconds / whole_s if seconds is not None and 0 <= seconds <= whole_s else Absent("")


def _kind_table(validation: Validation) -> Table:
    """Shares of mult-adds beside shares of time."""
    measured_s, estimate_s = validation.run.median_s, validation.estimate_s
    mult_adds = sum(row.mult_adds or 0 for row in validation.kinds)
    params = sum(row.params or 0 for row in validation.kinds)
    columns = (
        Column("kind", "kind", "text", ASKED),
        Column("mult_adds_share", "mult-adds %", "share", ASKED, "MACs %", "of the network"),
        Column("params_share", "params %", "share", 7, help="of the network"),
        Column("measured_share", "measured %", "share", ASKED, help="of the measured time"),
        Column("estimate_share", "estimate %", "share", ASKED, help="of the estimated time"),
    )
    rows = tuple(
        [
            (
                row.kind,
                _part(row.mult_adds, mult_adds),
                _part(row.params, params),
                _part(row.measured_s, measured_s),
                _part(row.estimate_s, estimate_s),
            )
            for row in validation.kinds
        ]
    )
    table = Table("kinds", "Shares by kind of layer, with what is fused into it", columns, rows)
    return without_unknown(table, ("measured_share", "estimate_share"))


def _part(number: float | None, whole: float | None) -> float | None:
    return number / whole if number is not None and whole else None


def _facts(validation: Validation) -> tuple[Fact, ...]:
    run, joined, estimate = validation.run, validation.joined, validation.estimate
    facts = []
    if joined is not None and joined.joined_share is not None:
        detail = "of the time of kernels belongs to layers, or to the layout of their tensors"
        facts.append(Fact("joined", f"{100 * joined.joined_share:.1f} %", "text", detail))
    if run.peak_memory_bytes is not None:
        weights = validation.analysis.sums.weight_bytes
        peak = validation.analysis.memory.peak_bytes
        detail = (
            f"by which the process grew; weights {format_bytes(weights)} and activations "
            f"{format_bytes(peak)} at their peak are estimated"
        )
        facts.append(Fact("memory", run.peak_memory_bytes, "bytes", detail))
    if run.energy_j is not None:
        own = estimate.energy.energy_j if estimate and estimate.energy else None
        detail = "" if own is None else f"estimated {format_si(own, 'J')}"
        facts.append(Fact("energy", format_si(run.energy_j, "J"), "text", detail))
    return tuple(facts)


def _summary_facts(validations: Sequence[Validation]) -> tuple[Fact, ...]:
    found = summary(validations)
    facts = []
    if found["median"] is not None and found["mean"] is not None:
        noise = found["noise"]
        detail = f"median; mean {100 * found['mean']:.1f} %"
        detail += "" if noise is None else f"; noise floor {100 * noise:.1f} %"
        facts.append(Fact("error", f"{100 * found['median']:.1f} %", "text", detail))
        within, inside = found["within_10"], found["inside"]
        facts.append(Fact("within 10 %", f"{100 * (within or 0):.0f} %", "text", "of networks"))
        if inside is not None:
            detail = "of networks have their measured time in the range of the estimate"
            facts.append(Fact("inside", f"{100 * inside:.0f} %", "text", detail))
    return tuple(facts)


def _notes(names: Sequence[str], validations: Sequence[Validation]) -> list[str]:
    notes = []
    common = set.intersection(*(set(each.notes) for each in validations))
    for name, each in zip(names, validations, strict=True):
        prefix = f"{name}: " if len(validations) > 1 else ""
        notes += [note if note in common else prefix + note for note in each.notes]
        if each.run.noise is None:
            notes.append(f"{prefix}one round was measured: the noise floor is not known")
        elif each.is_noise:
            notes.append(f"{prefix}the error is no larger than the noise floor")
        if each.estimate is not None and each.estimate.outside and each.estimate_s is not None:
            notes.append(f"{prefix}the estimate is marked: {'; '.join(each.estimate.outside)}")
    if all(each.estimate is None for each in validations):
        runtime = validations[0].run.runtime
        notes.insert(
            0,
            f"no estimate: `mnet-cost calibrate --runtime {runtime} -o this-machine.yaml` makes a "
            "profile of this machine, for `--device this-machine.yaml`",
        )
    return notes


def _more_notes(names: Sequence[str], validations: Sequence[Validation]) -> list[str]:
    notes = []
    for name, each in zip(names, validations, strict=True):
        prefix = f"{name}: " if len(validations) > 1 else ""
        joined = each.joined
        if joined is None:
            continue
        reasons = Counter(other.reason for other in joined.without_kernel)
        if reasons:
            words = ", ".join(f"{count} {reason}" for reason, count in reasons.items())
            notes.append(f"{prefix}layers without a kernel of their own: {words}")
        if joined.unjoined:
            operators = Counter(other.kernel.operator for other in joined.unjoined)
            words = ", ".join(f"{operator} x{count}" for operator, count in operators.most_common())
            notes.append(f"{prefix}kernels of no known layer: {words}")
        if joined.unmeasured:
            names_of = [other.kernel.name for other in joined.unmeasured]
            more = len(names_of) - _MOST_NAMES
            words = ", ".join(names_of[:_MOST_NAMES]) + f" and {more} more" * (more > 0)
            notes.append(f"{prefix}estimated, and no kernel was measured of it: {words}")
        if each.run.environment:
            words = ", ".join(f"{key} {value}" for key, value in each.run.environment.items())
            notes.append(f"{prefix}measured with {words}")
    if any(each.estimate_s is not None for each in validations):
        notes.append("off: estimated less measured; a minus is an estimate that is too short")
    notes.append("1 mult-add = 1 MAC = 2 FLOPs")
    return list(dict.fromkeys(notes))
