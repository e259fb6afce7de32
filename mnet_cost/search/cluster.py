"""Calls of a function by several processes, on this machine or on others, by `dask.distributed`.

    with workers("local:2") as run:
        for result in run(function, common, arguments):
            ...  # of function(common, argument)

All that knows of dask is here. Calls are independent: any worker makes any of them, and a call
whose worker dies is made again by another one. What calls have in common is sent to a worker once.
Results come as they are ready. Dask sends functions and arguments as pickles, so whoever reaches a
scheduler runs code on its workers: use one in a network that you trust, or with the certificates of
its own configuration.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from typing import Any, TypeVar

from mnet_cost.errors import MnetCostError, Problem, UsageError
from mnet_cost.torch_model.installed import require

Common = TypeVar("Common")
Argument = TypeVar("Argument")
Result = TypeVar("Result")

OPTION = "--scheduler"
_ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://\S+:\d+/?")
_LOCAL = re.compile(r"local(?::(\d{1,4}))?")
_MOST_LOCAL = 1024
_CONNECT_S = 10
_FIRST_WORKER_S = 30
_ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": 2**32,
    "MALLOC_MMAP_THRESHOLD_": 2**25,
    "OMP_NUM_THREADS": 1,
    "OPENBLAS_NUM_THREADS": 1,
}
"""Of processes here. Memory that glibc gives back to the system is cleared before it comes again:
blocks of points are of one size, and take two thirds of the time where it is kept. Dask asks for
the opposite."""
_AHEAD = 3
"""Calls that wait for each worker: enough that none is idle, few enough to stop soon."""


class SchedulerError(MnetCostError):
    """A scheduler cannot be reached, or the work on it came to an end."""


Run = Callable[[Callable[[Common, Argument], Result], Common, Sequence[Argument]], Iterator[Result]]


@contextmanager
def workers(scheduler: str | None) -> Iterator[Run[Any, Any, Any]]:
    """What calls a function with each of many arguments, on the workers of `scheduler`.

    That is the address of a scheduler (`tcp://host:8786`), or `local:N` for N processes of this
    machine, which end with the block; None is this process. Raises `UsageError` for another text,
    `SchedulerError` where no scheduler or worker answers, also later, in the middle of the work.
    An error of a call is raised as it is, and calls that wait are given up.
    """
    if scheduler is None:
        yield _here
        return
    check_scheduler(scheduler)
    with _client(scheduler, _local_processes(scheduler)) as client:
        yield _Calls(client, scheduler)


def _here(
    function: Callable[[Any, Any], Any], common: Any, arguments: Sequence[Any]
) -> Iterator[Any]:
    return map(partial(function, common), arguments)


def check_scheduler(scheduler: str) -> None:
    """`UsageError` for a text that names no scheduler, `MissingPackageError` without dask."""
    if _local_processes(scheduler) is None and not _ADDRESS.fullmatch(scheduler):
        hint = "write `local:4` for four processes here, or an address: `tcp://host:8786`"
        raise UsageError(Problem(f"`{OPTION} {scheduler}` is no scheduler", hint=hint))
    require("distributed", extra="cluster")


def _local_processes(scheduler: str) -> int | None:
    """How many processes of this machine are asked for; None for an address."""
    match = _LOCAL.fullmatch(scheduler)
    if match is None:
        return None
    count = len(os.sched_getaffinity(0)) if match[1] is None else int(match[1])
    if not 1 <= count <= _MOST_LOCAL:
        raise UsageError(f"`{OPTION} {scheduler}`: there are 1 to {_MOST_LOCAL:,} processes")
    return count


@contextmanager
def _client(scheduler: str, processes: int | None) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    # What they log about lost connections is said by errors here.
    for name in [*logging.root.manager.loggerDict]:
        if name.split(".")[0] in ("distributed", "tornado", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    with _Closed() as closed:
        if processes is not None:
            environment = {"distributed.nanny.pre-spawn-environ": _ENVIRONMENT}
            with _without_interrupts(), dask.config.set(environment):
                address = closed.on_exit(
                    LocalCluster(
                        n_workers=processes, threads_per_worker=1,
                        dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
                    )
                )  # fmt: skip
        else:
            _refuse_unreachable(scheduler)
            address = scheduler
        client = closed.on_exit(Client(address, timeout=_CONNECT_S, set_as_default=False))
        try:
            client.wait_for_workers(1, timeout=_FIRST_WORKER_S)
        except TimeoutError:
            hint = f"start some with `dask worker {scheduler}`"
            raise SchedulerError(
                Problem(f"{scheduler}: the scheduler has no worker", hint=hint)
            ) from None
        yield client


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes that are started within it ignore Ctrl-C, which a terminal sends to all processes
    of a command: this one ends the others."""
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers belong to the main thread
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _refuse_unreachable(address: str) -> None:
    """`SchedulerError` where no scheduler answers. A client that fails to connect lingers on."""
    import asyncio

    from distributed.comm import connect

    async def answer() -> None:
        comm = await connect(address, timeout=_CONNECT_S)
        await comm.close()

    try:
        asyncio.run(answer())
    except Exception as error:  # what answers may be anything, and so is what dask makes of it
        hint = "start one with `dask scheduler`, and workers with `dask worker ADDRESS`"
        what = f"{address}: no scheduler answers: {_line_of(error)}"
        raise SchedulerError(Problem(what, hint=hint)) from None


class _Closed:
    """Closes what was opened, the last first, whatever closing raises: the work is done, or an
    error is on its way already."""

    def __init__(self) -> None:
        self._opened: list[Any] = []

    def on_exit(self, opened: Any) -> Any:
        self._opened.append(opened)
        return opened

    def __enter__(self) -> _Closed:
        return self

    def __exit__(self, *_: object) -> None:
        for opened in reversed(self._opened):
            with suppress(Exception):
                opened.close(timeout=5)


class _Calls:
    """Makes calls on the workers of a client, a few for each worker at a time."""

    def __init__(self, client: Any, scheduler: str) -> None:
        self._client = client
        self._scheduler = scheduler

    def __call__(
        self, function: Callable[[Any, Any], Any], common: Any, arguments: Sequence[Any]
    ) -> Iterator[Any]:
        from distributed import CancelledError, KilledWorker, as_completed
        from distributed.comm.core import CommClosedError

        waiting = iter(arguments)
        run = uuid.uuid4().hex  # another sweep has the same arguments
        number = 0
        # As the result of a call it is made again where the workers that had it are gone.
        shared = self._client.submit(_same, common, key=f"common-{run}", pure=False)

        def submitted(count: int) -> list[Any]:
            nonlocal number
            futures = []
            for argument in islice(waiting, max(count, 0)):
                key = f"{function.__name__}-{run}-{number}"
                futures.append(self._client.submit(function, shared, argument, key=key, pure=False))
                number += 1
            return futures

        ready = as_completed(submitted(self._ahead()), loop=self._client.loop)
        done = 0
        try:
            for future in ready:
                yield future.result()
                done += 1
                ready.update(submitted(self._ahead() - ready.count()))
        except KilledWorker as error:
            hint = "give workers more memory, or make tasks smaller with --task-points"
            raise SchedulerError(
                Problem(
                    f"{self._scheduler}: workers died of one task: {_line_of(error)}", hint=hint
                )
            ) from None
        except (CancelledError, CommClosedError, OSError) as error:
            if isinstance(error, OSError) and not isinstance(error, CommClosedError):
                raise
            self._lost()
        finally:
            with suppress(Exception):
                self._client.cancel(list(ready.futures), force=True)
        if done < len(arguments):  # it ends early where all futures are lost
            self._lost()

    def _ahead(self) -> int:
        try:
            count = len(self._client.nthreads())
        except OSError:
            count = 1
        return _AHEAD * max(count, 1)

    def _lost(self) -> None:
        hint = "what is done stays: the same command goes on from there"
        what = f"{self._scheduler}: the scheduler does not answer any more"
        raise SchedulerError(Problem(what, hint=hint))


def _same(value: Common) -> Common:
    return value


def _line_of(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0]
