"""`train_model`, the way into training: it plans, trains and returns the results."""

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
    """Called from the reading of the data to the last epoch, to show progress and warnings."""

    def reading(self, done: int, total: int) -> None: ...

    def planned(self, plan: Plan, folder: Path) -> None: ...

    def warn(self, text: str) -> None: ...


class Silence:
    """An `Audience` that shows nothing."""

    def reading(self, done: int, total: int) -> None: ...

    def planned(self, plan: Plan, folder: Path) -> None: ...

    def warn(self, text: str) -> None: ...

    def step(self, position: Position) -> None: ...

    def epoch(self, record: EpochRecord) -> None: ...


class Trained(NamedTuple):
    """The results of a training."""

    plan: Plan
    folder: Path
    history: tuple[EpochRecord, ...]
    tested: Tested | None
    """The test after the last epoch; None if no epoch is done."""
    finished: bool
    """False if it was stopped, so that it can be resumed."""
    peak_bytes: int | None
    """The peak of memory, see `PeakMemory`; None if it is not known or the run was resumed."""
    environment: Mapping[str, Any]
    """Versions, threads, device and seed."""
    resumed: bool = False

    @property
    def best(self) -> EpochRecord | None:
        """The epoch whose weights are in best.pt; None if no epoch is done."""
        return max(self.history, key=lambda record: record.score, default=None)

    @property
    def seconds(self) -> float:
        """The time of all steps, without tests, in all sessions."""
        return sum(record.seconds for record in self.history)

    @property
    def classes(self) -> tuple[ClassResult, ...]:
        """The result of each class in the last test; empty if there is none."""
        names = self.plan.dataset.classes
        return class_results(names, self.tested) if self.tested else ()


class LoaderError(MnetCostError):
    """A process that reads pictures died."""


class Job(NamedTuple):
    """A training among several."""

    model: Model
    wishes: Wishes
    folder: Path
    resume: bool


def check_jobs(
    jobs: Sequence[Job], seen: Callable[[int, int], None] | None = None
) -> list[Dataset]:
    """Plan all trainings before the first begins; returns the data of each.

    Data are read once for each number of channels. Raises the errors of `plan_training` and
    `check_folder`.
    """
    read: dict[tuple[str, int], Dataset] = {}
    datasets = []
    for job in jobs:
        key = (job.wishes.data, input_channels(job.model))
        if key not in read:
            read[key] = load_dataset(*key, job.wishes.strict, seen)
        plan = plan_training(job.model, job.wishes, dataset=read[key])
        run = check_folder(job.folder, job.resume)
        if job.resume:
            accepted(run, plan.identity, job.wishes.lr)
        datasets.append(plan.dataset)
    return datasets


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
    """Train a model and write the run into `folder`, or with `resume` go on with the run there.

    `stop` is called after each step; the training ends, and can be resumed, when it returns true.
    Another learning rate for a resumed run is a warning, no error, because that helps after a
    divergence. Raises the errors of `plan_training` and `open_folder`; `DivergedError` if the loss
    is no number any more, and the last checkpoint stays; `OutOfMemoryError`; and `LoaderError` if a
    process that reads pictures dies.
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
        None if resume else memory.bytes(),  # it is not known for all sessions
        here,
        resume,
    )


def _what_fits(plan: Plan) -> str:
    """A hint with the largest batch that fits into the free memory by the estimate."""
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
