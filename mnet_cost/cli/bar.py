"""A bar on stderr for work that takes long, where somebody sits at a terminal.

It appears after half a second, so that short work shows nothing, and is gone at the end. What it
shows is read by nobody else: nothing is written where stderr leads elsewhere.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from mnet_cost.units import format_count

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_WAIT_S = 0.5

Item = TypeVar("Item")


class Bar:
    """`with Bar("reading") as bar: bar(done, total)` before all steps and after each.

    One that is shown `at_once` pulses until the first step is done; one with a `rate` says how
    many steps are done in a second.
    """

    def __init__(self, what: str, at_once: bool = False, rate: bool = False) -> None:
        self._what = what
        self._rate = rate
        self._at_once = at_once
        self._start = time.monotonic()
        self._first: int | None = None
        """Steps that were done at the first call: work may go on where it ended."""
        self._seen = sys.stderr is not None and sys.stderr.isatty()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Bar:
        if self._seen and self._at_once:
            self._begin(None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: object, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` steps are done."""
        if self._first is None:
            self._first = done
        if self._progress is None or self._task is None:
            if self._seen and time.monotonic() - self._start >= _WAIT_S:
                self._begin(total)
            return
        per_s = (done - self._first) / max(time.monotonic() - self._start, 1e-9)
        said = f"{format_count(round(per_s))}/s" if self._rate else ""
        self._progress.update(self._task, completed=done, total=total, rate=said)

    def _begin(self, total: int | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            Remaining(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task(self._what, total=total, rate="")
        self._progress.start()


def watched(items: Iterable[Item], what: str) -> Iterator[Item]:
    """`items` one by one, with a bar that says how many are done; `what` is done with them."""
    listed = items if isinstance(items, Sized) else list(items)
    with Bar(what) as bar:
        for done, item in enumerate(listed):
            bar(done, len(listed))
            yield item
