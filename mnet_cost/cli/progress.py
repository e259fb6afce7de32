"""How a training goes on, for a person at a terminal; and how that person stops it.

All of it goes to stderr: words wherever that leads, a bar only where it is a terminal.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from mnet_cost.cli.output import say

if TYPE_CHECKING:
    from pathlib import Path

    from rich.progress import Progress

    from mnet_cost.torch_model.training.loop import Position
    from mnet_cost.torch_model.training.metrics import EpochRecord
    from mnet_cost.torch_model.training.plan import Plan

_SHOWN = 5


GRACE_S = 20.0
"""How long the step under way and its checkpoint may take after SIGTERM, in seconds."""


class Stopper:
    """Ctrl-C and SIGTERM: in training the first one ends the step under way, a second one all.

    Nobody may be there to send SIGTERM twice, so that one ends all by itself where the step does
    not end: a disk of another machine can block a loader for good. The checkpoint on the disk stays
    as it is, since it is never written in place.
    """

    def __init__(self) -> None:
        self.training = False
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Stopper:
        with suppress(ValueError):  # only the main thread may: elsewhere nothing is changed
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGTERM:
            if not self.training or self.signal is not None:
                end_process(128 + number)
            timer = threading.Timer(GRACE_S, end_process, [128 + number])
            timer.daemon = True
            timer.start()
        if not self.training or self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
        print("\nmnet-cost: stopping after this step", file=sys.stderr)

    def asked(self) -> bool:
        """Whether to stop."""
        return self.signal is not None

    @property
    def status(self) -> int:
        """The exit status that says so."""
        return 128 + (self.signal or 0)


def end_process(status: int) -> NoReturn:
    """End this process and its loaders at once, whatever they wait for."""
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(status)


class Screen:
    """Tells a person how a training goes on."""

    def __init__(self, stopper: Stopper) -> None:
        self.stopper = stopper
        self._bar: Progress | None = None
        self._task: Any = None
        self._plan: Plan | None = None
        self._last = ""

    def __enter__(self) -> Screen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        self._end()

    def reading(self, done: int, total: int) -> None:
        """Images are being checked."""
        if self._bar is None:
            self._begin("reading images", total)
        self._move(done, "")
        if done == total:
            self._end()

    def warn(self, text: str) -> None:
        """Something that does not stop it."""
        say(text, "warning: ")

    def planned(self, plan: Plan, folder: Path) -> None:
        """The estimate, before training begins."""
        from mnet_cost.report.training_run import estimate_lines, ignored

        bad = plan.dataset.unreadable
        if bad:
            listed = "; ".join(bad[:_SHOWN]) + ("; ..." if len(bad) > _SHOWN else "")
            number = "1 image" if len(bad) == 1 else f"{len(bad)} images"
            self.warn(f"{number} cannot be read and will be skipped: {listed}")
        for count, what, names in ignored(plan.dataset):
            self.warn(f"{count} {what}: {', '.join(names[:_SHOWN])}{', ...' * (count > _SHOWN)}")
        if plan.estimate.fits is False:
            batch = plan.estimate.largest_batch(plan.settled.batch)
            hint = f"; --batch {batch} fits by the estimate" if batch else ""
            self.warn(f"the estimate is more memory than there is{hint}")
        for line in estimate_lines(plan, folder):
            say(line)
        self._plan, self.stopper.training = plan, True
        self._begin("training", plan.settled.steps)

    def step(self, position: Position) -> None:
        """One more step."""
        assert self._plan is not None
        done = position.epoch * self._plan.settled.steps_per_epoch + position.step
        epoch = f"epoch {position.epoch + 1} of {self._plan.settled.epochs}"
        self._move(done, f"{epoch}, loss {position.tally.mean_loss:.3f}{self._last}")

    def epoch(self, record: EpochRecord) -> None:
        """One more epoch."""
        if record.test_accuracy is not None:
            self._last = f", test {100 * record.test_accuracy:.2f} %"
        if self._plan is not None and record.epoch == self._plan.settled.epochs:
            self._end()

    def _begin(self, what: str, total: int) -> None:
        if not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._end()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(what, total=total, said="")
        self._bar.start()

    def _move(self, done: int, said: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=done, said=said)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
