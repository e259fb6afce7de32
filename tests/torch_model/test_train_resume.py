"""A training that was stopped, whenever and however, goes on as if it had not been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("PIL")

from small_training import image_folder, tiny_file, trained  # noqa: E402

from mnet_cost.errors import OutputError  # noqa: E402
from mnet_cost.torch_model.training.checkpoint import CheckpointError, load_checkpoint  # noqa: E402
from mnet_cost.torch_model.training.runs import Cadence  # noqa: E402
from mnet_cost.torch_model.training.train import Silence  # noqa: E402

PICTURES = {"dark": 15, "light": 15}
"""24 of them are trained on: 6 steps of 4."""

ARGUMENTS = ["--batch", "4", "--resolution", "8", "--threads", "1", "--workers", "0",
             "--checkpoint-every", "2"]  # fmt: skip

KILLED_WHILE_WRITING = """
import os, signal, sys
from mnet_cost.cli import main
from mnet_cost.torch_model.training import checkpoint

count = 0

def killed(handle):
    global count
    count += 1
    if count == LIMIT:
        os.ftruncate(handle, os.fstat(handle).st_size // 2)
        os.kill(os.getpid(), signal.SIGKILL)

checkpoint.os.fsync = killed
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of grey images."""
    return str(image_folder(tmp_path_factory.mktemp("data") / "images", PICTURES, mode="L"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def states(folder: Path) -> dict[str, Any]:
    """All that must be the same in the end, by name."""
    content = load_checkpoint(folder / "checkpoint.pt")
    tensors = {f"{part}.{name}": tensor for part in ("module", "average")
             for name, tensor in content[part].items()}  # fmt: skip
    for number, state in content["optimizer"]["state"].items():
        tensors |= {f"optimizer.{number}.{name}": value for name, value in state.items()}
    tensors["rng"] = content["rng"]["cpu"]
    best = load_checkpoint(folder / "best.pt")
    return tensors | {f"best.{name}": tensor for name, tensor in best["average"].items()}


def metrics(folder: Path) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl`, without times."""
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        {name: value for name, value in json.loads(line).items()
         if name not in ("seconds", "images_per_s")}
        for line in lines
    ]  # fmt: skip


def assert_same(folder: Path, other: Path) -> None:
    first, second = states(folder), states(other)
    assert first.keys() == second.keys()
    for name, value in first.items():
        same = torch.equal(value, second[name]) if torch.is_tensor(value) else value == second[name]
        assert same, name
    assert metrics(folder) == metrics(other)


class StopAfter:
    """Says stop after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


@pytest.mark.parametrize("recipe", ["modern", "paper"])
def test_stopped_after_any_step_it_ends_the_same(tmp_path: Path, data: str, recipe: str) -> None:
    wishes: dict[str, Any] = {"data": data, "batch": 4, "workers": 0, "recipe": recipe}
    whole = trained(tmp_path / "whole", **wishes)
    assert whole.finished
    assert [record.steps for record in whole.history] == [6, 12]
    for steps in range(1, 12):
        folder = tmp_path / str(steps)
        part = trained(folder, stop=StopAfter(steps), **wishes)
        assert not part.finished
        assert trained(folder, resume=True, **wishes).finished
        assert_same(tmp_path / "whole", folder)


def test_another_seed_is_another_training(tmp_path: Path, data: str) -> None:
    for seed in (0, 1):
        trained(tmp_path / str(seed), data=data, batch=4, workers=0, seed=seed)
    with pytest.raises(AssertionError):
        assert_same(tmp_path / "0", tmp_path / "1")


def test_workers_make_no_difference(tmp_path: Path, data: str) -> None:
    wishes: dict[str, Any] = {"data": data, "batch": 4}
    trained(tmp_path / "none", workers=0, **wishes)
    trained(tmp_path / "two", workers=2, stop=StopAfter(3), **wishes)
    trained(tmp_path / "two", workers=2, resume=True, **wishes)
    assert_same(tmp_path / "none", tmp_path / "two")


def test_a_finished_run_is_shown_again(tmp_path: Path, data: str) -> None:
    first = trained(tmp_path / "run", data=data, batch=4, workers=0)
    again = trained(tmp_path / "run", data=data, batch=4, workers=0, resume=True)
    assert again.history == first.history
    assert again.tested == first.tested
    assert again.finished


def test_a_line_without_its_checkpoint_comes_once(tmp_path: Path, data: str) -> None:
    wishes: dict[str, Any] = {"data": data, "batch": 4, "workers": 0}
    trained(tmp_path / "run", stop=StopAfter(8), **wishes)
    path = tmp_path / "run" / "metrics.jsonl"
    path.write_text(path.read_text() + '{"epoch": 2}\n{"epo')  # killed after and while writing
    trained(tmp_path / "run", resume=True, **wishes)
    assert [line["epoch"] for line in metrics(tmp_path / "run")] == [1, 2]


def command(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]


def training_arguments(model: str, data: str, folder: Path, epochs: int) -> list[str]:
    own = [model, "--data", data, "--out", str(folder), "--epochs", str(epochs)]
    return ["train", *own, *ARGUMENTS]


@pytest.mark.parametrize(
    ("limit", "draft"), [(5, ".checkpoint"), (9, ".best")], ids=["in mid-epoch", "at its end"]
)
def test_kill_9_while_writing_loses_nothing(
    tmp_path: Path, data: str, limit: int, draft: str
) -> None:
    model, folder = tiny_file(tmp_path), tmp_path / "killed"
    arguments = training_arguments(model, data, folder, epochs=2)
    script = KILLED_WHILE_WRITING.replace("LIMIT", str(limit))
    done = subprocess.run(command("-c", script, *arguments), capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    drafts = [path.name.split(".pt")[0] for path in folder.glob(".*.part")]
    assert drafts == [draft]
    assert load_checkpoint(folder / "checkpoint.pt")["position"]
    wishes: dict[str, Any] = {"model": from_file(model), "data": data, "batch": 4, "workers": 0}
    assert trained(folder, resume=True, cadence=Cadence(2, None), **wishes).finished
    assert not list(folder.glob(".*.part"))
    trained(tmp_path / "whole", **wishes)
    assert_same(tmp_path / "whole", folder)


def test_kill_9_from_outside(tmp_path: Path, data: str) -> None:
    model, folder = tiny_file(tmp_path), tmp_path / "killed"
    arguments = training_arguments(model, data, folder, epochs=25)
    process = subprocess.Popen(command("-m", "mnet_cost", *arguments), stderr=subprocess.DEVNULL)
    wait_for(folder / "metrics.jsonl", process)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert len(load_checkpoint(folder / "checkpoint.pt")["position"]["history"]) < 25
    wishes: dict[str, Any] = {"model": from_file(model), "data": data, "batch": 4, "workers": 0}
    trained(folder, resume=True, epochs=25, **wishes)
    trained(tmp_path / "whole", epochs=25, **wishes)
    assert_same(tmp_path / "whole", folder)


def test_a_run_that_is_alive_is_left_alone(tmp_path: Path, data: str) -> None:
    model, folder = tiny_file(tmp_path), tmp_path / "alive"
    arguments = training_arguments(model, data, folder, epochs=2000)
    process = subprocess.Popen(command("-m", "mnet_cost", *arguments), stderr=subprocess.DEVNULL)
    try:
        wait_for(folder / "metrics.jsonl", process)
        draft = folder / f".best.pt.{process.pid}.part"
        draft.touch()  # as if it were writing
        wishes: dict[str, Any] = {"model": from_file(model), "data": data, "batch": 4}
        with pytest.raises(OutputError, match="alive: another training is using it"):
            trained(folder, resume=True, workers=0, epochs=2000, **wishes)
        assert draft.exists()
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    stopped = trained(
        folder, resume=True, workers=0, epochs=2000, stop=StopAfter(1), **wishes
    )  # the lock died with it
    assert not stopped.finished
    assert not draft.exists()


def test_another_rate_gives_a_warning(tmp_path: Path, data: str) -> None:
    wishes: dict[str, Any] = {"data": data, "batch": 4, "workers": 0}
    trained(tmp_path / "run", stop=StopAfter(8), lr=0.5, **wishes)
    with pytest.raises(CheckpointError, match=r"it has lr 0\.5, not"):
        trained(tmp_path / "run", resume=True, **wishes)

    class Ears(Silence):
        heard = ""

        def warn(self, text: str) -> None:
            self.heard += text

    ears = Ears()
    results = trained(tmp_path / "run", resume=True, lr=0.01, audience=ears, **wishes)
    assert results.finished
    assert "is of a learning rate of 0.5, and goes on with 0.01" in ears.heard
    ears = Ears()
    trained(tmp_path / "run", resume=True, lr=0.01, audience=ears, **wishes)
    assert ears.heard == ""


def wait_for(path: Path, process: Any) -> None:
    """Until a file has a line."""
    deadline = time.monotonic() + 120
    while not (path.exists() and path.read_text()):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_ctrl_c_ends_the_step_and_keeps_a_checkpoint(tmp_path: Path, data: str) -> None:
    model, folder = tiny_file(tmp_path), tmp_path / "stopped"
    arguments = training_arguments(model, data, folder, epochs=2000)
    arguments[arguments.index("--workers") + 1] = "1"
    process = subprocess.Popen(
        command("-m", "mnet_cost", *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that it gets the signal with its loaders, as from a terminal
    )
    wait_for(folder / "metrics.jsonl", process)
    os.killpg(process.pid, signal.SIGINT)
    output, words = process.communicate(timeout=60)
    assert process.returncode == 130, words
    assert "Traceback" not in words
    assert f"stopped; --resume --out {folder} goes on" in words
    assert "stopped before the end" in output
    assert load_checkpoint(folder / "checkpoint.pt")["position"]["history"]


BLOCKED = """
import sys, time
from pathlib import Path
from mnet_cost.cli import main, progress
from mnet_cost.torch_model.training import folder
read = folder.read_picture
def blocking(path, mode):
    while Path(sys.argv[1]).exists():
        Path(sys.argv[1] + ".seen").write_text("blocked")
        time.sleep(0.1)
    return read(path, mode)
folder.read_picture = blocking
progress.GRACE_S = 1.0
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("when", ["before", "during"])
def test_sigterm_ends_a_training_whose_loaders_block(tmp_path: Path, data: str, when: str) -> None:
    model, folder, blocks = tiny_file(tmp_path), tmp_path / "run", tmp_path / "blocks"
    arguments = training_arguments(model, data, folder, epochs=2000)
    arguments[arguments.index("--workers") + 1] = "1"
    if when == "before":
        blocks.touch()
    process = subprocess.Popen(
        command("-c", BLOCKED, str(blocks), *arguments),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if when == "during":
        wait_for(folder / "metrics.jsonl", process)
        blocks.touch()
    wait_for(tmp_path / "blocks.seen", process)
    process.terminate()
    _, words = process.communicate(timeout=30)
    assert process.returncode == 143, words
    assert "Traceback" not in words
    if when == "during":
        assert load_checkpoint(folder / "checkpoint.pt")["position"]["history"]


def from_file(path: str) -> Any:
    from mnet_cost.models.library import load_model

    return load_model(path, {"resolution": 8})
