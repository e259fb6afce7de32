"""The folder of a run, and the journal that writes its files during a training.

checkpoint.pt     to go on from: weights, their average, optimizer, generators, metrics
best.pt           the averaged weights of the epoch with the best test
metrics.jsonl     an object for each epoch
environment.json  versions, threads, device and seed
.lock             locked while a training uses the folder
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch

from mnet_cost.errors import OutputError, Problem
from mnet_cost.paths import is_there, naming, short_name
from mnet_cost.torch_model.training.checkpoint import (
    CheckpointError,
    load_checkpoint,
    load_state,
    refuse_other,
    remove_drafts,
    save_checkpoint,
)
from mnet_cost.torch_model.training.loop import Position, Task
from mnet_cost.torch_model.training.metrics import EpochRecord, Tested, as_document
from mnet_cost.torch_model.training.stored import (
    load_generators,
    load_optimizer,
    load_scaler,
    stored_position,
    stored_test,
    stored_training,
)

_STATE = (
    "training", "position", "tested", "module", "average", "optimizer", "scaler", "rng",
)  # fmt: skip


class Observer(Protocol):
    """Called after each step and epoch, to show progress."""

    def step(self, position: Position) -> None: ...

    def epoch(self, record: EpochRecord) -> None: ...


class Cadence(NamedTuple):
    """When checkpoints are written besides those at the end of each epoch; None: not for that."""

    steps: int | None = None
    """After so many steps."""
    seconds: float | None = 60.0
    """After so many seconds."""

    def is_due(self, steps: int, seconds: float) -> bool:
        """Whether a checkpoint is due, `steps` and `seconds` after the last checkpoint."""
        return (self.steps is not None and steps >= self.steps) or (
            self.seconds is not None and seconds >= self.seconds
        )


class RunFolder(NamedTuple):
    """The files of a run."""

    path: Path

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def best(self) -> Path:
        return self.path / "best.pt"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"


def check_folder(path: Path, resume: bool) -> RunFolder:
    """The folder of a run, which must have a checkpoint to `resume`, and else must have none.

    Raises `OutputError` if it has a run that would be lost, and `CheckpointError` if it has none to
    resume.
    """
    folder = RunFolder(path)
    with naming(path, "cannot be used"):
        there = is_there(folder.checkpoint)
        has_metrics = is_there(folder.metrics) and folder.metrics.stat().st_size > 0
    if there and not resume:
        raise OutputError(
            Problem(
                f"{path}: holds a run already",
                hint="--resume goes on with it; another --out leaves it alone",
            )
        )
    if resume and not there:
        raise CheckpointError(
            Problem(
                f"{path}: has no checkpoint.pt to resume from",
                hint="--out says which run; without --resume a new one starts",
            )
        )
    if not there and has_metrics:
        raise OutputError(
            Problem(
                f"{folder.metrics}: is there already, without a checkpoint, and would be lost",
                hint="move it, or choose another --out",
            )
        )
    return folder


@contextmanager
def open_folder(path: Path, resume: bool) -> Iterator[RunFolder]:
    """The folder of a run, made if need be, and locked against other trainings while it is open.

    Raises as `check_folder`, and `OutputError` if another training uses it.
    """
    check_folder(path, resume)
    with naming(path, "cannot be made"):
        path.mkdir(parents=True, exist_ok=True)
    with _locked(path):
        folder = check_folder(path, resume)  # once more: a run may have begun meanwhile
        remove_drafts(path)
        yield folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a folder; `OutputError` if another process holds it.

    The system releases it when the process ends in any way. Loader processes do not inherit it.
    """
    if sys.platform == "win32":  # no fcntl there
        yield
        return
    import fcntl

    with naming(path, "cannot be written"):
        handle = os.open(path / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise OutputError(
                Problem(
                    f"{path}: another training is using it",
                    hint="wait for it or stop it; another --out leaves it alone",
                )
            ) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(handle)


def accepted(run: RunFolder, wanted: Mapping[str, Any], lr: float | None) -> float | None:
    """The learning rate of the checkpoint if `lr` is given and differs from it; else None.

    Raises `CheckpointError` if the checkpoint differs from `wanted`, `Plan.identity`, in anything
    else.
    """
    training = stored_training(run.checkpoint, load_checkpoint(run.checkpoint, ("training",)))
    before = training.get("lr")
    if lr is None or lr == before or not isinstance(before, float):
        refuse_other(run.checkpoint, training, wanted)
        return None
    refuse_other(run.checkpoint, {**training, "lr": lr}, wanted)
    return before


def unused_folder(parent: Path, name: str, resume: bool) -> Path:
    """The folder for a run: `parent/name`, with a number at its end if that has a run already.

    To `resume`, it is the last folder of that name that has a run.
    """
    name = short_name(name)
    candidates = [parent / name]
    while any(candidates[-1].glob("**/checkpoint.pt")):  # a comparison has them in sub-folders
        candidates.append(parent / f"{name}-{len(candidates) + 1}")
    return candidates[-2] if resume and len(candidates) > 1 else candidates[-1]


class Journal:
    """The `Keeper` of a training: it writes checkpoints, the best weights and the metrics."""

    def __init__(
        self,
        folder: RunFolder,
        task: Task,
        about: Mapping[str, Any],
        cadence: Cadence,
        stop: Callable[[], bool],
        observer: Observer,
    ) -> None:
        """`about` has entries of all checkpoints: `training`, which is `Plan.identity`, and others.

        `stop` is called after each step; the training ends when it returns true.
        """
        self.folder, self.task, self.about = folder, task, about
        self.cadence, self.stop, self.observer = cadence, stop, observer
        self.tested: Tested | None = None
        """The test after the last epoch that is done."""
        self._steps = 0
        self._saved = time.monotonic()

    def start(self) -> Position:
        """Write the first checkpoint, before any step; returns the position of the start."""
        position = Position()
        self._write(self.folder.environment, json.dumps(self.about["environment"], indent=2) + "\n")
        self._write(self.folder.metrics, "")
        self._save(position)
        return position

    def resume(self) -> Position:
        """Load the checkpoint, which `accepted` has checked, into the task; returns its position.

        Raises `CheckpointError` for content that training does not write.
        """
        path, task = self.folder.checkpoint, self.task
        content = load_checkpoint(path, _STATE)
        position = stored_position(path, content, task)
        load_state(task.module, content["module"], path)
        load_state(task.average.module, content["average"], path)
        load_optimizer(
            path, content["optimizer"], task, begun=bool(position.step or position.epoch)
        )
        load_scaler(path, content["scaler"], task)
        load_generators(path, content["rng"], task.device)
        self.tested = stored_test(path, content, task)
        # A line is written after its checkpoint, so the last line of the file may be missing.
        self._write(self.folder.metrics, "".join(map(_line, position.history)))
        return position

    def after_step(self, position: Position) -> bool:
        """Write a checkpoint if it is due or the training ends; returns whether to go on."""
        self._steps += 1
        self.observer.step(position)
        stopped = self.stop()
        if stopped or self.cadence.is_due(self._steps, time.monotonic() - self._saved):
            self._save(position)
        return not stopped

    def after_epoch(self, position: Position, tested: Tested) -> bool:
        """Write the weights if their test is the best, a checkpoint, and a line of metrics.

        They are written in this order. Returns whether to go on.
        """
        record = position.history[-1]
        self.tested = tested
        if all(record.score > other.score for other in position.history[:-1]):
            self._save_best(record)
        self._save(position)
        self._write(self.folder.metrics, _line(record), append=True)
        self.observer.epoch(record)
        return not self.stop()

    def _save_best(self, record: EpochRecord) -> None:
        content = {
            **self.about,
            "epoch": as_document(record),
            "average": self.task.average.module.state_dict(),
        }
        save_checkpoint(self.folder.best, content)

    def _save(self, position: Position) -> None:
        task = self.task
        rng: dict[str, Any] = {"cpu": torch.get_rng_state()}
        if task.device.type == "cuda":
            rng["cuda"] = torch.cuda.get_rng_state_all()
        content = {
            **self.about,
            "position": {
                "step": position.step,
                "tally": position.tally._asdict(),
                "history": [as_document(record) for record in position.history],
            },
            "tested": None
            if self.tested is None
            else {
                "loss": self.tested.loss,
                "confusion": [list(row) for row in self.tested.confusion],
            },
            "module": task.module.state_dict(),
            "average": task.average.module.state_dict(),
            "optimizer": task.optimizer.state_dict(),
            "scaler": task.scaler.state_dict(),
            "rng": rng,
        }
        save_checkpoint(self.folder.checkpoint, content)
        self._steps, self._saved = 0, time.monotonic()

    def _write(self, path: Path, text: str, append: bool = False) -> None:
        mode = "a" if append else "w"
        with (
            naming(path, "cannot be written"),
            open(path, mode, encoding="utf-8", errors="backslashreplace", newline="\n") as file,
        ):
            file.write(text)


def _line(record: EpochRecord) -> str:
    return json.dumps(as_document(record)) + "\n"
