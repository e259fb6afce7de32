"""What is said of a fit beside its tables: what was not tried, what may fit, who prints figures."""

from __future__ import annotations

from mnet_cost.analysis.latency import basis_of
from mnet_cost.errors import one_of
from mnet_cost.report.fit_limits import why_unknown
from mnet_cost.report.placement import notes_of_many
from mnet_cost.search.fit import Fit
from mnet_cost.search.fit_request import FitRequest
from mnet_cost.search.limits import BAND_CONFIDENCE


def sizes_text(count: int) -> str:
    """`1 size`, `64 sizes`."""
    return "1 size" if count == 1 else f"{count:,} sizes"


def fit_notes(fit: Fit) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(those that are always shown, all others)."""
    request = fit.request
    notes = [f"{name} is left out: {why}" for name, why in request.left_out]
    for (column, precision), count in fit.undecided.items():
        limit = next(limit for limit in request.limits if limit.column == column)
        if count:
            notes.append(
                f"{sizes_text(count)} may fit at {precision}: the {limit.objective.title} is not "
                f"known, since {why_unknown(limit, precision)}"
            )
    if fit.best is not None:
        said = f"{fit.within:,} of {sizes_text(fit.valid)} {'fits' if fit.within == 1 else 'fit'}"
        if fit.too_large_arenas:
            said += (
                f" without the gaps of an arena, with which {fit.too_large_arenas:,} of those "
                "that were looked at do not"
            )
        if fit.unknown_aim:
            said += f"; {request.aim.title} is known of {fit.within - fit.unknown_aim:,} of these"
        notes.append(said)
    broken = sum(fit.broken.values())
    if broken:
        cause = max(fit.broken, key=fit.broken.__getitem__)
        are = "is no network" if broken == 1 else "are no network, mostly"
        notes.append(f"{sizes_text(broken)} {are} since {cause}")
    always = (*notes[:3], *notes_of_many(request.devices))
    return always, (*notes[3:], *_confidence_notes(fit), *_other_notes(request))


def _confidence_notes(fit: Fit) -> list[str]:
    request = fit.request
    timed = [limit for limit in request.limits
             if limit.objective.metric.unit in ("s", "J")]  # fmt: skip
    if request.confidence is None:
        banded = any(
            limit.objective.device is not None
            and any(basis_of(limit.objective.device, precision) not in (None, "bound")
                    for precision in request.precisions)
            for limit in timed
        )  # fmt: skip
        return [
            "half of all measurements may be above an estimate: --confidence 0.9 asks that 9 of "
            "10 are within the limits"
        ] * banded
    if not any(limit.end is not None for limit in timed):
        return ["a confidence is about times and energies, and none is limited"]
    if request.confidence == BAND_CONFIDENCE:
        return []
    return [
        "bands hold 80 % of measurements; for another confidence errors are taken to be normal "
        "in logarithms"
    ]


def _other_notes(request: FitRequest) -> list[str]:
    """What was not tried, and where accuracies are from."""
    notes = []
    aim = request.aim
    if not aim.was_asked and aim.accuracy is None:
        known = [surface for sweep in request.sweeps for surface in sweep.networks[0].surfaces]
        why = "published accuracies are of fp32" if known else "no accuracy is published here"
        notes.append(f"{why}: mult-adds stand for what a network can learn")
    for sweep in request.sweeps:
        network = sweep.networks[0]
        kept, choices = request.untried(network)
        if kept:
            names = one_of(kept).replace(" or ", " and ")
            keep = "keeps its value" if len(kept) == 1 else "keep their values"
            notes.append(f"{network.name}: {names} {keep}")
        if choices:
            notes.append(
                f"{network.name}: {choices} choices of blocks keep their first option; `mnet-cost "
                "sweep --search exact` tries all of them"
            )
        for surface in network.surfaces:
            if surface.accuracy == aim.accuracy:
                notes.append(
                    f"{aim.title} of {network.name}: {surface.sources[0]}; between printed "
                    "settings it is interpolated"
                )
    return notes
