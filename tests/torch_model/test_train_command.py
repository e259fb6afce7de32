"""`mnet-cost train`: what it prints and keeps, several networks, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("PIL")

from hostile_text import shows  # noqa: E402
from small_training import image_folder, tiny_file  # noqa: E402

from mnet_cost.cli import main  # noqa: E402
from mnet_cost.torch_model.training import loop, metrics  # noqa: E402
from mnet_cost.torch_model.training.objectives import Labels  # noqa: E402
from mnet_cost.torch_model.training.runs import unused_folder  # noqa: E402

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty working directory with the network and images in it, and one thread."""
    monkeypatch.chdir(tmp_path)
    tiny_file(tmp_path)
    image_folder(tmp_path / "images", {"dark": 15, "light": 10}, mode="L")
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def train(*arguments: str) -> int:
    """The status of a short training."""
    common = ["--resolution", "8", "--epochs", "2", "--batch", "4"]
    return main(["train", *arguments, *common, "--threads", "1", "--workers", "0"])


def test_a_run_and_its_report(tmp_path: Path, capsys: Capture) -> None:
    assert train("tiny.yaml", "--data", "images", "--format", "json") == 0
    shown = capsys.readouterr()
    report = json.loads(shown.out)
    assert report["schema"] == "mnet-cost/training/1"
    # by hand: 9 x 4 weights at 4 x 4, 9 x 4 at 2 x 2, 4 x 2; 36 + 8 + 36 + 8 + 10 params
    assert report["model"]["mult_adds"] == 36 * 16 + 36 * 4 + 8 == 728
    assert report["model"]["params"] == 98
    assert report["data"] == {
        "name": "images",
        "fingerprint": report["data"]["fingerprint"],
        "classes": ["dark", "light"],
        "train_images": 20,
        "test_images": 5,
        "unreadable": [],
        "ignored_folders": [],
        "ignored_files": [],
    }
    # a step forward, for the weights once more, and for the inputs but that of the first layer
    assert report["estimate"]["step_mult_adds"] == 4 * (2 * 728 + 36 * 4 + 8)
    assert report["estimate"]["training_mult_adds"] == 10 * report["estimate"]["step_mult_adds"]
    assert report["estimate"]["weight_bytes"] == report["estimate"]["gradient_bytes"] == 4 * 98
    assert report["finished"] is True
    assert report["recipe"]["steps_per_epoch"] == 5
    assert sum(map(sum, report["confusion"])) == 5
    assert [sum(row) for row in report["confusion"]] == [3, 2]
    assert report["measured"]["seconds"] > 0
    assert "estimate: 98 params; 6.432 k mult-adds a step" in shown.err
    assert "2 classes, 20 images to train on, 5 to test; classes 2 by the data" in shown.err
    folder = tmp_path / "runs" / "tiny-images"
    names = [".lock", "best.pt", "checkpoint.pt", "environment.json", "metrics.jsonl"]
    assert sorted(path.name for path in folder.iterdir()) == names
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert lines == report["epochs"]
    keys = "epoch steps loss accuracy test_loss test_accuracy lr seconds images_per_s"
    assert list(lines[0]) == keys.split()
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["packages"]["torch"] == torch.__version__
    assert (environment["threads"], environment["seed"], environment["device"]) == (1, 0, "cpu")


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_reports_that_are_read(format: str, capsys: Capture) -> None:
    assert train("tiny.yaml", "--data", "images", "--format", format) == 0
    output = capsys.readouterr().out
    for words in ("test accuracy %", "Epochs", "Classes", "dark", "Confusion", "mult-adds"):
        assert words in output


def test_csv_has_one_line_for_each_epoch(capsys: Capture) -> None:
    assert train("tiny.yaml", "--data", "images", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert 0 <= float(rows[1]["test_accuracy"]) <= 1


def test_runs_are_numbered_and_the_last_is_resumed(tmp_path: Path) -> None:
    assert train("tiny.yaml", "--data", "images") == 0
    assert train("tiny.yaml", "--data", "images") == 0
    runs = tmp_path / "runs"
    assert sorted(path.name for path in runs.iterdir()) == ["tiny-images", "tiny-images-2"]
    assert unused_folder(runs, "tiny-images", resume=False).name == "tiny-images-3"
    assert unused_folder(runs, "tiny-images", resume=True).name == "tiny-images-2"
    assert train("tiny.yaml", "--data", "images", "--resume") == 0
    assert len(list(runs.iterdir())) == 2


def test_several_networks(tmp_path: Path, capsys: Capture) -> None:
    both = ("--compare", "tiny.yaml", "vs", "tiny.yaml@width=8", "--data", "images")
    assert train(*both, "--format", "json", "--out", "both") == 0
    first, second = json.loads(capsys.readouterr().out)["trainings"]
    assert [first["name"], second["name"]] == ["tiny.yaml", "tiny.yaml@width=8"]
    assert [first["model"]["params"], second["model"]["params"]] == [98, 72 + 16 + 72 + 16 + 18]
    assert first["recipe"] == second["recipe"]
    assert (tmp_path / "both" / "tiny.yaml" / "best.pt").exists()
    # one of them was finished, the other not begun: what is there is not trained again
    (tmp_path / "both" / "tiny.yaml@width=8").rename(tmp_path / "elsewhere")
    assert train(*both, "--resume", "--out", "both") == 0
    output = capsys.readouterr().out
    assert output.splitlines()[0] == "tiny.yaml vs tiny.yaml@width=8 on images"
    assert "test accuracy %" in output


def test_values_of_a_knob(capsys: Capture) -> None:
    assert train("tiny.yaml", "--compare-knob", "width=4,2", "--data", "images") == 0
    output = capsys.readouterr().out
    assert output.splitlines()[0] == "width=4 vs width=2 on images"
    assert Path("runs/tiny-width=4,2-images/width=2/best.pt").exists()


def test_each_network_has_its_own_batch(capsys: Capture) -> None:
    own = ["--resolution", "8", "--epochs", "1", "--data", "images", "--workers", "0"]
    own += ["--format", "json"]
    assert main(["train", "tiny.yaml", "--compare-knob", "batch=4,10", *own]) == 0
    trainings = json.loads(capsys.readouterr().out)["trainings"]
    assert [training["recipe"]["batch"] for training in trainings] == [4, 10]
    assert [training["recipe"]["steps_per_epoch"] for training in trainings] == [5, 2]
    assert main(["train", "--compare", "tiny.yaml@batch=10", "vs", "tiny.yaml", *own]) == 0
    trainings = json.loads(capsys.readouterr().out)["trainings"]
    assert [training["recipe"]["batch"] for training in trainings] == [10, 16]
    assert train("tiny.yaml", "--data", "images", "--compare-knob", "batch=4,10") == 2
    assert "`batch` is given twice" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--compare", "tiny.yaml", "vs", "tiny.yaml"], "compared with itself"),
        (["tiny.yaml", "--compare-knob", "width=4,4"], "compared with itself"),
        (["tiny.yaml", "--compare-knob", "classes=2,7"], "gives 7 numbers"),
        (["--compare", "tiny.yaml", "vs", "tiny.yaml@width=0"], "width"),
    ],
)
def test_a_comparison_is_refused_before_the_first_is_trained(
    arguments: list[str], words: str, capsys: Capture
) -> None:
    assert train(*arguments, "--data", "images") == 2
    assert words in capsys.readouterr().err
    assert not Path("runs").exists()


def test_what_was_reached_is_reported(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = loop.train

    def second_fails(task: Any, *rest: Any) -> Any:
        if task.module.state_dict()["conv2d.weight"].shape[0] == 8:
            raise loop.DivergedError("it diverged")
        return whole(task, *rest)

    monkeypatch.setattr("mnet_cost.torch_model.training.train.train", second_fails)
    both = ("--compare", "tiny.yaml", "vs", "tiny.yaml@width=8", "--data", "images")
    assert train(*both) == 1
    shown = capsys.readouterr()
    assert "not trained: tiny.yaml@width=8" in shown.out
    assert "test accuracy %" in shown.out
    assert "it diverged" in shown.err


def test_one_epoch(capsys: Capture) -> None:
    assert train("tiny.yaml", "--data", "images", "--epochs", "2") == 0
    assert main(["train", "tiny.yaml", "--data", "images", "--epochs", "1", "--workers", "0"]) == 0
    words = capsys.readouterr().err
    assert "2 epochs of 5 steps" in words
    assert "1 epoch of" in words


def test_ignored_files_are_reported(tmp_path: Path, capsys: Capture) -> None:
    for name in ("empty", "_kept", ".hidden"):
        (tmp_path / "images" / name).mkdir()
    (tmp_path / "images" / "dark" / "notes.txt").touch()
    assert train("tiny.yaml", "--data", "images") == 0
    shown = capsys.readouterr()
    assert "3 sub-folders without images, or named _ or ., ignored: images/.hidden, " in shown.err
    assert "1 file without the ending of an image, ignored: images/dark/notes.txt" in shown.err
    assert "3 sub-folders without images" in shown.out
    assert "1 file without the ending" in shown.out


def test_a_resumed_run_does_not_say_its_memory(capsys: Capture) -> None:
    own = ("tiny.yaml", "--data", "images", "--out", "run", "--format", "json")
    assert train(*own) == 0
    assert json.loads(capsys.readouterr().out)["measured"]["peak_bytes"] is not None
    assert train(*own, "--resume") == 0
    assert json.loads(capsys.readouterr().out)["measured"]["peak_bytes"] is None
    assert train(*own[:-2], "--resume") == 0
    assert "not known of a resumed run" in capsys.readouterr().out


def test_metrics_without_a_checkpoint_are_not_lost(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text("mine\n")
    assert train("tiny.yaml", "--data", "images", "--out", "run") == 2
    assert "metrics.jsonl: is there already" in capsys.readouterr().err
    assert (tmp_path / "run" / "metrics.jsonl").read_text() == "mine\n"


def test_confusion_by_hand() -> None:
    tested = metrics.Tested(0.0, ((3, 1, 0), (0, 0, 0), (2, 2, 4)))
    assert tested.accuracy == 7 / 12
    first, second, third = metrics.class_results(("a", "b", "c"), tested)
    assert first == ("a", 4, 0.75, 0.6, "b")
    assert second == ("b", 0, None, 0.0, "")
    assert third == ("c", 8, 0.5, 1.0, "a")


def test_a_loss_that_is_no_number_is_status_1(capsys: Capture) -> None:
    assert train("tiny.yaml", "--data", "images", "--lr", "1e30") == 1
    words = capsys.readouterr().err
    assert "no number any more" in words
    assert "checkpoint.pt" in words


def test_unreadable_images_are_a_warning_or_an_error(tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "images" / "dark" / "0.png").write_text("no image")
    assert train("tiny.yaml", "--data", "images") == 0
    shown = capsys.readouterr()
    assert "warning: 1 image cannot be read and will be skipped: images/dark/0.png" in shown.err
    assert "1 images could not be read and are left out" in shown.out
    assert train("tiny.yaml", "--data", "images", "--strict") == 2
    assert "images: 1 images cannot be read\nhint: mend or remove" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tiny.yaml", "--data", "nowhere"], "nowhere: is not there"),
        ([], "which network is to be trained?"),
        (["--compare", "tiny.yaml"], "--compare takes two networks or more"),
        (["tiny.yaml", "--teacher", "tiny.yaml"], "--teacher-weights FILE is not given"),
        (["tiny.yaml", "--data", "images", "--resume", "--out", "x"], "x: has no checkpoint.pt"),
        (["tiny.yaml", "--recipe", "x"], "there is no recipe `x`"),
        (["tiny.yaml", "--set", "classes=3"], "gives 3 numbers, and digits has 10 classes"),
        (["deeplabv3_mobilenet_v2"], "`train` trains networks"),
    ],
)
def test_bad_input_is_status_2(arguments: list[str], words: str, capsys: Capture) -> None:
    assert train(*arguments) == 2
    assert words in capsys.readouterr().err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "arguments",
    [["--lr", "0"], ["--lr", "nan"], ["--seed", "-1"], ["--checkpoint-every", "0"],
     ["--checkpoint-every", "5 apples"], ["--workers", "two"]],
)  # fmt: skip
def test_bad_options_are_usage_errors(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        train("tiny.yaml", *arguments)
    assert caught.value.code == 2


def test_a_bad_batch_is_refused(capsys: Capture) -> None:
    assert main(["train", "tiny.yaml", "--batch", "1.5"]) == 2
    assert "batch" in capsys.readouterr().err


def test_digits_are_of_32_pixels_unless_said_otherwise(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def fail(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(Labels, "loss", fail)
    assert main(["train", "tiny.yaml", "--threads", "1"]) == 2
    words = capsys.readouterr().err
    assert "classes 10, resolution 32 by the data" in words
    assert "out of memory on cpu at a batch of 64" in words
    assert "hint: by the estimate --batch 32 fits" in words


@pytest.mark.parametrize("form", ["text", "csv", "markdown", "html", "json"])
def test_names_of_files_are_text_and_no_paths(form: str, tmp_path: Path, capsys: Capture) -> None:
    odd = "=1\x1b[31m\u202e<b>|`[bold]\\"
    root = tmp_path / f"..{odd}"
    image_folder(root, {odd: 6, f"-{odd}\n": 6}, mode="L")
    (root / f".{odd}").mkdir()
    (root / odd / f"{odd}.txt").write_text("x")
    (root / odd / f"{odd}.png").write_text("no image")
    spec = tmp_path / f"{odd}.yaml"
    spec.write_text((tmp_path / "tiny.yaml").read_text())
    several = ["--compare", str(spec), "vs", "tiny.yaml"]
    assert train(*several, "--data", str(root), "--format", form) == 0
    out, err = capsys.readouterr()
    assert shows(out)
    assert shows(err)
    assert r"\x1b[31m\u202e" in err
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name == ("=1-x1b-31m-u202e-b-bold-.yaml-vs-tiny.yaml-..=1-x1b-31m-u202e-b-bold-")
    folders = [path for path in run.iterdir() if path.is_dir()]
    assert len(folders) == 2
    assert all(shows(path.name) and path.name[0] not in ".-" for path in folders)
