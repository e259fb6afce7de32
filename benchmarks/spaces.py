"""Design spaces: the time of a million samples, and searches beside random sampling at equal cost.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/spaces.py [ROUNDS]

The space is `ofa_mobilenet_v3`. A million samples are drawn and scored in three metrics (mult-adds,
peak memory, the latency on one fitted device), tables included; then with all metrics, and with the
columns of a file. Searches look for more mult-adds in less time: the quality of a front is its
hypervolume as a share of that of the exact front, up to a corner of no mult-adds and 400 ms. The
median over seeds, CPU time.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from functools import partial
from statistics import median
from time import process_time
from typing import Any

import mnet_cost
from mnet_cost.metrics import named
from mnet_cost.search.block_tables import BlockTables
from mnet_cost.search.exact_search import find_front
from mnet_cost.search.objectives import parse_objectives
from mnet_cost.search.optuna_search import search_by_optuna
from mnet_cost.search.space_costs import SpaceCosts, sample_blocks
from mnet_cost.search.space_search import SearchProblem, evolve, hypervolume
from mnet_cost.search.spaces import Samples, Space, describe_space

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 5
SAMPLES = 1_000_000
SPACE = "ofa_mobilenet_v3"
DEVICE = "pixel_1_tflite"
THREE = ("mult_adds", "peak_memory", "latency")
CORNER = (0.0, 400.0)


def space() -> Space:
    """The space, described anew."""
    return describe_space(mnet_cost.load_model(SPACE), {}, SPACE)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """(CPU seconds, result)."""
    gc.collect()
    start = process_time()
    result = work()
    return process_time() - start, result


def scored(metrics: tuple[str, ...] | None, columns: bool) -> None:
    """A million samples: tables, drawing and scores; with `columns` those of files as well."""
    wanted = None if metrics is None else named(metrics)
    costs = SpaceCosts(space(), [mnet_cost.load_device(DEVICE)], metrics=wanted)
    assert isinstance(costs.tables, BlockTables)
    if columns:
        for _ in sample_blocks(costs, SAMPLES, 1):
            pass
    else:
        for samples in costs.space.draws(SAMPLES, 1):
            costs.costs(samples)


def quality(problem: SearchProblem, samples: Samples) -> float:
    """The hypervolume of the front of samples."""
    return hypervolume(problem.score(samples).vectors, CORNER)


def main() -> None:
    print(f"{'1,000,000 samples':44} {'CPU s':>7}")
    for what, metrics, columns in (
        ("mult-adds, peak memory, latency", THREE, False),
        ("the same, with the columns of files", THREE, True),
        ("all metrics, with ranges", None, False),
    ):
        spent = [timed(partial(scored, metrics, columns))[0] for _ in range(ROUNDS)]
        print(f"{what:44} {median(spent):7.2f}")

    devices = [mnet_cost.load_device(DEVICE)]
    costs = SpaceCosts(space(), devices, metrics=named(THREE))
    objectives = parse_objectives(f"mult_adds:more,latency@{DEVICE}", devices, ())
    problem = SearchProblem(costs, objectives)
    seconds, samples = timed(lambda: find_front(problem))
    best = quality(problem, samples)
    size = samples.shape[1]
    print(f"\n{'search':12} {'evaluations':>12} {'hypervolume':>12} {'CPU s':>8}")
    print(f"{'exact':12} {size:12,} {1:12.2%} {seconds:8.2f}")
    for evaluations in (1000, 10_000, 100_000):
        searches: tuple[tuple[str, Callable[[int, int], Samples]], ...] = (
            ("random", problem.costs.space.draw),
            ("evolution", partial(evolve, problem)),
            ("optuna", partial(search_by_optuna, problem)),
        )
        for name, search in searches:
            if name == "optuna" and evaluations > 1000:
                continue  # minutes: Optuna asks and tells trials one by one
            seeds = range(1, 2 if name == "optuna" else ROUNDS + 1)
            runs = [timed(partial(search, evaluations, seed)) for seed in seeds]
            share = median([quality(problem, found) for _, found in runs]) / best
            seconds = median([seconds for seconds, _ in runs])
            print(f"{name:12} {evaluations:12,} {share:12.2%} {seconds:8.2f}")


if __name__ == "__main__":
    main()
