"""A sweep share by share, into a folder: by this process or by many, and on from where it ended.

Twice over all shares: a scan of the objectives of each says what is on the front, then each is
evaluated and written with its flags. Workers read and write files of the folder, and are sent
nothing but the request and the numbers of shares, so nothing large moves. A share that is done is
not done again. Not here: files (`sweep_folder.py`), and who the workers are (`cluster.py`).
"""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

from mnet_cost.errors import Problem, UsageError
from mnet_cost.paths import naming
from mnet_cost.search.cluster import Run, SchedulerError, check_scheduler, workers
from mnet_cost.search.summary import Scan, Summary, Table, length_of
from mnet_cost.search.sweep import Progress, Share, SweepRun
from mnet_cost.search.sweep_description import result_of
from mnet_cost.search.sweep_folder import ShareRows, SweepFolder
from mnet_cost.search.sweep_request import SweepRequest
from mnet_cost.shipped import installed_version
from mnet_cost.torch_model.installed import require

MOST_BEST = 100
"""Of the best points so many are known; a folder serves every smaller `--top`."""

_FEWEST_POINTS, _MOST_POINTS, _SHARES = 10**6, 10**7, 100


def share_points(points: int) -> int:
    """Points of a share of a sweep: about a hundredth of them, which takes seconds at least, so
    that what is said between processes does not count, and is soon done again."""
    return min(_MOST_POINTS, max(_FEWEST_POINTS, points // _SHARES))


class _Job(NamedTuple):
    """What a worker needs to know, of all shares alike."""

    version: str
    path: str
    request: SweepRequest
    share_points: int


class _Call(NamedTuple):
    """One share to do."""

    number: int
    share: Share


class _Worker:
    """What a process keeps from one share to the next."""

    def __init__(self, job: _Job) -> None:
        if job.version != installed_version():
            raise SchedulerError(
                f"a worker has mnet_cost {installed_version()}, and this is {job.version}"
            )
        self.request = job.request
        self.run = SweepRun(job.request)
        self.folder = SweepFolder(Path(job.path), job.request, job.share_points)

    @cached_property
    def scan(self) -> Scan:
        """That of all points: only the second time over all shares there is one."""
        return self.folder.read_scan(None, MOST_BEST)


@lru_cache(maxsize=1)
def _worker(job: bytes) -> _Worker:
    return _Worker(pickle.loads(job))  # made by `sweep_to_folder`


def scan_share(job: bytes, call: _Call) -> int:
    """Look at the objectives of a share: the number of its points."""
    worker, share = _worker(job), call.share
    scan = Scan(worker.request, MOST_BEST)
    for table, _ in worker.run.tables(share, scan.broken, objectives_alone=True):
        if length_of(table):
            scan.add(table, share.first + scan.valid)
    worker.folder.write_scan(call.number, scan)
    return share.points


def write_share(job: bytes, call: _Call) -> int:
    """Evaluate the points of a share and write them: the number of its points."""
    worker, share = _worker(job), call.share
    summary = Summary(worker.request)
    summary.scan = worker.scan

    def tables() -> Iterator[Table]:
        first = share.first
        for table, _ in worker.run.tables(share, Counter()):
            if length_of(table):
                yield summary.add(table, first)
                first += length_of(table)

    if worker.request.front_only:
        for _ in tables():
            pass
    else:
        worker.folder.write_points(call.number, tables())
    shown = ShareRows(summary.rows, summary.spans, summary.near_ties or 0)
    worker.folder.write_rows(call.number, shown)
    return share.points


def check_folder_request(request: SweepRequest, top: int, scheduler: str | None) -> None:
    """`UsageError` for what no folder has and for what is no scheduler, `MissingPackageError`
    without pyarrow or dask."""
    require("pyarrow", extra="sweep")
    if scheduler is not None:
        check_scheduler(scheduler)
    if top > MOST_BEST:
        raise UsageError(f"a folder has the best {MOST_BEST} points: --top is too large")
    if request.selection is not None:
        hint = "-o points.parquet, for example"
        raise UsageError(Problem("a folder has the points of a grid, no samples", hint=hint))


def sweep_to_folder(
    path: str,
    request: SweepRequest,
    summary: Summary,
    *,
    scheduler: str | None = None,
    force: bool = False,
    task_points: int | None = None,
    progress: Progress | None = None,
) -> tuple[int, int]:
    """Evaluate a sweep into a folder, or what is missing there of it: how many shares were done
    before, and how many there are.

    `summary` then says what there is to say. `scheduler` is as `workers` takes it. Raises
    `OutputError` where the folder cannot be written or holds something else, `SchedulerError` where
    the work cannot go on; what was done stays.
    """
    check_folder_request(request, summary.wanted_best, scheduler)
    before = SweepFolder.task_points_of(Path(path))
    each = task_points or before or share_points(request.points)
    with naming(path, "cannot be written", shown="-o"):
        place = str(Path(path).resolve())
    job = pickle.dumps(_Job(installed_version(), place, request, each))
    folder = _worker(job).folder
    folder.check(force)
    shares = _worker(job).run.shares(each)
    if not force:
        folder.refuse_others(len(shares))
    unscanned = [n for n in range(len(shares)) if not folder.has_scan(n)]
    undone = [n for n in range(len(shares)) if not folder.has_share(n)]
    stages = [(scan_share, unscanned), (write_share, undone)]
    done = sum(2 * share.points for share in shares) - sum(
        shares[number].points for _, numbers in stages for number in numbers
    )

    def perform(
        run: Run[bytes, _Call, int], function: Callable[[bytes, _Call], int], numbers: Sequence[int]
    ) -> None:
        nonlocal done
        calls = [_Call(number, shares[number]) for number in numbers]
        for count in run(function, job, calls):
            done += count
            if progress is not None:
                progress(done, 2 * request.points)

    if progress is not None:
        progress(done, 2 * request.points)
    try:
        with workers(scheduler if unscanned or undone else None) as run:
            folder.prepare()
            folder.refuse_others(len(shares))
            perform(run, scan_share, unscanned)
            scan = Scan(request, MOST_BEST)
            for number in range(len(shares)):
                scan.merge(folder.read_scan(number, MOST_BEST))
            folder.write_scan(None, scan)
            summary.scan.merge(scan)
            summary.refuse_empty()
            summary.limits.refuse_unmet()
            perform(run, write_share, undone)
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(f"{path}: what is done stays, and the same command goes on from there")
        raise
    for number in range(len(shares)):
        summary.take(*folder.read_rows(number))
    folder.finish(result_of(summary.valid, summary, partial=False), summary.front_rows)
    return len(shares) - len(undone), len(shares)
