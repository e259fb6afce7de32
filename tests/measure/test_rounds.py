"""Sessions of a fake runtime on a fake machine: drift, noise, files, and what goes wrong."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_runtime import FakeMachine, FakeRuntime

from mnet_cost.errors import MeasurementError, OutputError, UsageError
from mnet_cost.measure.networks import read_rows
from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runs.recorded import COLUMNS, row_name
from mnet_cost.measure.runs.rounds import Plan, Session, measure
from mnet_cost.measure.runtimes.base import RunError, RunSettings
from mnet_cost.models.library import load_model
from mnet_cost.network import elaborate

REFERENCE = "mobilenet_v1@alpha=0.25,resolution=128"
SECONDS = {REFERENCE: 0.002, "lenet5": 0.005, "ds_cnn": 0.01, "resnet8": 0.02}
NAMES = ("lenet5", "ds_cnn", "resnet8")
SETTINGS = RunSettings()


def runnables(tmp_path: Path, names: tuple[str, ...] = NAMES) -> list[Runnable]:
    models = [load_model(name) for name in names]
    return [
        Runnable(name, elaborate(model.spec, model.knobs), tmp_path)
        for name, model in zip(names, models, strict=True)
    ]


def session_of(runtime: FakeRuntime, tmp_path: Path, output: str | None = None,
               names: tuple[str, ...] = NAMES, **plan: Any) -> Session:  # fmt: skip
    return measure(
        runnables(tmp_path, names), runtime, SETTINGS, Plan(cpus=(), **plan),
        machine=runtime.machine, output=output,
    )  # fmt: skip


def test_layers_that_run_as_other_operators_are_named(tmp_path: Path) -> None:
    name = "ssdlite320_mobilenet_v2"
    runtime = FakeRuntime(FakeMachine(tmp_path), {**SECONDS, name: 0.03})
    (warning,) = session_of(runtime, tmp_path, names=(name,)).warnings
    assert warning.startswith(f"{name}: `")
    assert "(non_max_suppression) runs as other operators" in warning


@pytest.mark.parametrize(("takes", "warned"), [(None, 1), (".onnx", 1), (".tflite", 0)])
def test_a_file_that_a_runtime_runs_as_it_is_has_its_own_operators(
    tmp_path: Path, takes: str | None, warned: int
) -> None:
    class OfTfliteFile(Runnable):
        def given(self, ending: str) -> Path | None:
            return tmp_path / "model.tflite" if ending == ".tflite" else None

    name = "ssdlite320_mobilenet_v2"
    runtime = FakeRuntime(FakeMachine(tmp_path), {**SECONDS, name: 0.03})
    runtime.takes = takes
    (asked,) = runnables(tmp_path, (name,))
    asked.__class__ = OfTfliteFile
    session = measure([asked], runtime, SETTINGS, Plan(cpus=()), machine=runtime.machine)
    assert len([each for each in session.warnings if "other operators" in each]) == warned


def test_rounds_in_which_each_run_was_disturbed_say_nothing(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path)

    def slow(machine: FakeMachine, name: str) -> float:
        disturbed = name == "ds_cnn" and runtime.prepared.count("ds_cnn") == 1
        machine.taken += disturbed
        return 4.0 if disturbed else 1.0

    runtime = FakeRuntime(machine, SECONDS, slow=slow)
    # Programs are prepared anew in each round, so the first one is the disturbed one.
    machine.free_memory = lambda: 0  # type: ignore[method-assign]
    session = session_of(runtime, tmp_path)
    (timed,) = [each for each in session.timed if each.reference == "ds_cnn"]
    assert timed.median_s == pytest.approx(0.01)
    assert len(timed.rounds_s) == 2
    (warning,) = [each for each in session.warnings if "every run" in each]
    assert "of ds_cnn: times of such rounds may be several times too long" in warning


def drifting(machine: FakeMachine, name: str) -> float:
    """A machine that becomes slower by two hundredths each second."""
    return 1 + 0.02 * machine.now()


def test_a_quiet_machine(tmp_path: Path) -> None:
    runtime = FakeRuntime(FakeMachine(tmp_path), SECONDS)
    session = session_of(runtime, tmp_path)
    assert [each.reference for each in session.timed] == list(NAMES)
    assert [each.median_s for each in session.timed] == pytest.approx([0.005, 0.01, 0.02])
    assert [len(each.rounds_s) for each in session.timed] == [3, 3, 3]
    assert [each.spread for each in session.timed] == pytest.approx([0, 0, 0])
    assert session.noise == pytest.approx(0)
    assert session.drift == pytest.approx(0)
    assert session.warnings == ()
    assert session.environment.processor == "Fake CPU"
    assert session.environment.others_before == session.environment.others_during == 0.0
    assert session.environment.governor is None
    # Each is prepared once and kept, and the reference with them.
    assert sorted(runtime.prepared) == sorted([REFERENCE, *NAMES])


def test_drift_cancels(tmp_path: Path) -> None:
    slow = session_of(FakeRuntime(FakeMachine(tmp_path), SECONDS, drifting), tmp_path, rounds=4)
    assert slow.drift is not None
    assert slow.drift > 0.04
    as_measured = [min(runs[0] for runs in each.rounds_s) for each in slow.timed]
    assert all(each.rounds_s[-1][-1] > 1.04 * first
               for each, first in zip(slow.timed, as_measured, strict=True))  # fmt: skip
    assert slow.noise is not None
    bare = session_of(
        FakeRuntime(FakeMachine(tmp_path), SECONDS, drifting), tmp_path, rounds=4, reference=None
    )
    assert bare.drift is None
    assert bare.noise is not None
    assert slow.noise < bare.noise / 2
    for each, other in zip(slow.timed, bare.timed, strict=True):
        assert each.spread is not None
        assert other.spread is not None
        assert each.spread < 0.015 < other.spread


def test_rounds_on_a_slower_day_have_the_same_times(tmp_path: Path) -> None:
    """What was measured later, on a machine that had become slower by a fifth."""
    file = str(tmp_path / "times.csv")
    session_of(FakeRuntime(FakeMachine(tmp_path), SECONDS), tmp_path, file, NAMES[:2])
    later = FakeRuntime(FakeMachine(tmp_path), SECONDS, lambda machine, name: 1.2)
    session = session_of(later, tmp_path, file)
    assert set(later.prepared) == {REFERENCE, "resnet8"}
    first, second, third = [each.median_s for each in session.timed]
    assert (second / first, third / first) == pytest.approx((2.0, 4.0))
    assert session.drift == pytest.approx(0.2)


def test_orders_differ_and_the_reference_is_first_and_last(tmp_path: Path) -> None:
    runtime = FakeRuntime(FakeMachine(tmp_path), SECONDS)
    file = tmp_path / "times.csv"
    session_of(runtime, tmp_path, str(file), rounds=5)
    with file.open(encoding="utf-8") as rows:
        models = [(row["run"], row["model"]) for row in csv.DictReader(rows)]
    orders = [tuple(model for number, model in models if number == str(run)) for run in range(1, 6)]
    assert all(order[0] == order[-1] == REFERENCE for order in orders)
    assert all(sorted(order[1:-1]) == sorted(NAMES) for order in orders)
    assert len({order[1:-1] for order in orders}) > 1


def test_in_a_long_round_the_reference_runs_in_between(tmp_path: Path) -> None:
    seconds = SECONDS | dict.fromkeys(NAMES, 2.0)
    runtime = FakeRuntime(FakeMachine(tmp_path), seconds)
    file = tmp_path / "times.csv"
    session_of(runtime, tmp_path, str(file), rounds=1)
    with file.open(encoding="utf-8") as rows:
        models = [row["model"] == REFERENCE for row in csv.DictReader(rows)]
    assert models == [True, False, True, False, True, False, True]


def test_the_noise_floor_is_stated(tmp_path: Path) -> None:
    """A machine on which the runs of one network in its second round take a tenth more."""

    def slow(machine: FakeMachine, name: str) -> float:
        pairs = zip(runtime.runs, runtime.runs[1:], strict=False)
        begun = sum(pair == (REFERENCE, "lenet5") for pair in pairs)
        return 1.1 if name == "lenet5" and begun == 2 else 1.0

    runtime = FakeRuntime(FakeMachine(tmp_path), SECONDS, slow)
    session = session_of(runtime, tmp_path, names=("lenet5",))
    (timed,) = session.timed
    assert timed.spread == pytest.approx(0.1)
    # 1 against 1.05: 4.8 %, twice; 1.1 against 1: 10 %.
    assert session.noise == pytest.approx(1 - 1 / 1.05)


def test_others_are_seen_and_said(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path, count=2, others=1.0)
    session = session_of(FakeRuntime(machine, SECONDS), tmp_path)
    assert session.environment.others_before == pytest.approx(1.0)
    assert session.environment.others_during == pytest.approx(1.0)
    (warning,) = session.warnings
    assert warning.startswith("this machine was not quiet: other programs keep 1.0 of 2 CPUs busy.")


def test_patience_waits_until_others_are_done(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path, others=2.0)
    machine.quiet_after_s = 30.0
    said: list[str] = []
    session = measure(
        runnables(tmp_path), FakeRuntime(machine, SECONDS), SETTINGS, Plan(cpus=(), patient=True),
        machine=machine, say=said.append,
    )  # fmt: skip
    assert said == ["waiting: other programs keep 2.0 of 4 CPUs busy"] * 3
    assert [each.median_s for each in session.timed] == pytest.approx([0.005, 0.01, 0.02])


def test_patience_ends(tmp_path: Path) -> None:
    machine = FakeMachine(tmp_path, others=2.0)
    session = session_of(FakeRuntime(machine, SECONDS), tmp_path, patient=True, patience_s=5.0)
    assert len(session.timed) == 3
    assert session.warnings[0] == "5 s of waiting are over, and others still used the machine"


def test_what_cannot_run_is_a_failure_and_the_others_go_on(tmp_path: Path) -> None:
    seconds = {name: value for name, value in SECONDS.items() if name != "ds_cnn"}
    runtime = FakeRuntime(FakeMachine(tmp_path), seconds)
    session = session_of(runtime, tmp_path)
    assert [each.reference for each in session.timed] == ["lenet5", "resnet8"]
    (failure,) = session.failures
    assert failure.reference == "ds_cnn"
    assert str(failure.error) == "ds_cnn: the operator `Fake` is not there"
    assert runtime.prepared.count("ds_cnn") == 1


def test_whatever_a_runtime_raises_is_a_failure(tmp_path: Path) -> None:
    def slow(machine: FakeMachine, name: str) -> float:
        if name == "ds_cnn":
            raise ZeroDivisionError("of the runtime\nwith a second line")
        return 1.0

    session = session_of(FakeRuntime(FakeMachine(tmp_path), SECONDS, slow), tmp_path)
    assert str(session.failures[0].error) == "ds_cnn: ZeroDivisionError: of the runtime"


def test_without_its_reference_network_nothing_is_measured(tmp_path: Path) -> None:
    runtime = FakeRuntime(FakeMachine(tmp_path), {"lenet5": 0.005})
    with pytest.raises(RunError, match=r"the reference network mobilenet_v1@alpha=0\.25") as raised:
        session_of(runtime, tmp_path)
    assert "--reference none" in str(raised.value)


def test_progress_ends_at_its_total(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    seconds = {name: value for name, value in SECONDS.items() if name != "ds_cnn"}
    machine = FakeMachine(tmp_path)
    measure(
        runnables(tmp_path), FakeRuntime(machine, seconds), SETTINGS, Plan(cpus=()),
        machine=machine, progress=lambda done, total: calls.append((done, total)),
    )  # fmt: skip
    assert calls[0] == (0, 9)
    assert calls[-1] == (7, 7)  # one failed in the first round


def test_minutes_decide_how_many_rounds_there_are(tmp_path: Path) -> None:
    runtime = FakeRuntime(FakeMachine(tmp_path), SECONDS)
    session = session_of(runtime, tmp_path, rounds=1000, most_s=10.0)
    (count,) = {len(each.rounds_s) for each in session.timed}
    assert 3 < count < 30
    assert runtime.machine.now() < 10.5
    few = session_of(FakeRuntime(FakeMachine(tmp_path), SECONDS), tmp_path, rounds=9, most_s=0.001)
    assert {len(each.rounds_s) for each in few.timed} == {1}


def test_a_kill_leaves_whole_rows_and_the_next_start_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "times.csv"
    runtime = FakeRuntime(FakeMachine(tmp_path), SECONDS)
    runtime.interrupt_after = 400
    stopped = session_of(runtime, tmp_path, str(file))
    assert stopped.interrupted
    before = file.read_text(encoding="utf-8")
    count = before.count("\n")
    assert 3 < count < 3 * 5
    file.write_text(before + "resnet8,20.0,onnxru", encoding="utf-8")  # killed while writing
    again = FakeRuntime(FakeMachine(tmp_path), SECONDS)
    session = session_of(again, tmp_path, str(file))
    assert not session.interrupted
    after = file.read_text(encoding="utf-8")
    assert after.startswith(before)
    assert len(again.runs) < 1500
    rows = list(csv.DictReader(after.splitlines()))
    for name in NAMES:
        assert len({row["run"] for row in rows if row["model"] == name}) == 3
        assert sum(row["model"] == name for row in rows) == 3
    assert [each.median_s for each in session.timed] == pytest.approx([0.005, 0.01, 0.02])
    # A third start has nothing to do.
    third = FakeRuntime(FakeMachine(tmp_path), SECONDS)
    session = session_of(third, tmp_path, str(file))
    assert third.runs == []
    assert [len(each.rounds_s) for each in session.timed] == [3, 3, 3]
    assert file.read_text(encoding="utf-8") == after


def test_a_file_that_an_editor_has_marked_goes_on(tmp_path: Path) -> None:
    file = tmp_path / "times.csv"
    session_of(FakeRuntime(FakeMachine(tmp_path), SECONDS), tmp_path, str(file))
    file.write_bytes(codecs.BOM_UTF8 + file.read_bytes())
    again = FakeRuntime(FakeMachine(tmp_path), SECONDS)
    session = session_of(again, tmp_path, str(file))
    assert again.runs == []
    assert [each.median_s for each in session.timed] == pytest.approx([0.005, 0.01, 0.02])


def test_rows_are_read_as_they_were_measured(tmp_path: Path) -> None:
    file = tmp_path / "times.csv"
    runtime = FakeRuntime(FakeMachine(tmp_path), SECONDS, drifting)
    session = session_of(runtime, tmp_path, str(file))
    assert file.read_text(encoding="utf-8").splitlines()[0] == ",".join(COLUMNS)
    rows, unread, _ = read_rows([file], {})
    assert unread == ()
    read = {row.model: row for row in rows}
    for timed, row in zip(session.timed, session.measurements(), strict=True):
        assert read[timed.reference].latency_s == pytest.approx(timed.median_s, rel=1e-6)
        assert read[timed.reference].rounds_s == pytest.approx(timed.steady_s, rel=1e-6)
        assert (row.latency_s, row.rounds_s) == (timed.median_s, timed.steady_s)
        assert (row.runtime, row.version, row.threads, row.processor, row.date) == (
            *("onnxruntime", "1.32.0", 1, "Fake CPU"), "2026-03-27",
        )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("onnxruntime", "openvino"), "the runtime is `openvino` there"),
        (lambda text: text.replace("1.32.0", "1.31"), "the version of the runtime is `1.31` there"),
        (lambda text: text.replace("Fake CPU", "Other"), "the processor is `Other` there"),
        (lambda text: "model,latency_ms\nlenet5,3\n", "is there already, with other columns"),
        (lambda text: "a photo", "is there already, with other columns"),
        (lambda text: text.replace(',1,"mobile', ',one,"mobile'), "csv:2: this row is none of"),
    ],
)
def test_a_file_of_something_else_is_refused_and_stays(
    tmp_path: Path, change: Callable[[str], str], said: str
) -> None:
    file = tmp_path / "times.csv"
    session_of(FakeRuntime(FakeMachine(tmp_path), SECONDS), tmp_path, str(file), rounds=1)
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    before = file.read_bytes()
    again = FakeRuntime(FakeMachine(tmp_path), SECONDS)
    with pytest.raises((UsageError, MeasurementError), match=said):
        session_of(again, tmp_path, str(file))
    assert file.read_bytes() == before
    assert again.runs == []


def test_a_file_that_ended_in_its_header_is_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "times.csv"
    file.write_text("model,latency_ms,run", encoding="utf-8")
    session = session_of(FakeRuntime(FakeMachine(tmp_path), SECONDS), tmp_path, str(file), rounds=1)
    assert len(session.timed) == 3
    assert len(read_rows([file], {}).measurements) == 4


def test_other_threads_are_rows_of_their_own(tmp_path: Path) -> None:
    file = str(tmp_path / "times.csv")
    session_of(FakeRuntime(FakeMachine(tmp_path), SECONDS), tmp_path, file, rounds=1)
    runtime = FakeRuntime(FakeMachine(tmp_path), SECONDS)
    measure(
        runnables(tmp_path), runtime, RunSettings(threads=2), Plan(cpus=(), rounds=1),
        machine=runtime.machine, output=file,
    )  # fmt: skip
    assert len(runtime.runs) > 50
    assert len(read_rows([file], {"threads": "2"}).measurements) == 4


def test_the_reference_may_be_asked_for_itself(tmp_path: Path) -> None:
    runtime = FakeRuntime(FakeMachine(tmp_path), SECONDS, drifting)
    session = session_of(runtime, tmp_path, names=(REFERENCE,))
    assert [len(each.steady_s) for each in session.timed] == [3]
    assert session.noise is None  # it does not differ from itself


def test_threads_and_cpus_that_are_not_there(tmp_path: Path) -> None:
    runtime = FakeRuntime(FakeMachine(tmp_path, count=2), SECONDS)
    for settings, cpus, said in (
        (RunSettings(threads=3), (), "3 threads on 2 CPUs"),
        (RunSettings(), (2,), "CPU 2 is none that this process may use"),
        (RunSettings(threads=2), (1,), "2 threads need as many CPUs"),
    ):
        with pytest.raises(UsageError, match=said):
            measure([], runtime, settings, Plan(cpus=cpus), machine=runtime.machine)


def test_a_row_names_a_file_from_its_own_folder(tmp_path: Path, monkeypatch: Any) -> None:
    nets = tmp_path / "nets"
    nets.mkdir()
    odd = nets / "=cmd,'\"@SUM.yaml"
    odd.write_text("x", encoding="utf-8")
    monkeypatch.chdir(nets)
    assert row_name("mobilenet_v1@alpha=0.5", "times.csv") == "mobilenet_v1@alpha=0.5"
    assert row_name("./a.yaml:b@alpha=1", "../times.csv") == "./nets/a.yaml:b@alpha=1"
    assert row_name("./a.yaml", "times.csv") == "./a.yaml"
    with pytest.raises(OutputError, match="not in the folder of"):
        row_name("../a.yaml", "times.csv")
    for name in ("-", "git:HEAD:a.yaml"):
        with pytest.raises(UsageError, match="cannot name"):
            row_name(name, "times.csv")
