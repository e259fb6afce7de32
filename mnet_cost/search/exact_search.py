"""The front of a whole design space, without looking at all of its networks.

What a network costs is a sum, or a maximum, over its blocks. So of all beginnings that enter the
same block with the same state and the same options of what is asked again later, only those on the
front of their sums so far can become a network on the front: part by part, all others are left out.
The front that is left is exact. Not here: the sums (`block_tables.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mnet_cost.errors import Problem, UsageError
from mnet_cost.search.block_sums import COUNT_OF
from mnet_cost.search.block_tables import BlockTables, Table
from mnet_cost.search.fronts import front_of
from mnet_cost.search.objectives import Objective
from mnet_cost.search.observations import COUNTS, NotSeparable, sums_of
from mnet_cost.search.space_search import SearchProblem
from mnet_cost.search.spaces import Samples

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]

MAX_BEGINNINGS = 2_000_000
"""Most beginnings that are compared at a time: some seconds, and some 500 MB."""
_LOOKS = 64
"""Networks that are looked at together where rows are not filled."""
_SLACK = 1e-9
"""Sums in another order differ by less, so a beginning this near to a limit stays."""


class _Amount(NamedTuple):
    """A number that grows from part to part."""

    is_peak: bool
    """Whether it is a maximum; else it is a sum."""
    column: int
    """In the tables."""


class _Plan(NamedTuple):
    """What beginnings are compared by."""

    amounts: tuple[_Amount, ...]
    aims: tuple[tuple[int, float], ...]
    """(an amount, 1 where less of it is better and -1 where more is)."""
    most: dict[int, float]
    """By the amount, what limits allow."""


class _Beginnings(NamedTuple):
    """Networks up to some part."""

    samples: Samples
    """(axes, beginnings); 0 where nothing is decided yet."""
    amounts: Doubles
    """(beginnings, amounts)."""
    states: Ints
    """What enters the next part."""


class _Unseen(Exception):
    """Samples that meet rows that no network has filled."""

    def __init__(self, samples: Samples) -> None:
        super().__init__(samples)
        self.samples = samples


def find_front(problem: SearchProblem, progress: Progress | None = None) -> Samples:
    """Samples of all vectors of objectives on the front of a space, one sample for each vector.

    Where no network is within the limits, those that come closest by each of them. `progress` is
    called with the parts done and those in all. Raises `UsageError` where the space or what is
    asked is no matter of sums, and where too many networks would have to be compared.
    """
    plan = _plan(problem)
    samples = _within(problem, _search(problem, plan, progress))
    if samples.shape[1]:
        return samples
    if not problem.limits:
        causes = "; ".join(_tables(problem).causes[:3])
        raise UsageError(Problem("no combination of options is a network", hint=causes or None))
    closest = SearchProblem(
        problem.costs,
        [limit.objective._replace(direction="less" if limit.is_most else "more")
         for limit in problem.limits],
    )  # fmt: skip
    return find_front(closest, progress)


def _within(problem: SearchProblem, samples: Samples) -> Samples:
    """The front of samples, of those within the limits."""
    scores = problem.score(samples)
    (within,) = np.nonzero(scores.over == 0)
    return samples[:, within[front_of(scores.vectors[within])]]


def _tables(problem: SearchProblem) -> BlockTables:
    costs = problem.costs
    if costs.tables is None:
        raise UsageError(
            Problem(
                f"an exact search needs costs of blocks apart: {costs.why_whole}",
                hint="--search evolution looks at whole networks, a sweep without --search at all "
                "values of its knobs",
            )
        )
    return costs.tables


def _plan(problem: SearchProblem) -> _Plan:
    tables = _tables(problem)
    amounts: dict[_Amount, int] = {}
    aims: dict[tuple[int, float], None] = {}
    most: dict[int, float] = {}
    for objective in problem.objectives:
        for amount in _amounts(objective, problem, tables):
            aims[amounts.setdefault(amount, len(amounts)), objective.sign] = None
    for limit in problem.limits:
        own = _amounts(limit.objective, problem, tables)
        for amount in own:
            number = amounts.setdefault(amount, len(amounts))
            aims[number, 1.0 if limit.is_most else -1.0] = None
        name = limit.objective.metric.name
        if limit.is_most and len(own) == 1 and name not in ("flops", "energy"):
            # Constant parts of a time are left out: what is allowed for the sum is more.
            value = limit.value / limit.objective.metric.file_factor
            most[number] = min(most.get(number, np.inf), value)
    return _Plan(tuple(amounts), tuple(aims), most)


def _amounts(
    objective: Objective, problem: SearchProblem, tables: BlockTables
) -> tuple[_Amount, ...]:
    """The amounts that an objective only grows with."""
    name, devices = objective.metric.name, problem.costs.devices
    count = COUNT_OF.get(name, name)
    if count in COUNTS:
        return (_Amount(False, tables.sum_columns.index(COUNTS.index(count))),)
    if name == "peak_memory":
        return (_Amount(True, tables.peak_columns.index(0)),)
    device = objective.device
    if device is not None:
        number = [other.name for other in devices].index(device.name)
        if name == "latency" or (name == "energy" and device.power_w is not None):
            return (_Amount(False, tables.sum_columns.index(sums_of(number))),)
        if name == "memory":
            peak = _Amount(True, tables.peak_columns.index(1 + number))
            weights = _Amount(False, tables.sum_columns.index(COUNTS.index("weight_bytes")))
            return (peak,) if device.storage is not None else (peak, weights)
    raise UsageError(
        Problem(
            f"an exact search cannot be by `{name}`, which does not grow with each block alone",
            hint="--search evolution takes every metric",
        )
    )


def _search(problem: SearchProblem, plan: _Plan, progress: Progress | None) -> Samples:
    """Samples among which is each vector of the front."""
    tables = _tables(problem)
    while True:
        try:
            return _walk(tables, plan, progress)
        except _Unseen as unseen:
            try:
                is_new = tables.look_at(unseen.samples)
            except NotSeparable as reason:
                is_new, said = False, f": {reason}"
            else:
                said = ""
            if not is_new:
                hint = "--search evolution looks at whole networks"
                message = f"blocks of this space cannot all be looked at apart{said}"
                raise UsageError(Problem(message, hint=hint)) from None


def _walk(tables: BlockTables, plan: _Plan, progress: Progress | None) -> Samples:
    space, inputs, entering = tables.space, tables.rows.input_axes, tables.rows.initial
    steps = list(tables.steps())
    combinations = list(np.ndindex(*tables.rows.counts(inputs)))
    samples = np.zeros((len(space.axes), len(combinations)), space.dtype)
    for number, options in enumerate(combinations):
        samples[inputs, number] = options
    met = np.array([options in entering for options in combinations])
    if not met.all():
        raise _Unseen(samples[:, ~met])
    current = _Beginnings(
        samples,
        np.zeros((len(combinations), len(plan.amounts))),
        np.array([entering[options] for options in combinations]),
    )
    rest = _least_after(steps, plan)
    ends = len(tables.causes) + 1 if tables.causes else 0
    decided = set(inputs)
    for number, table in enumerate(steps):
        if progress is not None:
            progress(number, len(steps))
        fixed = [axis for axis in table.axes if axis in decided]
        decided |= set(table.axes)
        later = {axis for step in steps[number + 1 :] for axis in step.axes}
        following = steps[number + 1].states - ends if number + 1 < len(steps) else 1
        current = _extended(current, table, fixed, plan, following, ends)
        current = _best(current, sorted(decided & later), plan, rest[number + 1])
    return current.samples


def _least_after(steps: Sequence[Table], plan: _Plan) -> list[Doubles]:
    """By step, the least that all from there on add to each amount; a maximum may stay."""
    rest = [np.zeros(len(plan.amounts))]
    for table in reversed(steps):
        own = [
            0.0
            if amount.is_peak
            else float(np.nanmin(table.sums[:, amount.column], initial=np.inf))
            for amount in plan.amounts
        ]
        rest.append(rest[-1] + np.where(np.isfinite(own), own, 0.0))
    return rest[::-1]


def _extended(
    current: _Beginnings,
    table: Table,
    fixed: Sequence[int],
    plan: _Plan,
    states: int,
    ends: int,
) -> _Beginnings:
    """Beginnings with one part more; `fixed` are axes of it that are decided. Of the next part's
    states the first `states` are those of networks that hold so far, the `ends` after them not."""
    keys = np.concatenate([current.states[None], current.samples[list(fixed)]]).T
    groups, group_of = np.unique(keys, axis=0, return_inverse=True)
    most = MAX_BEGINNINGS if len(plan.aims) <= 3 else MAX_BEGINNINGS // 10
    parts = []
    count = 0
    for number, (state, *options) in enumerate(groups.astype(np.int64)):
        members = np.flatnonzero(group_of.reshape(-1) == number)
        cells = _cells_of(table, int(state), dict(zip(fixed, map(int, options), strict=True)))
        chosen = (
            np.stack(np.unravel_index(cells, (table.states, *table.counts))[1:])
            if table.axes
            else np.empty((0, len(cells)), np.int64)
        )
        leaves = table.leaves[cells]
        lost = np.isnan(table.sums[cells, 0]) & ((leaves == states + ends - 1) | (ends == 0))
        if lost.any():
            (at,) = np.nonzero(lost)
            samples = np.repeat(current.samples[:, members[:1]], len(at), axis=1)
            samples[list(table.axes)] = chosen[:, at]
            raise _Unseen(samples[:, :_LOOKS])
        holds = leaves < states
        cells, chosen = cells[holds], chosen[:, holds]
        count += len(members) * len(cells)
        if count > most:
            message = f"an exact search would compare more than {most:,} networks at a time"
            hint = "--search evolution; or fewer objectives, or a limit that leaves out more"
            raise UsageError(Problem(message, hint=hint))
        parts.append(_combined(current, members, table, cells, chosen, plan))
    if not parts:
        return current
    return _Beginnings(
        np.concatenate([part.samples for part in parts], axis=1),
        np.concatenate([part.amounts for part in parts]),
        np.concatenate([part.states for part in parts]),
    )


def _cells_of(table: Table, state: int, fixed: dict[int, int]) -> Ints:
    """Numbers of the rows of `table` in a state, with the options of some axes."""
    grid = np.arange(len(table.leaves)).reshape(table.states, *table.counts)
    place = tuple([fixed.get(axis, slice(None)) for axis in table.axes])
    return np.asarray(grid[(state, *place)]).reshape(-1)


def _combined(
    current: _Beginnings,
    members: Ints,
    table: Table,
    cells: Ints,
    chosen: Ints,
    plan: _Plan,
) -> _Beginnings:
    """Each of some beginnings with each of some rows."""
    own = np.empty((len(cells), len(plan.amounts)))
    for number, amount in enumerate(plan.amounts):
        rows = table.peaks if amount.is_peak else table.sums
        own[:, number] = rows[cells, amount.column]
    samples = np.repeat(current.samples[:, members], len(cells), axis=1)
    samples[list(table.axes)] = np.tile(chosen, len(members))
    before = np.repeat(current.amounts[members], len(cells), axis=0)
    more = np.tile(own, (len(members), 1))
    is_peak = np.array([amount.is_peak for amount in plan.amounts])
    amounts = np.where(is_peak, np.maximum(before, more), before + more)
    return _Beginnings(samples, amounts, np.tile(table.leaves[cells], len(members)))


def _best(
    joined: _Beginnings, asked_later: Sequence[int], plan: _Plan, rest: Doubles
) -> _Beginnings:
    """Those on the front of their state and of the options that are asked later.

    Of a part in which no network has held so far no costs are known: whatever follows is looked at.
    """
    unknown = np.isnan(joined.amounts).any(axis=1)
    within = ~unknown
    for number, most in plan.most.items():
        within &= joined.amounts[:, number] + rest[number] <= most * (1 + _SLACK)
    places = np.flatnonzero(within)
    vectors = np.stack([sign * joined.amounts[:, number] for number, sign in plan.aims], axis=1)
    keys = np.concatenate([joined.states[None], joined.samples[list(asked_later)]]).T[places]
    groups, group_of = np.unique(keys, axis=0, return_inverse=True)
    kept = [np.flatnonzero(unknown)]
    for number in range(len(groups)):
        members = places[group_of.reshape(-1) == number]
        kept.append(members[front_of(vectors[members])])
    best = np.concatenate(kept)
    return _Beginnings(joined.samples[:, best], joined.amounts[best], joined.states[best])
