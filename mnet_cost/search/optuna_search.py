"""Search of a design space by Optuna: its samplers and storage, our scores in batches.

A study asks for a batch of networks, which are scored together, and is told what they cost. With a
storage a study goes on where it ended, and several processes work on one: its name is that of the
space, the objectives and the limits, so that only equal searches meet. A network that breaks is a
failed trial. Not here: what a search is for.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from mnet_cost.errors import Problem, UsageError
from mnet_cost.search.space_search import SearchProblem
from mnet_cost.search.spaces import Samples
from mnet_cost.torch_model.installed import require

Progress = Callable[[int, int], None]

_OVER = "over"
"""The attribute of a trial that says how far it is over the limits."""
_SMALLEST, _LARGEST = 20, 200
_ATTEMPTS = 4
"""To open a database that another process is making."""


def search_by_optuna(
    problem: SearchProblem,
    evaluations: int,
    seed: int,
    storage: str | None = None,
    progress: Progress | None = None,
) -> Samples:
    """The samples of a study once it has `evaluations` trials, those of other processes and of
    earlier runs among them.

    Without a storage the same seed gives the same samples. Raises `MissingPackageError` without
    Optuna, `UsageError` for a storage that cannot be used.
    """
    require("optuna", extra="search")
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    size = min(max(evaluations // 40, _SMALLEST), _LARGEST)
    try:
        study = _study(problem, storage, optuna)
        # Each process draws numbers of its own.
        study.sampler = _sampler(
            problem, seed + len(study.get_trials(deepcopy=False)), size, optuna
        )
        return _run(problem, study, evaluations, size, progress, optuna)
    except _database_errors() as error:
        why = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise UsageError(
            Problem(
                f"the storage {storage} cannot be used: {why}",
                hint="a storage is an address such as sqlite:///study.db",
            )
        ) from None


def _database_errors() -> tuple[type[Exception], ...]:
    """What Optuna raises for an address that names no database, or one that cannot be used."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    return StorageInternalError, SQLAlchemyError


def _study(problem: SearchProblem, storage: str | None, optuna: Any) -> Any:
    """The study, which another process may be making at this moment: then both fail once."""
    for attempt in range(_ATTEMPTS):
        try:
            return optuna.create_study(
                storage=storage,
                study_name=study_name(problem),
                directions=["minimize"] * len(problem.objectives),
                load_if_exists=True,
            )
        except _database_errors() as error:
            if attempt == _ATTEMPTS - 1 or not hasattr(error, "orig"):  # no error of a database
                raise
            time.sleep(0.5)
    raise AssertionError


def _sampler(problem: SearchProblem, seed: int, size: int, optuna: Any) -> Any:
    options: dict[str, Any] = {"seed": seed, "population_size": size}
    if problem.limits and not _has_constraints(optuna):
        options["constraints_func"] = lambda trial: [trial.user_attrs[_OVER]]
    return optuna.samplers.NSGAIISampler(**options)


def _has_constraints(optuna: Any) -> bool:
    """Whether trials have constraints of their own, as since Optuna 5."""
    return hasattr(optuna.trial.Trial, "set_constraint")


def _note_overrun(trial: Any, over: float, optuna: Any) -> None:
    """Tell a trial how far it is over the limits."""
    over = min(over, sys.float_info.max)  # which a database holds
    if _has_constraints(optuna):
        trial.set_constraint(_OVER, over)
    else:
        trial.set_user_attr(_OVER, over)


def study_name(problem: SearchProblem) -> str:
    """The name of a space, and a digest of all that a search is about."""
    from mnet_cost.search.sweep_description import profile_hash, spec_hash

    costs = problem.costs
    about = {
        "spec": spec_hash(costs.space.model),
        "knobs": {name: str(value) for name, value in costs.space.model.knobs.items()},
        "axes": {axis.name: list(map(str, axis.options)) for axis in costs.space.axes},
        "devices": [profile_hash(device) for device in costs.devices],
        "precision": costs.precision,
        "convention": costs.convention,
        "objectives": [[aim.column, aim.better] for aim in problem.objectives],
        "limits": [[limit.column, limit.is_most, limit.value] for limit in problem.limits],
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    return f"{costs.space.model.spec.title}-{digest[:16]}"


def _run(
    problem: SearchProblem,
    study: Any,
    evaluations: int,
    size: int,
    progress: Progress | None,
    optuna: Any,
) -> Samples:
    space = problem.costs.space
    names = [axis.name for axis in space.axes]
    distributions = {
        axis.name: optuna.distributions.CategoricalDistribution(tuple(range(len(axis.options))))
        for axis in space.axes
    }
    while (done := len(_ended(study, optuna))) < evaluations:
        if progress is not None:
            progress(done, evaluations)
        trials = [study.ask(distributions) for _ in range(min(size, evaluations - done))]
        rows = [[trial.params[name] for name in names] for trial in trials]
        samples = np.array(rows, dtype=space.dtype).T
        scores = problem.score(samples)
        for trial, vector, over in zip(trials, scores.vectors, scores.over, strict=True):
            if problem.limits:
                _note_overrun(trial, float(over), optuna)
            if np.isnan(vector).any():
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            else:
                study.tell(trial, vector.tolist())
    ended = _ended(study, optuna)
    rows = [[trial.params[name] for name in names] for trial in ended]
    return np.array(rows, dtype=space.dtype).T.copy()


def _ended(study: Any, optuna: Any) -> list[Any]:
    """Trials that were scored, those that broke among them."""
    states = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.FAIL)
    return list(study.get_trials(deepcopy=False, states=states))
