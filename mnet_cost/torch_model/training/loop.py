"""The training loop: steps, epochs, tests, and when to keep what is reached.

A step depends on the state at its start alone: pictures on (seed, epoch, number), dropout on the
generator that checkpoints keep. So a training that goes on from a checkpoint ends with the same
weights as one that was never stopped, bit for bit where torch calculates the same twice: on one
thread of a processor.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from mnet_cost.errors import MnetCostError, Problem
from mnet_cost.torch_model.training.feed import (
    Batches,
    TestPictures,
    TrainingPictures,
    received,
    test_loader,
    training_loader,
)
from mnet_cost.torch_model.training.metrics import EpochRecord, Tally, Tested
from mnet_cost.torch_model.training.objectives import Objective
from mnet_cost.torch_model.training.recipes import Average, Settled, trainable


class DivergedError(MnetCostError):
    """The loss or its gradients are no numbers any more."""


class OutOfMemoryError(MnetCostError):
    """A step did not fit into the memory of the device."""


class Teacher(NamedTuple):
    """A trained network that is asked for its opinion."""

    module: nn.Module
    size: tuple[int, int]

    @torch.no_grad()
    def opinion(self, images: Tensor) -> Tensor:
        """Its outputs for pictures at the student's size."""
        if images.shape[-2:] != self.size:
            images = functional.interpolate(images, self.size, mode="bilinear", antialias=True)
        found: Tensor = self.module(images)
        return found


class Task(NamedTuple):
    """What is trained, on what and how."""

    module: nn.Module
    average: Average
    optimizer: torch.optim.Optimizer
    scaler: Any
    settled: Settled
    objective: Objective
    teacher: Teacher | None
    train: TrainingPictures
    test: TestPictures
    classes: int
    seed: int
    workers: int
    device: torch.device
    autocast: torch.dtype | None


class Position(NamedTuple):
    """How far a training is; `history` has the epochs that are done."""

    step: int = 0
    """Steps done of the epoch under way."""
    tally: Tally = Tally()
    history: tuple[EpochRecord, ...] = ()

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)


class Keeper(Protocol):
    """Who is told of steps and epochs done: keeps checkpoints, shows progress, may stop it all."""

    def after_step(self, position: Position) -> bool:
        """Whether to go on."""

    def after_epoch(self, position: Position, tested: Tested) -> bool:
        """Whether to go on."""


def train(task: Task, position: Position, keeper: Keeper) -> Position:
    """Train from `position` to the end, or until the keeper says stop."""
    settled = task.settled
    batches = Batches(
        len(task.train.split.labels), settled.batch, task.seed, settled.epochs,
        position.epoch, position.step,
    )  # fmt: skip
    pin = task.device.type == "cuda"
    feed = iter(training_loader(task.train, batches, task.workers, pin))
    tests = test_loader(task.test, settled.batch, min(task.workers, 2), pin)
    while position.epoch < settled.epochs:
        while position.step < settled.steps_per_epoch:
            began = time.perf_counter()
            loss, correct, examples = _step(task, position, feed)
            spent = time.perf_counter() - began
            tally = position.tally.plus(loss, correct, examples, spent)
            position = position._replace(step=position.step + 1, tally=tally)
            if not keeper.after_step(position):
                return position
        tested = evaluate(task, tests)
        record = _record(task, position, tested)
        position = Position(history=(*position.history, record))
        if not keeper.after_epoch(position, tested):
            break
    return position


def _step(task: Task, position: Position, feed: Iterator[Any]) -> tuple[float, int, int]:
    """(loss, correct ones, examples) of one more step."""
    number = position.epoch * task.settled.steps_per_epoch + position.step
    lr = task.settled.lr_at(number)
    for group in task.optimizer.param_groups:
        group["lr"] = lr
    images, labels = _placed(task, next(feed))
    task.module.train()
    with _memory_watched(task):
        with _autocast(task):
            taught = task.teacher.opinion(images) if task.teacher else None
            outputs = task.module(images)
            loss = task.objective.loss(outputs, labels, taught)
        task.optimizer.zero_grad(set_to_none=True)
        task.scaler.scale(loss).backward()
        task.scaler.unscale_(task.optimizer)
        norm = nn.utils.clip_grad_norm_(
            trainable(task.optimizer.param_groups), task.settled.recipe.clip_norm
        )
        value = float(loss.detach())
        _refuse_no_number(task, position, lr, value, float(norm))
        task.scaler.step(task.optimizer)
        task.scaler.update()
        task.average.update(number + 1)
    correct = int((outputs.argmax(1) == labels).sum()) if task.objective.classifies else 0
    return value, correct, len(labels)


def _placed(task: Task, batch: Any) -> tuple[Tensor, Tensor]:
    """A batch on the device, channels last: convolutions are faster so, twice on a processor."""
    images, labels = received(batch)
    images = images.to(task.device, memory_format=torch.channels_last, non_blocking=True)
    return images, labels.to(task.device, non_blocking=True)


def _refuse_no_number(task: Task, position: Position, lr: float, loss: float, norm: float) -> None:
    """Stop before the weights are spoilt. With a scaler, gradients out of range are its affair."""
    if math.isfinite(loss) and (math.isfinite(norm) or task.scaler.is_enabled()):
        return
    own = task.settled.recipe.lr_per_example * task.settled.batch
    if task.settled.lr > own:
        hint = f"the recipe's own, --lr {own:.3g}, is smaller"
    else:
        hint = f"a smaller one, as --lr {task.settled.lr / 4:.2g}, often helps"
    what = "loss" if not math.isfinite(loss) else "gradient"
    raise DivergedError(
        Problem(
            f"the {what} is no number any more ({loss if what == 'loss' else norm:g}) in epoch "
            f"{position.epoch + 1}, step {position.step + 1} of {task.settled.steps_per_epoch}, "
            f"at a learning rate of {lr:.3g}",
            hint=hint,
        )
    )


def evaluate(task: Task, tests: Any) -> Tested:
    """Test the running average of the weights."""
    confusion = torch.zeros(task.classes, task.classes, dtype=torch.int64)
    total, seen = 0.0, 0
    with torch.no_grad(), _memory_watched(task), _autocast(task):
        for batch in tests:
            images, labels = _placed(task, batch)
            taught = task.teacher.opinion(images) if task.teacher else None
            outputs = task.average.module(images)
            total += float(task.objective.test_loss(outputs, labels, taught)) * len(labels)
            seen += len(labels)
            if task.objective.classifies:
                pairs = labels * task.classes + outputs.argmax(1)
                counts = pairs.cpu().bincount(minlength=task.classes**2)
                confusion += counts.view_as(confusion)
    rows = tuple(tuple(row) for row in confusion.tolist()) if task.objective.classifies else ()
    return Tested(total / seen, rows)


def _record(task: Task, position: Position, tested: Tested) -> EpochRecord:
    tally = position.tally
    steps = (position.epoch + 1) * task.settled.steps_per_epoch
    return EpochRecord(
        epoch=position.epoch + 1,
        steps=steps,
        loss=tally.mean_loss,
        accuracy=tally.correct / tally.examples if task.objective.classifies else None,
        test_loss=tested.loss,
        test_accuracy=tested.accuracy,
        lr=task.settled.lr_at(steps - 1),
        seconds=tally.seconds,
        images_per_s=tally.examples / tally.seconds if tally.seconds else 0.0,
    )


def _autocast(task: Task) -> AbstractContextManager[Any]:
    if task.autocast is None:
        return nullcontext()
    context: AbstractContextManager[Any] = torch.autocast(task.device.type, task.autocast)
    return context


@contextmanager
def _memory_watched(task: Task) -> Iterator[None]:
    """Say `OutOfMemoryError` for what torch says on each device."""
    try:
        yield
    except (MemoryError, RuntimeError) as reason:
        if not isinstance(reason, MemoryError) and not any(
            words in str(reason) for words in _NO_MEMORY
        ):
            raise
        raise OutOfMemoryError(
            f"out of memory on {task.device} at a batch of {task.settled.batch}"
        ) from None


_NO_MEMORY = ("out of memory", "can't allocate memory")
"""Of CUDA and MPS; of a processor."""
