"""Guided search of design spaces: networks that no other is better than, at fewer evaluations.

A search is given a `SearchProblem`, which scores samples in batches, and returns the samples that
it has looked at; the sweep takes them as its points. `evolve` is NSGA-II (Deb et al. 2002):
networks within the limits before others, by fronts and by their distance on a front; tournaments of
two, uniform crossover, and mutation. Not here: the exact search, and Optuna's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mnet_cost.errors import Problem, UsageError
from mnet_cost.search.fronts import front_of
from mnet_cost.search.limits import Limit, excess_of
from mnet_cost.search.objectives import Objective
from mnet_cost.search.selection import Chosen
from mnet_cost.search.space_costs import SpaceCosts
from mnet_cost.search.spaces import Samples, Space
from mnet_cost.search.sweep_request import Network, SweepRequest

Doubles = npt.NDArray[np.float64]
Progress = Callable[[int, int], None]

_SMALLEST, _LARGEST = 20, 400
"""Networks of a generation."""
_GENERATIONS = 40
"""As many are aimed at."""


class Scores(NamedTuple):
    """How good samples are."""

    vectors: Doubles
    """(samples, objectives); less is better. NaN for a network that breaks."""
    over: Doubles
    """The largest share of a limit that each is over by, 0 within all; infinite where it breaks."""


class SearchProblem:
    """What a search is for: a space with objectives and limits, scored in batches."""

    def __init__(
        self, costs: SpaceCosts, objectives: Sequence[Objective], limits: Sequence[Limit] = ()
    ) -> None:
        """Raises `UsageError` without an objective, and for one or a limit that is no cost."""
        if not objectives:
            hint = "--pareto mult_adds:more,peak_memory"
            raise UsageError(Problem("a search needs an objective", hint=hint))
        for asked in (*objectives, *[limit.objective for limit in limits]):
            if asked.accuracy is not None:
                name = asked.metric.name
                hint = "search by costs: --pareto mult_adds:more,latency@DEVICE"
                raise UsageError(
                    Problem(
                        f"a search knows no `{name}`: accuracies are published, not computed",
                        hint=hint,
                    )
                )
        self.costs = costs
        self.objectives = tuple(objectives)
        self.limits = tuple(limits)

    @property
    def counts(self) -> list[int]:
        """How many options each axis has."""
        return [len(axis.options) for axis in self.costs.space.axes]

    def score(self, samples: Samples) -> Scores:
        """The scores of samples."""
        costs, count = self.costs.costs(samples), samples.shape[1]
        vectors = np.stack([aim.sign * costs[aim.column] for aim in self.objectives], axis=1)
        over = np.zeros(count)
        if self.limits:
            over = np.maximum(excess_of(self.limits, costs, count), 0.0)
        over[np.isnan(vectors).any(axis=1)] = np.inf
        return Scores(vectors, over)


def search_spaces(request: SweepRequest, progress: Progress | None = None) -> SweepRequest:
    """`request` with the candidates that its search finds; a request without a search as it is.

    `progress` is called with the evaluations done and those in all. Raises `UsageError` for what
    cannot be searched.
    """
    selection = request.selection
    if selection is None or not selection.is_search:
        return request
    if any(len(network.precisions) > 1 for network in request.networks):
        hint = f"--precision {request.precisions[0]}"
        raise UsageError(Problem("a search is at one precision", hint=hint))
    networks: list[Network] = []
    total = selection.count * len(request.networks)
    for number, network in enumerate(request.networks):
        assert network.space is not None
        costs = network.space.at(network.precisions[0])
        problem = SearchProblem(costs, request.objectives, request.limits)
        before = number * selection.count

        def step(done: int, of: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, total or of)

        if selection.method == "exact":
            from mnet_cost.search.exact_search import find_front

            samples = find_front(problem, step)
        elif selection.count >= costs.space.points and selection.storage is None:
            samples = _every(costs.space)
        elif selection.method == "optuna":
            from mnet_cost.search.optuna_search import search_by_optuna

            samples = search_by_optuna(
                problem, selection.count, selection.seed, selection.storage, step
            )
        else:
            samples = evolve(problem, selection.count, selection.seed, step)
        networks.append(replace(network, candidates=Chosen(samples)))
    return replace(request, networks=tuple(networks))


def _every(space: Space) -> Samples:
    """All samples of a space, each once."""
    shape = [len(axis.options) for axis in space.axes]
    return np.array(np.unravel_index(np.arange(space.points), shape), dtype=space.dtype)


def evolve(
    problem: SearchProblem, evaluations: int, seed: int, progress: Progress | None = None
) -> Samples:
    """The samples that `evaluations` of NSGA-II look at, in their order.

    The same seed gives the same samples. No sample is looked at twice while others are left.
    """
    space, generator = problem.costs.space, np.random.default_rng(seed)
    size = min(max(evaluations // _GENERATIONS, _SMALLEST), _LARGEST, evaluations)
    parents = space.draw(size, seed)
    scores = problem.score(parents)
    archive = [parents]
    seen = {sample.tobytes() for sample in parents.T}
    done = size
    while done < evaluations:
        if progress is not None:
            progress(done, evaluations)
        order = _best_first(scores)[:size]
        parents = parents[:, order]
        scores = Scores(scores.vectors[order], scores.over[order])
        children = _children(
            parents, min(size, evaluations - done), problem.counts, generator, seen
        )
        archive.append(children)
        done += children.shape[1]
        born = problem.score(children)
        parents = np.concatenate([parents, children], axis=1)
        scores = Scores(
            np.concatenate([scores.vectors, born.vectors]),
            np.concatenate([scores.over, born.over]),
        )
    return np.concatenate(archive, axis=1)


def _best_first(scores: Scores) -> npt.NDArray[np.int64]:
    """Indices of all: fronts of those within the limits, of a front the loneliest first; then the
    others, the closest to the limits first."""
    left = np.flatnonzero(scores.over == 0)
    order: list[npt.NDArray[np.int64]] = []
    while len(left):
        front = front_of(scores.vectors[left])
        crowded = _distances(scores.vectors[left[front]])
        order.append(left[front][np.argsort(-crowded, kind="stable")])
        left = np.delete(left, front)
    others = np.flatnonzero(scores.over > 0)
    order.append(others[np.argsort(scores.over[others], kind="stable")])
    return np.concatenate(order)


def _distances(vectors: Doubles) -> Doubles:
    """Crowding distances of a front: of each point, how far its neighbours are from each other."""
    distances = np.zeros(len(vectors))
    for column in vectors.T:
        order = np.argsort(column, kind="stable")
        span = column[order[-1]] - column[order[0]]
        distances[order[[0, -1]]] = np.inf
        if span > 0:
            distances[order[1:-1]] += (column[order[2:]] - column[order[:-2]]) / span
    return distances


def _children(
    parents: Samples,
    count: int,
    counts: Sequence[int],
    generator: np.random.Generator,
    seen: set[bytes],
) -> Samples:
    """New samples of parents, which are best first; they are put into `seen`."""
    axes, size = parents.shape
    pairs = generator.integers(size, size=(2, 2, count)).min(axis=0)  # the better of two
    from_first = generator.random((axes, count)) < 0.5
    children = np.where(from_first, parents[:, pairs[0]], parents[:, pairs[1]])
    options = np.array(counts)
    change = generator.random((axes, count)) < 1 / axes
    drawn = generator.integers(0, options[:, None], size=(axes, count))
    children = np.where(change, drawn, children).astype(parents.dtype)
    for child in children.T:
        for _ in range(axes):
            if child.tobytes() not in seen:
                break
            axis = int(generator.integers(axes))
            child[axis] = generator.integers(options[axis])
        seen.add(child.tobytes())
    return children


def hypervolume(vectors: Any, reference: Sequence[float]) -> float:
    """The area that the front of `vectors`, of two objectives, dominates up to `reference`."""
    inside = vectors[(vectors < np.asarray(reference)).all(axis=1)]
    front = inside[front_of(inside)]
    if not len(front):
        return 0.0
    widths = np.diff(np.append(front[:, 0], reference[0]))
    return float((widths * (reference[1] - front[:, 1])).sum())
