"""Searches of design spaces: what they find, and that an exact one is as good as all networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_block_tables import BREAKS, HEAD, SPACES

from mnet_cost import load_device
from mnet_cost.errors import UsageError
from mnet_cost.models.library import load_model
from mnet_cost.search import exact_search
from mnet_cost.search.exact_search import find_front
from mnet_cost.search.fronts import front_of
from mnet_cost.search.selection import plan_selection
from mnet_cost.search.space_search import SearchProblem, evolve, hypervolume, search_spaces
from mnet_cost.search.spaces import Samples
from mnet_cost.search.sweep_request import SweepRequest, plan_sweep

TFLITE, ENERGY = "pixel_1_tflite", "raspberry_pi_4_ncnn"


def planned(reference: str, objectives: str, *limits: str, **selected: Any) -> SweepRequest:
    """A request for one space on two devices."""
    selected = selected or {"search": "exact"}
    return plan_sweep(
        [reference], [load_model(reference)], {}, [load_device(TFLITE), load_device(ENERGY)],
        objectives=objectives, limits=limits, selection=plan_selection(**selected),
    )  # fmt: skip


def problem_of(request: SweepRequest) -> SearchProblem:
    (network,) = request.networks
    assert network.space is not None
    return SearchProblem(network.space.at("fp32"), request.objectives, request.limits)


def every(problem: SearchProblem) -> Samples:
    """All combinations of options."""
    return np.array(list(np.ndindex(*problem.counts)), dtype=np.uint8).T


def front(problem: SearchProblem, samples: Samples) -> Any:
    """The vectors of the front of samples within the limits."""
    scores = problem.score(samples)
    vectors = scores.vectors[scores.over == 0]
    return vectors[front_of(vectors)]


OBJECTIVES = (
    (f"mult_adds:more,latency@{TFLITE}",),
    (f"latency@{TFLITE},params,peak_memory", "mult_adds>=1M"),
    ("mult_adds:more,peak_memory:more", "params<=12k", f"latency@{ENERGY}<=0.6ms"),
    (f"energy@{ENERGY},mult_adds:more", f"memory@{TFLITE}<=250kB"),
    (f"flops:more,memory@{ENERGY},latency@{ENERGY}",),
)


@pytest.mark.parametrize("asked", OBJECTIVES, ids=lambda asked: asked[0])
@pytest.mark.parametrize("name", [*SPACES, *BREAKS])
def test_an_exact_search_finds_the_front_of_all_networks(
    name: str, asked: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(HEAD + {**SPACES, **BREAKS}[name])
    problem = problem_of(planned(str(path), *asked))
    if np.prod(problem.counts) > 20_000:
        pytest.skip("too many networks to look at all of them")
    ours, samples = find_front(problem), every(problem)
    if (problem.score(samples).over > 0).all():
        assert problem.limits  # then it is what comes closest
        return
    best = front(problem, samples)
    assert len(ours.T) == len(best)
    assert np.allclose(front(problem, ours), best, rtol=1e-12, atol=0)


def test_the_front_of_once_for_all() -> None:
    """Among 3e21 combinations: no sample is better than it, and it is better than all."""
    problem = problem_of(planned("ofa_mobilenet_v3", f"mult_adds:more,latency@{TFLITE}"))
    exact = front(problem, find_front(problem))
    drawn = front(problem, problem.costs.space.draw(20_000, 1))
    both = np.concatenate([exact, drawn])
    assert len(exact) > 4000
    assert set(front_of(both)) <= set(range(len(exact)))


def test_evolution_is_better_than_chance_and_the_same_with_the_same_seed() -> None:
    problem = problem_of(planned("ofa_mobilenet_v3", f"mult_adds:more,latency@{TFLITE}"))
    evolved = evolve(problem, 3000, 1)
    assert evolved.shape == (45, 3000)
    assert len({sample.tobytes() for sample in evolved.T}) == 3000
    assert np.array_equal(evolved, evolve(problem, 3000, 1))
    assert not np.array_equal(evolved, evolve(problem, 3000, 2))
    drawn = problem.costs.space.draw(3000, 1)
    corner = [0.0, 400.0]
    areas = [
        hypervolume(front(problem, samples), corner)
        for samples in (drawn, evolved, find_front(problem))
    ]
    assert areas[0] * 1.04 < areas[1] < areas[2]


def test_evolution_gets_within_limits_that_chance_misses() -> None:
    limits = (f"latency@{TFLITE}<=40ms", "params<=3.6M")
    problem = problem_of(planned("ofa_mobilenet_v3", "mult_adds:more,params", *limits))
    assert (problem.score(problem.costs.space.draw(2000, 1)).over > 0).all()
    scores = problem.score(evolve(problem, 2000, 1))
    assert (scores.over == 0).sum() > 50


def test_evolution_of_a_space_with_fewer_networks_than_evaluations(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(HEAD + SPACES["two choices"])
    problem = problem_of(planned(str(path), "mult_adds,params"))
    assert len(front(problem, evolve(problem, 300, 1))) == len(front(problem, every(problem)))


@pytest.mark.parametrize("search", ["evolution", "optuna"])
def test_a_search_of_more_than_all_networks_looks_at_each_once(tmp_path: Path, search: str) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(HEAD + SPACES["two choices"])
    selection = plan_selection(search=search, evaluations=10**6)
    request = plan_sweep(
        [str(path)], [load_model(str(path))], {}, objectives="mult_adds,params",
        selection=selection,
    )  # fmt: skip
    found = search_spaces(request)
    assert found.networks[0].candidates is not None
    (samples,) = found.networks[0].candidates.pieces()
    every_one = problem_of(planned(str(path), "mult_adds,params"))
    assert len({sample.tobytes() for sample in samples.T}) == samples.shape[1]
    assert samples.shape == every(every_one).shape


def test_networks_that_break_are_no_candidates_of_evolution(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(HEAD + BREAKS["in several blocks"])
    problem = problem_of(planned(str(path), "mult_adds:more,params"))
    samples = evolve(problem, 400, 1)
    assert 0 < np.isnan(problem.score(samples).vectors).any(axis=1).sum() < 200


def test_optuna_takes_our_scores_and_goes_on(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    asked = (f"mult_adds:more,latency@{TFLITE}", "params<=6M")

    def run(evaluations: int, storage: str | None) -> Samples:
        selected: Any = {
            "search": "optuna",
            "evaluations": evaluations,
            "seed": 1,
            "storage": storage,
        }
        request = search_spaces(planned("ofa_mobilenet_v3", *asked, **selected))
        assert request.points == evaluations
        candidates = request.networks[0].candidates
        assert candidates is not None
        return np.concatenate(list(candidates.pieces()), axis=1)

    few, more = run(30, storage), run(45, storage)
    assert np.array_equal(more[:, :30], few)
    assert np.array_equal(run(30, None), run(30, None))


def test_optuna_counts_networks_that_break(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(HEAD + BREAKS["in several blocks"])
    selected: Any = {"search": "optuna", "evaluations": 40, "seed": 1}
    request = search_spaces(planned(str(path), "mult_adds:more,params", "params<=9k", **selected))
    assert request.points == 40


@pytest.mark.parametrize(
    ("objectives", "limits", "said"),
    [
        ("latency_high@pixel_1_tflite", (), "cannot be by `latency_high`"),
        ("lower_bound@pixel_1_tflite", (), "the lower bound of a block depends on what caches"),
        ("mult_adds", ("energy@pixel_1_tflite<=1mJ",), "the energy on pixel_1_tflite is that of"),
        ("mult_adds", ("latency_low@pixel_1_tflite<=1ms",), "cannot be by `latency_low`"),
    ],
)
def test_what_an_exact_search_refuses(objectives: str, limits: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        search_spaces(planned("ofa_mobilenet_v3", objectives, *limits))


def test_an_exact_search_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exact_search, "MAX_BEGINNINGS", 5000)
    with pytest.raises(UsageError, match="would compare more than 5,000 networks at a time"):
        search_spaces(planned("ofa_mobilenet_v3", f"mult_adds:more,latency@{TFLITE}"))
