"""`train_model`: plan, train, and say what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from mnet_cost.errors import MnetCostError, Problem
from mnet_cost.models.types import Model
from mnet_cost.torch_model.training.checkpoint import load_checkpoint
from mnet_cost.torch_model.training.estimate import free_bytes
from mnet_cost.torch_model.training.loop import DivergedError, OutOfMemoryError, Position, train
from mnet_cost.torch_model.training.measured import PeakMemory, environment
from mnet_cost.torch_model.training.metrics import ClassResult, EpochRecord, Tested, class_results
from mnet_cost.torch_model.training.plan import Plan, Wishes, plan_training
from mnet_cost.torch_model.training.runs import Cadence, Journal, Observer, open_folder


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
    """Memory taken beyond what the process had; None where nobody says."""
    environment: Mapping[str, Any]

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


def train_model(
    model: Model,
    wishes: Wishes,
    folder: Path,
    *,
    resume: bool = False,
    cadence: Cadence | None = None,
    stop: Callable[[], bool] = lambda: False,
    audience: Audience | None = None,
) -> Trained:
    """Train a model into `folder`, or with `resume` go on with what is there.

    `stop` is asked after each step. Raises `DivergedError` where the loss becomes no number; the
    last checkpoint stays.
    """
    audience = audience or Silence()
    plan = plan_training(model, wishes, audience.reading)
    here = environment(plan.task.device, wishes.seed)
    run = open_folder(folder, resume)
    about = {
        "training": dict(plan.identity),
        "classes": list(plan.dataset.classes),
        "environment": here,
    }
    if resume:
        there = load_checkpoint(run.checkpoint).get("environment")
        if there != here:
            audience.warn(
                f"{run.checkpoint} was written elsewhere ({_differences(there, here)}): the last "
                "bits may differ from those of one run"
            )
    journal = Journal(run, plan.task, about, cadence or Cadence(), stop, audience)
    audience.planned(plan, folder)
    memory = PeakMemory(plan.task.device)
    position = journal.resume() if resume else journal.start()
    try:
        position = train(plan.task, position, journal)
    except OutOfMemoryError as error:
        raise _with_hint(error, _what_fits(plan)) from None
    except DivergedError as error:
        raise DivergedError(
            [*error.problems, Problem(f"the last good state is in {run.checkpoint}")]
        ) from None
    return Trained(
        plan,
        folder,
        position.history,
        journal.tested,
        position.epoch >= plan.settled.epochs,
        memory.bytes(),
        here,
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
