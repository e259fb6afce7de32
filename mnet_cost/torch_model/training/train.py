"""`train_model`: plan, train, and say what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from mnet_cost.errors import MnetCostError, Problem
from mnet_cost.models.types import Model
from mnet_cost.torch_model.training.checkpoint import load_checkpoint
from mnet_cost.torch_model.training.data import Dataset, load_dataset
from mnet_cost.torch_model.training.estimate import free_bytes
from mnet_cost.torch_model.training.loop import DivergedError, OutOfMemoryError, Position, train
from mnet_cost.torch_model.training.measured import PeakMemory, environment
from mnet_cost.torch_model.training.metrics import ClassResult, EpochRecord, Tested, class_results
from mnet_cost.torch_model.training.plan import Plan, Wishes, input_channels, plan_training
from mnet_cost.torch_model.training.runs import (
    Cadence,
    Journal,
    Observer,
    RunFolder,
    accepted,
    check_folder,
    open_folder,
)


class Audience(Observer, Protocol):
    """Who is told how a training goes on, from reading the data to the last epoch."""

    def reading(self, done: int, total: int) -> None: ...

    def planned(self, plan: Plan, folder: Path) -> None: ...

    def warn(self, text: str) -> None: ...


class Silence:
    """Nobody."""

    def reading(self, done: int, total: int) -> None: ...

    def planned(self, plan: Plan, folder: Path) -> None: ...

    def warn(self, text: str) -> None: ...

    def step(self, position: Position) -> None: ...

    def epoch(self, record: EpochRecord) -> None: ...


class Trained(NamedTuple):
    """What a training came to."""

    plan: Plan
    folder: Path
    history: tuple[EpochRecord, ...]
    tested: Tested | None
    """The test after the last epoch; None before the first is done."""
    finished: bool
    """False where it was stopped: it can be resumed."""
    peak_bytes: int | None
    """Memory taken beyond what the process had; None where nobody says, or the run was resumed."""
    environment: Mapping[str, Any]
    resumed: bool = False

    @property
    def best(self) -> EpochRecord | None:
        """The epoch whose weights are in best.pt."""
        return max(self.history, key=lambda record: record.score, default=None)

    @property
    def seconds(self) -> float:
        """Of training, without tests, over all sessions."""
        return sum(record.seconds for record in self.history)

    @property
    def classes(self) -> tuple[ClassResult, ...]:
        """How each class fares in the last test."""
        names = self.plan.dataset.classes
        return class_results(names, self.tested) if self.tested else ()


class LoaderError(MnetCostError):
    """A process that reads pictures died."""


class Job(NamedTuple):
    """One training of several."""

    model: Model
    wishes: Wishes
    folder: Path
    resume: bool


def check_jobs(
    jobs: Sequence[Job], seen: Callable[[int, int], None] | None = None
) -> list[Dataset]:
    """Plan all trainings, so that what cannot be trained is refused before the first begins; the
    data of each. Data are read once for each number of channels."""
    read: dict[tuple[str, int], Dataset] = {}
    found = []
    for job in jobs:
        key = (job.wishes.data, input_channels(job.model))
        if key not in read:
            read[key] = load_dataset(*key, job.wishes.strict, seen)
        plan = plan_training(job.model, job.wishes, dataset=read[key])
        run = check_folder(job.folder, job.resume)
        if job.resume:
            accepted(run, plan.identity, job.wishes.lr)
        found.append(plan.dataset)
    return found


def train_model(
    model: Model,
    wishes: Wishes,
    folder: Path,
    resume: bool = False,
    *,
    cadence: Cadence | None = None,
    stop: Callable[[], bool] = lambda: False,
    audience: Audience | None = None,
    dataset: Dataset | None = None,
) -> Trained:
    """Train a model into `folder`, or with `resume` go on with what is there.

    `stop` is asked after each step. Raises `DivergedError` where the loss becomes no number; the
    last checkpoint stays. To resume with another learning rate is warned of, not refused: it is
    the way out of a divergence.
    """
    audience = audience or Silence()
    plan = plan_training(model, wishes, audience.reading, dataset)
    with open_folder(folder, resume) as run:
        return _train(plan, wishes, run, resume, cadence or Cadence(), stop, audience)


def _train(
    plan: Plan,
    wishes: Wishes,
    run: RunFolder,
    resume: bool,
    cadence: Cadence,
    stop: Callable[[], bool],
    audience: Audience,
) -> Trained:
    here = environment(plan.task.device, wishes.seed)
    about = {
        "training": dict(plan.identity),
        "classes": list(plan.dataset.classes),
        "environment": here,
    }
    if resume:
        before = accepted(run, plan.identity, wishes.lr)
        if before is not None:
            audience.warn(
                f"{run.checkpoint} is of a learning rate of {before:.3g}, and goes on with "
                f"{plan.settled.lr:.3g}: the result is not that of one uninterrupted run"
            )
        there = load_checkpoint(run.checkpoint).get("environment")
        if there != here:
            audience.warn(
                f"{run.checkpoint} was written elsewhere ({_differences(there, here)}): the last "
                "bits may differ from those of one run"
            )
    journal = Journal(run, plan.task, about, cadence, stop, audience)
    audience.planned(plan, run.path)
    memory = PeakMemory(plan.task.device)
    position = journal.resume() if resume else journal.start()
    try:
        position = train(plan.task, position, journal)
    except OutOfMemoryError as error:
        raise _with_hint(error, _what_fits(plan)) from None
    except DivergedError as error:
        raise DivergedError(
            [
                *error.problems,
                Problem(
                    f"the last good state is in {run.checkpoint}",
                    hint="--resume with a smaller --lr goes on from there",
                ),
            ]
        ) from None
    except RuntimeError as reason:
        if not str(reason).startswith("DataLoader worker"):
            raise
        raise LoaderError(
            Problem(
                f"a process that reads images died; the last checkpoint is {run.checkpoint}",
                hint="--resume --workers 0 goes on without such processes",
            )
        ) from None
    return Trained(
        plan,
        run.path,
        position.history,
        journal.tested,
        position.epoch >= plan.settled.epochs,
        None if resume else memory.bytes(),  # of all its sessions nobody knows
        here,
        resume,
    )


def _what_fits(plan: Plan) -> str:
    """The largest batch whose estimate is free now."""
    estimate = plan.estimate._replace(available_bytes=free_bytes(plan.task.device))
    batch = estimate.largest_batch(plan.settled.batch)
    if batch is None:
        return "no batch fits by the estimate: take a smaller network or resolution"
    return f"by the estimate --batch {batch} fits"


def _with_hint(error: MnetCostError, hint: str) -> MnetCostError:
    return type(error)([problem._replace(hint=hint) for problem in error.problems])


def _differences(there: Any, here: Mapping[str, Any]) -> str:
    known = there if isinstance(there, Mapping) else {}
    names = [name for name, value in here.items() if known.get(name) != value]
    return ", ".join(f"{name} {known.get(name)}, here {here[name]}" for name in names)
