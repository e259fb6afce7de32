"""Changes of a network with the most to gain on a device, each analyzed and none guessed.

Candidates are one step down of a knob, other variants, precisions and orders of layers, and changes
of the text: smaller kernels, activations that take less, channels that fill a tile. Each candidate
is elaborated and analyzed as any other network. A change of the text is offered only where the new
text gives the network that was meant, and nothing else in it differs. Accuracies are those that one
source prints for both settings. Not here: how accurate other changes would be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf, isclose, log
from typing import Any, NamedTuple

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.latency import DeviceEstimate
from mnet_cost.changes.candidates import candidates_of
from mnet_cost.changes.settings import Candidate, Kind, settings_of
from mnet_cost.changes.spec_edits import EditedLine, edited_lines
from mnet_cost.differences.compare import TimeRatio, time_ratio
from mnet_cost.errors import Problem, UsageError
from mnet_cost.metrics import named
from mnet_cost.models.published import ACCURACIES, PublishedRow, published_at
from mnet_cost.search.accuracies import PRECISION

_MOST_LAYERS = 200_000
"""Layers that are analyzed for one answer: some seconds."""

BESIDE = named(("mult_adds", "params", "traffic", "peak_memory", "energy"))
"""Metrics that a change may save beside the time."""


class AccuracyChange(NamedTuple):
    """An accuracy that one source prints for the network before and after a change, in percent."""

    name: str
    dataset: str | None
    before: float
    after: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A change, and the network with it."""

    kind: Kind
    change: str
    """What changes, in words: `resolution 192 instead of 224`."""
    setting: str | None
    """The option of the command line that makes the change; None for a change of the spec."""
    path: str
    """The file of the spec."""
    lines: tuple[EditedLine, ...]
    """Lines of the spec that change; none where a setting makes the change."""
    analysis: Analysis
    time: TimeRatio
    """The time after the change, over that before."""
    accuracy: AccuracyChange | None
    """None where no source prints both."""

    def __repr__(self) -> str:
        return f"<Advice {self.change}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceResult:
    """The best changes of a network on the first device of its analysis."""

    analysis: Analysis
    advice: tuple[Advice, ...]
    """The most to gain first: memory that is missing, then time; ties, of which it is not certain
    that they save time, come last. Of variants and precisions all but one stand behind
    everything else."""
    other_precisions: tuple[Advice, ...]
    """Precisions that save time too, and are not in `advice`."""
    looked_at: int
    """Candidates that were analyzed."""
    left_out: int
    """Candidates that were not, since the network is large."""

    @property
    def device(self) -> DeviceEstimate:
        return self.analysis.devices[0]


def find_advice(
    analysis: Analysis,
    count: int = 3,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> AdviceResult:
    """At most `count` changes with the most to gain on the first device of `analysis`.

    There is none where totals are refused. Raises `UsageError` without a device, or a time on it,
    and for zeros among the weights.
    """
    if not analysis.devices:
        raise UsageError(Problem("advice is for a device", hint="name one: `--device pixel_1`"))
    if analysis.sparsity is not None:
        raise UsageError(Problem("advice is for dense networks", hint="leave out `--sparsity`"))
    estimate = analysis.devices[0]
    if not analysis.has_totals:
        return AdviceResult(
            analysis=analysis, advice=(), other_precisions=(), looked_at=0, left_out=0
        )
    if estimate.latency_s is None:
        message = f"there is no time on {estimate.device.name} to save: {estimate.notes[0]}"
        raise UsageError(Problem(message))
    candidates = list(candidates_of(analysis))
    most = max(4, _MOST_LAYERS // len(analysis.network.steps))
    chosen = candidates[:most]
    best: dict[tuple[Kind, object], Advice] = {}
    for done, candidate in enumerate(chosen):
        progress(done, len(chosen))
        advice = _advice(analysis, candidate)
        if advice is None:
            continue
        key = candidate.kind, candidate.subject
        if key not in best or _rank(advice) < _rank(best[key]):
            best[key] = advice
    progress(len(chosen), len(chosen))
    ordered = _in_order(list(best.values()))
    return AdviceResult(
        analysis=analysis,
        advice=tuple(ordered[:count]),
        other_precisions=tuple([each for each in ordered[count:] if each.kind == "precision"]),
        looked_at=len(chosen),
        left_out=len(candidates) - len(chosen),
    )


def _in_order(advice: list[Advice]) -> list[Advice]:
    """The most to gain first; all precisions but the best, and all variants but the one that saves
    the most time for a point of accuracy, behind everything else. A variant that costs the
    same as another change is left out."""
    seen = [each.analysis.costs for each in advice if each.kind != "variant"]
    ordered = []
    for each in sorted(advice, key=_rank):
        if each.kind == "variant":
            if each.analysis.costs in seen:
                continue
            seen.append(each.analysis.costs)
        ordered.append(each)
    precision = next((each for each in ordered if each.kind == "precision"), None)
    variants = [each for each in ordered if each.kind == "variant"]
    variant = max(variants, key=_saved_for_a_point, default=None)

    def is_behind(each: Advice) -> bool:
        return (
            each.kind in ("precision", "variant") and each is not precision and each is not variant
        )

    return sorted(ordered, key=is_behind)


def _saved_for_a_point(advice: Advice) -> float:
    """Time that a change saves, in natural logarithms, for a percent point of accuracy; 0 where no
    source prints both accuracies."""
    if advice.accuracy is None or not advice.time.value:
        return 0.0
    lost = advice.accuracy.before - advice.accuracy.after
    return inf if lost <= 0 else -log(advice.time.value) / lost


def _rank(advice: Advice) -> tuple[Any, ...]:
    after = advice.analysis.devices[0]
    is_tie = advice.time.tie is True or advice.time.value == 1
    return missing_bytes(after), is_tie, after.latency_s, advice.analysis.memory.peak_bytes


def missing_bytes(estimate: DeviceEstimate) -> int:
    """Bytes that the memories of a device have too few, as far as their sizes are known."""
    return sum([check.over_bytes or 0 for check in estimate.memory_fits])


def _advice(before: Analysis, candidate: Candidate) -> Advice | None:
    """The advice of a candidate; None where it saves nothing."""
    after = candidate.make()
    if after is None or not after.devices or (after.unmodelled and not before.unmodelled):
        return None
    first, other = before.devices[0], after.devices[0]
    if first.latency_s is None or other.latency_s is None:
        return None
    is_less = other.latency_s < first.latency_s
    if candidate.kind == "order":
        is_less = after.memory.peak_bytes < before.memory.peak_bytes
    if missing_bytes(first):
        is_less = missing_bytes(other) < missing_bytes(first)
    if not is_less or missing_bytes(other) > missing_bytes(first):
        return None
    times = _ratio(first, other, candidate.kind)
    if times.tie and not missing_bytes(first) and _costs_more(before, after):
        return None
    spec = before.network.spec
    return Advice(
        kind=candidate.kind,
        change=candidate.change,
        setting=candidate.setting,
        path=spec.root.source.path,
        lines=edited_lines(spec, candidate.edits) if candidate.edits else (),
        analysis=replace(after, gives_lower_bounds=before.gives_lower_bounds),
        time=times,
        accuracy=_accuracy(before, candidate.published),
    )


def _costs_more(before: Analysis, after: Analysis) -> bool:
    """Whether a change takes more of another metric than time."""
    for metric in BESIDE:
        first, other = (
            metric.of(each, each.devices[0] if metric.per_device else None)
            for each in (before, after)
        )
        if first is not None and other is not None and other > first:
            return True
    return False


def _ratio(first: DeviceEstimate, other: DeviceEstimate, kind: Kind) -> TimeRatio:
    """The ratio of two times; in another order the kernels are the same."""
    times = time_ratio(first, other)
    if kind == "order" and times.value is not None and isclose(times.value, 1, rel_tol=1e-9):
        return TimeRatio(value=1.0, low=1.0, high=1.0, same_kernels=True)
    return times


def _accuracy(analysis: Analysis, others: tuple[PublishedRow, ...]) -> AccuracyChange | None:
    """The first accuracy that a source prints both for this setting and in `others`. Printed
    accuracies are those of networks as they were trained, in fp32."""
    network = analysis.network
    if not others or analysis.precision != PRECISION:
        return None
    rows = published_at(network.spec, settings_of(network))
    for row in rows:
        for other in others:
            for name in ACCURACIES:
                if (
                    row.source == other.source
                    and name in row.texts
                    and name in other.texts
                    and row.measured_on(name) == other.measured_on(name)
                ):
                    before, after = (float(r.figures[name].value) for r in (row, other))
                    return AccuracyChange(name, row.measured_on(name), before, after, row.source)
    return None


# --- candidates
