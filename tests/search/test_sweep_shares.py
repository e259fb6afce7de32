"""Sweeps into folders: they go on where they ended, whoever ended, and come out the same."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from mnet_cost.devices.load import load_device
from mnet_cost.errors import MnetCostError, OutputError, UsageError
from mnet_cost.models.library import load_model
from mnet_cost.search import sweep_shares
from mnet_cost.search.cluster import SchedulerError, check_scheduler, workers
from mnet_cost.search.summary import Summary
from mnet_cost.search.sweep import sweep_tables
from mnet_cost.search.sweep_files import ParquetFile, write_sweep
from mnet_cost.search.sweep_request import SweepRequest, plan_sweep
from mnet_cost.search.sweep_shares import MOST_BEST, share_points, sweep_to_folder

Axes = dict[str, list[Any]]

SIDES = list(range(96, 225, 8))
TASK = 400


def planned(*names: str, **options: Any) -> SweepRequest:
    axes: Axes = {"alpha": [step / 40 for step in range(2, 41)], "resolution": SIDES}
    models = names or ("mobilenet_v1", "mobilenet_v2")
    devices = [load_device("pixel_1_tflite")]
    return plan_sweep(models, [load_model(name) for name in models], axes, devices, **options)


def swept(path: Path, request: SweepRequest, top: int = 0, **options: Any) -> Summary:
    summary = Summary(request, top)
    sweep_to_folder(str(path), request, summary, **{"task_points": TASK, **options})
    return summary


def files(path: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()
    }


def test_a_folder_has_the_points_of_a_file(tmp_path: Path) -> None:
    request = planned()
    summary = swept(tmp_path / "points", request, top=3)
    parts = sorted((tmp_path / "points" / "points").iterdir())
    assert [part.name for part in parts] == [f"{number:05}.parquet" for number in range(4)]
    whole = Summary(request, 3)
    write_sweep(str(tmp_path / "it.parquet"), request, sweep_tables(request, whole), whole)
    keys = [("model", "ascending"), ("alpha", "ascending"), ("resolution", "ascending")]
    expected = parquet.read_table(tmp_path / "it.parquet").sort_by(keys).to_pydict()
    read = parquet.read_table(tmp_path / "points" / "points").sort_by(keys).to_pydict()
    assert list(read) == list(expected)
    for name, values in expected.items():
        # Times of a share of the rows are added up in another order.
        exact = not isinstance(values[0], float)
        assert read[name] == (values if exact else pytest.approx(values, rel=1e-12, nan_ok=True))
    assert summary.valid == whole.valid == 2 * 39 * 17
    assert summary.near_ties == whole.near_ties
    assert [row["alpha"] for row in summary.front_rows] == [r["alpha"] for r in whole.front_rows]
    assert [row["alpha"] for row in summary.top] == [row["alpha"] for row in whole.top]
    assert [row["top1"] for row in summary.top][:2] == [71.8, pytest.approx(71.6, abs=0.3)]
    front = parquet.read_table(tmp_path / "points" / "front.parquet")
    assert front.num_rows == sum(expected["front"]) == len(summary.front)
    manifest = json.loads((tmp_path / "points" / "sweep.json").read_text())
    assert manifest["schema"] == "mnet-cost/sweep-folder/1"
    assert manifest["result"] == {"points": summary.valid, "broken": [], "partial": False}


def test_what_is_missing_is_done_again_and_only_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, path = planned(), tmp_path / "points"
    before = swept(path, request)
    written = files(path)
    (path / "points" / "00002.parquet").unlink()
    (path / "points" / "00001.parquet").write_bytes(written["points/00001.parquet"][:-7])
    (path / "state" / "scans" / "00000.parquet").write_bytes(b"")
    (path / "front.parquet").unlink()
    (path / "points" / ".00002.parquet.0123abcd.part").write_bytes(b"half of a file")
    done: list[tuple[str, int]] = []
    for name in ("scan_share", "write_share"):
        function = getattr(sweep_shares, name)

        def counted(job: bytes, call: Any, name: str = name, function: Any = function) -> int:
            done.append((name, call.number))
            return int(function(job, call))

        monkeypatch.setattr(sweep_shares, name, counted)
    after = swept(path, request)
    assert done == [("scan_share", 0), ("write_share", 1), ("write_share", 2)]
    assert files(path) == written
    assert after.front_rows == before.front_rows
    assert after.spans == before.spans
    done.clear()
    swept(path, request, top=5)
    assert done == []


def test_a_file_with_other_points_is_done_again(tmp_path: Path) -> None:
    request, path = planned(), tmp_path / "points"
    swept(path, request)
    written = files(path)
    part = path / "points" / "00001.parquet"
    table = parquet.read_table(part)
    parquet.write_table(table.slice(0, 100), part)  # with its metadata
    (path / "points" / "00003.parquet").write_bytes(written["points/00000.parquet"])
    swept(path, request, task_points=None)  # that of the folder
    assert files(path) == written
    for name in ("99999.parquet", "notes.txt"):
        (path / "points" / name).write_bytes(written["points/00000.parquet"])
        with pytest.raises(OutputError, match=re.escape(f"{name}: is no file of this sweep")):
            swept(path, request)
        (path / "points" / name).unlink()


def test_two_sweeps_may_fill_one_folder(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    path = tmp_path / "points"
    sweeps = [started([*SWEEP, "-o", f"{path}/"]) for _ in range(2)]
    for sweep in sweeps:
        said = sweep.communicate(timeout=120)[1]
        assert (sweep.returncode, said) == (0, b"")
    assert files(path) == undisturbed


def test_only_the_front_is_written(tmp_path: Path) -> None:
    every, request = planned(), planned(front_only=True)
    summary = swept(tmp_path / "all", every)
    alone = swept(tmp_path / "front", request)
    assert not (tmp_path / "front" / "points").exists()
    tables = [parquet.read_table(tmp_path / name / "front.parquet") for name in ("all", "front")]
    assert tables[0].equals(tables[1])
    assert alone.near_ties == summary.near_ties
    single = Summary(request)
    write_sweep(str(tmp_path / "front.csv"), request, sweep_tables(request, single), single)
    lines = (tmp_path / "front.csv").read_text().splitlines()
    assert len(lines) == 1 + tables[0].num_rows


def test_a_folder_of_something_else_stays(tmp_path: Path) -> None:
    path = tmp_path / "points"
    swept(path, planned("mobilenet_v1"))
    written = files(path)
    with pytest.raises(OutputError, match="holds another sweep: not the same models, points asked"):
        swept(path, planned())
    with pytest.raises(OutputError, match="not the same task points"):
        swept(path, planned("mobilenet_v1"), task_points=TASK + 1)
    assert files(path) == written
    (path / "sweep.json").write_text('{"schema": 1')
    with pytest.raises(OutputError, match=re.escape("no sweep.json says of what it is")):
        swept(path, planned("mobilenet_v1"))
    swept(path, planned("mobilenet_v1"), force=True)
    assert files(path) == written
    swept(path, planned(), force=True)
    assert len(list((path / "points").iterdir())) == 4
    (path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=re.escape("has other files in it")):
        swept(path, planned("mobilenet_v1"), force=True)
    assert (path / "mine.txt").read_text() == "mine"


def test_a_share_may_have_no_point_that_holds(tmp_path: Path) -> None:
    axes: Axes = {"alpha": [0.001, 0.5, 1.0], "resolution": SIDES}
    model = load_model("mobilenet_v1")
    request = plan_sweep(["mobilenet_v1"], [model], axes, objectives="mult_adds,params")
    summary = swept(tmp_path / "points", request, task_points=17)
    assert (summary.valid, sum(summary.scan.broken.values())) == (34, 17)
    broken = plan_sweep(["mobilenet_v1"], [model], {**axes, "alpha": [0.001]})
    with pytest.raises(UsageError, match="none of the 17 points"):
        swept(tmp_path / "broken", broken)


def test_a_full_disk_is_said_and_what_is_done_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request, path = planned(), tmp_path / "points"
    finish = ParquetFile.finish
    left = [6]

    def full(file: Any, result: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        finish(file, result)

    monkeypatch.setattr(ParquetFile, "finish", full)
    with pytest.raises(OutputError, match="no space left on device") as raised:
        swept(path, request)
    assert "the same command goes on" in str(raised.value)
    assert not list(path.rglob("*.part"))
    monkeypatch.setattr(ParquetFile, "finish", finish)
    swept(path, request)
    swept(tmp_path / "other", request)
    assert files(path) == files(tmp_path / "other")


def test_an_interrupt_says_that_the_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep_shares, "write_share", interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        swept(tmp_path / "points", planned())
    assert "goes on from there" in raised.value.__notes__[0]


def test_shares_are_of_a_size_that_is_soon_done_again() -> None:
    assert [share_points(points) for points in (10, 10**8, 10**9, 10**11)] == [
        10**6, 10**6, 10**7, 10**7,
    ]  # fmt: skip
    with pytest.raises(UsageError, match="the best 100 points"):
        swept(Path("nowhere"), planned(), top=MOST_BEST + 1)


@pytest.mark.parametrize("text", ["", "local:0", "local:x", "localhost:8786", "tcp://host", "2"])
def test_texts_that_name_no_scheduler(text: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=re.escape(f"`--scheduler {text}`")):
        check_scheduler(text)
    with pytest.raises(UsageError):
        swept(tmp_path / "points", planned(), scheduler=text)
    assert list(tmp_path.iterdir()) == []


def test_a_scheduler_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("mnet_cost.search.cluster._CONNECT_S", 0.5)
    with pytest.raises(SchedulerError, match="no scheduler answers"):
        swept(tmp_path / "points", planned(), scheduler="tcp://127.0.0.1:1")
    assert list(tmp_path.iterdir()) == []


def test_errors_of_calls_reach_the_caller() -> None:
    pytest.importorskip("distributed")
    with workers("local:1") as run:
        assert sorted(run(pow, 2, [1, 2, 3, 4])) == [2, 4, 8, 16]
        assert sorted(run(pow, 3, [])) == []
        with pytest.raises(MnetCostError, match="too bad"):
            list(run(_refuse, 0, [1, 2]))
        with pytest.raises(SchedulerError, match="workers died of one task"):
            list(run(_die, 0, [1]))


def _refuse(*_: int) -> None:
    raise OutputError("too bad")


def _die(*_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


# --- processes that are killed

SWEEP = [
    sys.executable, "-m", "mnet_cost", "sweep", "mobilenet_v1", "--alpha", "0.25:1.0:0.001",
    "--resolution", "96:224:2", "--device", "pixel_1_tflite", "--task-points", "3000",
]  # fmt: skip


def started(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def wait_for_files(folder: Path, count: int) -> None:
    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        if (
            folder.is_dir()
            and sum(not file.name.startswith(".") for file in folder.iterdir()) >= count
        ):
            return
        time.sleep(0.02)
    raise AssertionError(f"{folder} never had {count} files")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("undisturbed") / "points"
    subprocess.run([*SWEEP, "-o", f"{path}/"], check=True, capture_output=True)
    return files(path)


@pytest.fixture
def cluster() -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """A scheduler and two workers, each a process of its own."""
    pytest.importorskip("distributed")
    from distributed.utils import open_port

    address = f"tcp://127.0.0.1:{open_port('127.0.0.1')}"
    dask = [sys.executable, "-m", "dask"]
    processes = {
        address: started(
            [*dask, "scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2],
             "--no-dashboard"]
        )
    }  # fmt: skip
    for name in ("first", "second"):
        processes[name] = started(
            [*dask, "worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
        )
    yield processes
    for process in processes.values():
        process.kill()
        process.communicate()


def test_a_killed_sweep_goes_on(tmp_path: Path, undisturbed: dict[str, bytes]) -> None:
    path = tmp_path / "points"
    sweep = started([*SWEEP, "-o", f"{path}/"])
    wait_for_files(path / "points", 2)
    os.killpg(sweep.pid, signal.SIGKILL)
    sweep.communicate()
    assert len(list((path / "points").glob("0*"))) < 17
    subprocess.run([*SWEEP, "-o", f"{path}/"], check=True, capture_output=True)
    assert files(path) == undisturbed


def test_a_killed_worker_and_a_killed_scheduler(
    tmp_path: Path, undisturbed: dict[str, bytes], cluster: dict[str, subprocess.Popen[bytes]]
) -> None:
    path = tmp_path / "points"
    address = next(iter(cluster))
    sweep = started([*SWEEP, "-o", f"{path}/", "--scheduler", address])
    wait_for_files(path / "state" / "scans", 3)
    cluster["first"].kill()
    wait_for_files(path / "points", 2)
    cluster[address].kill()
    _, said = sweep.communicate(timeout=120)
    assert sweep.returncode == 2
    assert said.decode() == (
        f"mnet-cost: {address}: the scheduler does not answer any more\n"
        "hint: what is done stays: the same command goes on from there\n"
    )
    assert len(list((path / "points").glob("0*"))) < 17
    again = [*SWEEP, "-o", f"{path}/", "--scheduler", "local:2"]
    said = subprocess.run(again, check=True, capture_output=True).stderr
    assert re.search(rb"\d+ of 17 tasks were done before", said)
    assert files(path) == undisturbed
