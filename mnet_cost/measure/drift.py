"""Times of several rounds as one, the drift of the machine taken out.

A machine is faster in one round than in another: its clock, its neighbours, its caches. A reference
network that runs in each round tells by how much, and times are divided by that. What is then left
between rounds is noise. Here is the arithmetic, for what was just measured and for rows of files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mnet_cost.measure.measurements import Measurement


def slowness(reference: Mapping[Hashable, Sequence[float]]) -> dict[Hashable, float]:
    """How slow the machine was in each round: 1.1 where everything took a tenth longer.

    `reference` has the times of the reference network by round: the median of a round over the
    median of all rounds.
    """
    levels = {key: median(times) for key, times in reference.items() if times}
    usual = median(levels.values()) if levels else 1.0
    return {key: level / usual for key, level in levels.items()}


class Settled(NamedTuple):
    """The time of a network, from several rounds."""

    median_s: float
    spread: float | None
    """Largest less smallest round, as a share of the median; None of one round."""
    rounds_s: tuple[float, ...]
    """Of each round, drift taken out."""


def settle(rounds: Mapping[Hashable, float], slow: Mapping[Hashable, float]) -> Settled:
    """The time of a network that took `rounds`, by round; a round without reference is taken as it
    is."""
    times = tuple([seconds / slow.get(key, 1.0) for key, seconds in rounds.items()])
    middle = median(times)
    spread = (max(times) - min(times)) / middle if len(times) > 1 else None
    return Settled(middle, spread, times)


def noise_floor(networks: Iterable[Sequence[float]]) -> float | None:
    """How far one round of a network is from the median of its others, as a share of that: the
    median over all rounds of all networks. None where none has two rounds."""
    away = []
    for times in networks:
        for place, seconds in enumerate(times):
            others = [*times[:place], *times[place + 1 :]]
            if others:
                away.append(abs(seconds / median(others) - 1))
    return median(away) if away else None


def noise_of(rows: Iterable[Measurement]) -> float | None:
    """`noise_floor` of measured networks, that of the reference left out: it has its own rounds."""
    return noise_floor(row.rounds_s for row in rows if row.model != row.reference)


def joined_rounds(
    rows: Sequence[Measurement], others: Sequence[Measurement] = ()
) -> tuple[Measurement, ...]:
    """`rows`, of which those that are rounds of one measurement are one row with its `rounds_s`.

    Rounds name their reference network. `others` are rows of the same file that nobody asked for:
    their reference counts all the same. Rounds in which each run was disturbed count where there
    are no others. Other rows stay as they are.
    """
    references: dict[Hashable, dict[Hashable, list[float]]] = defaultdict(dict)
    for row in (*rows, *others):
        if row.reference and row.model == row.reference:
            references[_setting(row)].setdefault(row.run, []).append(row.latency_s)
    slow = {setting: slowness(runs) for setting, runs in references.items()}
    networks: dict[Hashable, list[Measurement]] = {}
    for place, row in enumerate(rows):
        key = (row.model, row.batch, *_setting(row)) if row.reference else place
        networks.setdefault(key, []).append(row)
    return tuple([_joined(group, slow) for group in networks.values()])


def _setting(row: Measurement) -> tuple[Hashable, ...]:
    """What rows have in common whose machine and software were the same."""
    return (
        *(row.device, row.processor, row.runtime, row.runtime_version, row.precision),
        *(row.threads, row.reference, row.source),
    )


def _joined(
    rows: Sequence[Measurement], slow: Mapping[Hashable, Mapping[Hashable, float]]
) -> Measurement:
    first = rows[0]
    if not first.reference:
        return first
    runs: dict[Hashable, list[float]] = {}
    for row in [row for row in rows if not row.is_disturbed] or rows:
        runs.setdefault(row.run, []).append(row.latency_s)
    medians = {run: median(times) for run, times in runs.items()}
    settled = settle(medians, slow.get(_setting(first), {}))
    energies = [row.energy_j for row in rows if row.energy_j is not None]
    return replace(
        first,
        latency_s=settled.median_s,
        rounds_s=settled.rounds_s,
        energy_j=median(energies) if energies else None,
    )
