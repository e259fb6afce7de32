"""The reading that gives a number: `reconcile(network, figures)`.

Readings are tried in stages, and the first stage with a match decides: the setting that was asked
for, another batch, other values of knobs, and at last parts that may be left out. The convention of
a named tool comes before all others. Where nothing matches, the closest readings are given with the
gap that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_args

from mnet_cost.analysis.conventions import CONVENTIONS, Convention
from mnet_cost.models.types import BATCH
from mnet_cost.network import Network
from mnet_cost.printed import Rounding, rounding_of
from mnet_cost.reconciliation.figures import OTHER_TOOLS, Figure
from mnet_cost.reconciliation.parts import close_parts, left_out_parts
from mnet_cost.reconciliation.readings import PAPER, NetworkCounts, Reading
from mnet_cost.reconciliation.settings import at_batch, other_settings, value_of
from mnet_cost.reconciliation.sums import fitting_sums
from mnet_cost.reconciliation.types import (
    UNEXPLAINED,
    UNPRINTED,
    Cause,
    Explanation,
    Reconciled,
    ReconciliationResult,
    Verdict,
)

MOST_SHOWN = 5
"""Explanations of a number that are kept."""
_MOST_BATCHES = 8
_LEAST_SHARE = 20
"""A multiple is tried where the step of a figure is a 20th of the number that is multiplied, or
less: of coarser figures some multiple is nearly always right."""
_ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)
_PRINTS_FLOPS = ("torch", "openvino")
"""Tools that print 2 for each mult-add."""
_CALLS_AGAIN = ("calflops", "deepspeed")
"""Tools that patch torch and, after a call that fails, count each operation once more."""
_WITH_RULES = frozenset([convention.name for convention in CONVENTIONS])
FACTORS = (1, 2)
FLOPS = "FLOPs: 2 for each mult-add"


class _Setting(NamedTuple):
    """A network at one setting."""

    changed: Mapping[str, Any]
    counts: NetworkCounts


class _Match(NamedTuple):
    """A reading that gives a figure."""

    rounding: Rounding
    reading: Reading
    factor: int
    setting: _Setting

    @property
    def order(self) -> tuple[int, int, int]:
        """Fewer choices first, then the closer rounding, then fewer forms and defects."""
        is_unusual = self.factor == 2 and self.reading.convention.name not in _PRINTS_FLOPS
        choices = self.reading.choices
        return choices + is_unusual, _ROUNDINGS.index(self.rounding), choices


def reconcile_network(network: Network, figures: Sequence[Figure]) -> ReconciliationResult:
    """What explains each of `figures`, beside the mult-adds of `network`."""
    search = _Search(network)
    return ReconciliationResult(
        network=network,
        mult_adds=search.own.counts.mult_adds,
        unmodelled=search.own.counts.unmodelled,
        figures=tuple([search.reconcile(figure) for figure in figures]),
        stated=search.own.counts.stated_mult_adds,
    )


class _Search:
    """One network; its other settings are counted once, when a figure first asks for them."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.own = _Setting({}, NetworkCounts(network, is_own=True))
        self._batches: dict[int, NetworkCounts | None] = {}
        self._others: list[_Setting] | None = None

    def reconcile(self, figure: Figure) -> Reconciled:
        """All that is tried, stage by stage."""
        named, *others = groups = _by_name(figure)
        if figure.tool in _WITH_RULES:
            groups = [named]  # of others, only what they count at this setting is a reason
        stages = [
            (self._here, named),
            (self._by_one_defect, named),
            (self._multiples, named),
            *[(self._here, group) for group in others],
            *[(self._here_in_part, group) for group in groups],
            (self._elsewhere, named),
            *[(self._multiples, group) for group in others],
        ]
        for stage, conventions in stages:
            matches = _fewest(stage(figure, conventions))
            if matches:
                return Reconciled(figure, self._explanations(figure, matches))
        for conventions in groups:
            possible = [*self._left_out(figure, conventions), *self._sums(figure, conventions)]
            if possible:
                return Reconciled(figure, tuple(possible[:MOST_SHOWN]))
        return self._unexplained(figure, named)

    def _here(self, figure: Figure, conventions: Sequence[Convention]) -> Iterator[_Match]:
        """Matches at the setting that was asked for."""
        return _matches(figure, _whole(self.own, conventions), self.own)

    def _here_in_part(self, figure: Figure, conventions: Sequence[Convention]) -> Iterator[_Match]:
        """The same by readings that leave out what a convention counts."""
        return _matches(figure, _whole(self.own, conventions, leaves_out=True), self.own)

    def _by_one_defect(self, figure: Figure, conventions: Sequence[Convention]) -> Iterator[_Match]:
        """Exact matches of the named tool by one known defect that leaves layers out: likelier than
        that the number is of another tool."""
        if figure.tool in _WITH_RULES:
            for match in self._here_in_part(figure, conventions):
                reading = match.reading
                is_known = any(cause.known for cause in (*reading.causes, *reading.uncounted))
                if reading.choices == 1 and match.rounding == "exact" and is_known:
                    yield match

    def _multiples(self, figure: Figure, conventions: Sequence[Convention]) -> Iterator[_Match]:
        """Matches with another batch."""
        own = self._network.batch
        wanted: dict[int, float] = {}
        for convention in conventions:
            total = self.own.counts.base(convention).total
            for factor in (1, 2):
                one = total * factor
                if not one or figure.printed.step * _LEAST_SHARE * own > one:
                    continue
                batch = round(figure.value * own / one)
                distance = abs(batch * one / own - figure.value)
                if batch != own and distance <= max(float(figure.printed.step), one / own / 100):
                    wanted[batch] = min(distance, wanted.get(batch, distance))
        for batch in sorted(wanted, key=lambda batch: wanted[batch])[:_MOST_BATCHES]:
            if batch not in self._batches:
                self._batches[batch] = at_batch(self._network, batch)
            counts = self._batches[batch]
            if counts is not None:
                setting = _Setting({BATCH: batch}, counts)
                yield from _matches(figure, _whole(setting, conventions), setting)

    def _elsewhere(self, figure: Figure, conventions: Sequence[Convention]) -> Iterator[_Match]:
        """Matches at other values of knobs."""
        if self._others is None:
            self._others = [_Setting(*other) for other in other_settings(self._network)]
        is_named = figure.tool in _WITH_RULES
        for setting in self._others:
            readings = (
                _whole(setting, conventions)
                if is_named  # of all conventions, each form of layers would take too long
                else [setting.counts.base(convention) for convention in conventions]
            )
            yield from _matches(figure, readings, setting)

    def _explanations(
        self, figure: Figure, matches: Sequence[_Match], verdict: Verdict | None = None
    ) -> tuple[Explanation, ...]:
        """Matches as explanations; conventions that count the same are together."""
        merged: dict[tuple[object, ...], Explanation] = {}
        for match in matches:
            explanation = self._explanation(figure, match, verdict or match.rounding)
            key = (tuple(match.setting.changed.items()), explanation.causes, match.factor)
            same = merged.get(key)
            if same is None:
                merged[key] = explanation
            elif explanation.conventions[0] not in same.conventions:
                names = (*same.conventions, *explanation.conventions)
                merged[key] = same._replace(conventions=names)
        return tuple(merged.values())[:MOST_SHOWN]

    def _explanation(self, figure: Figure, match: _Match, verdict: Verdict) -> Explanation:
        """The causes of a match, which add up to the number less ours."""
        reading, setting = match.reading, match.setting
        causes = [*self._setting_causes(figure, setting), *reading.causes]
        total = reading.total * match.factor
        if match.factor == 2:
            causes.append(Cause(FLOPS, reading.total))
        rest = figure.value - total
        if rest:
            what = UNEXPLAINED if verdict == "unexplained" else UNPRINTED
            causes.append(Cause(what, rest))
        return Explanation(
            verdict,
            (reading.convention.name,),
            tuple(causes),
            total,
            setting.changed,
            reading.choices,
            match.factor,
            reading.uncounted,
        )

    def _setting_causes(self, figure: Figure, setting: _Setting) -> Iterator[Cause]:
        """What our own count changes by at another setting."""
        if setting.changed:
            words = ", ".join(
                f"{name} {value}, not {value_of(self._network, name)}"
                for name, value in setting.changed.items()
            )
            batch = setting.changed.get(BATCH)
            known = ""
            if figure.tool in _CALLS_AGAIN and batch is not None:
                words = f"{batch} times as much: a batch, or {batch - 1} calls before that failed"
                known = "calflops 0.3.2"
            change = setting.counts.mult_adds - self.own.counts.mult_adds
            yield Cause(words, change, known=known)

    def _left_out(self, figure: Figure, conventions: Sequence[Convention]) -> list[Explanation]:
        """Parts of the network that the number leaves out or counts twice, to the last unit."""
        matches = []
        for convention in conventions:
            base = self.own.counts.base(convention)
            for factor in FACTORS:
                for cause in left_out_parts(self.own.counts, convention, figure, factor):
                    causes, total = (*base.causes, cause), base.total + cause.mult_adds
                    reading = base._replace(causes=causes, total=total, choices=1)
                    matches.append(_Match("exact", reading, factor, self.own))
        matches.sort(key=lambda match: (len(match.reading.causes), match.factor))
        return list(self._explanations(figure, matches, "possible"))

    def _sums(self, figure: Figure, conventions: Sequence[Convention]) -> list[Explanation]:
        """Sums of elements that give the number to the last unit, for tools without rules here."""
        if PAPER not in conventions or not (figure.tool is None or figure.tool in OTHER_TOOLS):
            return []
        base = self.own.counts.base(PAPER)
        return [
            Explanation(
                "possible",
                (),
                (*(Cause(FLOPS, base.total),) * (factor - 1), *causes),
                figure.value,
                {},
                len(causes),
                factor,
            )
            for factor in (1, 2)
            for causes in fitting_sums(self.own.counts, figure, factor)
        ]

    def _unexplained(self, figure: Figure, conventions: Sequence[Convention]) -> Reconciled:
        """The closest readings without choices, and what could be behind the gap."""
        closest = sorted(
            [
                _Match("exact", self.own.counts.base(convention), factor, self.own)
                for convention in conventions
                for factor in FACTORS
            ],
            key=lambda match: abs(figure.value - match.reading.total * match.factor),
        )
        once = {match.reading.convention.name: match for match in reversed(closest)}
        shown = [match for match in closest if once[match.reading.convention.name] is match]
        explanations = self._explanations(figure, shown, "unexplained")
        best = closest[0]
        gap = figure.value - best.reading.total * best.factor
        convention = best.reading.convention
        return Reconciled(
            figure,
            explanations,
            close_parts(self.own.counts, convention, abs(gap) // best.factor),
            self.own.counts.uncovered(convention),
        )


def _by_name(figure: Figure) -> list[Sequence[Convention]]:
    """Conventions in the order in which they are tried: that of the named tool, then the rest."""
    named = [convention for convention in CONVENTIONS if convention.name == figure.tool]
    others = [convention for convention in CONVENTIONS if convention.name != figure.tool]
    return [named, others] if named else [others]


def _whole(
    setting: _Setting, conventions: Iterable[Convention], leaves_out: bool = False
) -> Iterator[Reading]:
    """Readings by conventions that leave out nothing that these count, or those that do."""
    for convention in conventions:
        for reading in setting.counts.readings(convention):
            if reading.leaves_out == leaves_out:
                yield reading


def _matches(figure: Figure, readings: Iterable[Reading], setting: _Setting) -> Iterator[_Match]:
    """Readings whose total is the figure, or is rounded to it.

    Of layers that are not covered nobody knows what a tool counts: such a reading is taken for that
    of the named tool alone, at the setting that was asked for.
    """
    steps = [printed for printed in (figure.printed, figure.coarse) if printed is not None]
    near = max(printed.step for printed in steps)
    for reading in readings:
        is_named = reading.convention.name == figure.tool
        if not reading.is_whole and (setting.changed or not is_named):
            continue
        for factor in FACTORS:
            total = reading.total * factor
            if abs(total - figure.value) > near:
                continue
            roundings = [rounding_of(total, printed) for printed in steps]
            rounding = next((each for each in roundings if each is not None), None)
            if rounding is not None:
                yield _Match(rounding, reading, factor, setting)


def _fewest(matches: Iterable[_Match]) -> list[_Match]:
    """The matches with the fewest choices, the closest first; others say nothing more."""
    every = sorted(matches, key=lambda match: match.order)
    return [match for match in every if match.order[0] == every[0].order[0]]
