"""The training loop: steps, epochs, tests, and calls of the keeper of checkpoints.

A step depends on the state at its start alone: pictures on (seed, epoch, number), dropout on the
generator whose state is in checkpoints. A training that goes on from a checkpoint therefore ends
with the same weights as a training without a stop, bit for bit where torch is deterministic: on a
single thread of a processor.
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
    """The loss or its gradients are infinite or no numbers any more."""


class OutOfMemoryError(MnetCostError):
    """A step did not fit into the memory of the device."""


class Teacher(NamedTuple):
    """A trained network whose outputs the student learns from."""

    module: nn.Module
    size: tuple[int, int]
    """(height, width) of its pictures."""

    @torch.no_grad()
    def opinion(self, images: Tensor) -> Tensor:
        """Its outputs [N, features] for `images` [N, C, H, W] of the student's size."""
        if images.shape[-2:] != self.size:
            images = functional.interpolate(images, self.size, mode="bilinear", antialias=True)
        outputs: Tensor = self.module(images)
        return outputs


class Task(NamedTuple):
    """A network with its data, objective and optimizer, ready to be trained."""

    module: nn.Module
    average: Average
    optimizer: torch.optim.Optimizer
    scaler: Any
    """The `GradScaler` of the loss; it does nothing unless `autocast` is fp16."""
    settled: Settled
    objective: Objective
    teacher: Teacher | None
    train: TrainingPictures
    test: TestPictures
    classes: int
    """The number of classes of the data."""
    seed: int
    workers: int
    """The number of loader processes; 0 loads in the training process."""
    device: torch.device
    autocast: torch.dtype | None
    """The type that `torch.autocast` calculates in; None for fp32."""


class Position(NamedTuple):
    """How far a training is."""

    step: int = 0
    """The number of steps done in the current epoch."""
    tally: Tally = Tally()
    """The sums over these steps."""
    history: tuple[EpochRecord, ...] = ()
    """The epochs that are done."""

    @property
    def epoch(self) -> int:
        """The number of epochs that are done."""
        return len(self.history)


class Keeper(Protocol):
    """What the loop calls after each step and epoch: it writes checkpoints and can stop a training.

    Both methods return whether to go on.
    """

    def after_step(self, position: Position) -> bool:
        """Called after each step with the position after it."""

    def after_epoch(self, position: Position, tested: Tested) -> bool:
        """Called after the test of each epoch."""


def train(task: Task, position: Position, keeper: Keeper) -> Position:
    """Train from `position` to the end, or until the keeper stops it; returns the last position.

    Raises `DivergedError`, `OutOfMemoryError`, and `DataError` for a picture that cannot be read
    any more.
    """
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
    """Make a step; returns its loss and its numbers of correct outputs and of examples."""
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
    """A batch on the device in channels-last order, which makes convolutions faster.

    On a processor they take half the time.
    """
    images, labels = received(batch)
    images = images.to(task.device, memory_format=torch.channels_last, non_blocking=True)
    return images, labels.to(task.device, non_blocking=True)


def _refuse_no_number(task: Task, position: Position, lr: float, loss: float, norm: float) -> None:
    """Raise `DivergedError` before the weights are changed; a scaler handles gradients itself."""
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
    """Test the running average of the weights on all batches of `tests`, a test loader."""
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
    """Turn the errors of torch for memory that is not there into `OutOfMemoryError`."""
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
"""Words of torch's errors: for CUDA and MPS; for a processor."""
