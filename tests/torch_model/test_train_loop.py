"""Recipes, objectives, and what a training does when something goes wrong."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")
pytest.importorskip("PIL")

from small_training import image_folder, tiny, trained  # noqa: E402
from torch import nn  # noqa: E402

from mnet_cost.errors import MnetCostError, OutputError  # noqa: E402
from mnet_cost.torch_model.graph import build_module  # noqa: E402
from mnet_cost.torch_model.modules import Parameter, PositionEmbedding  # noqa: E402
from mnet_cost.torch_model.training import estimate  # noqa: E402
from mnet_cost.torch_model.training.checkpoint import (  # noqa: E402
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from mnet_cost.torch_model.training.objectives import Distillation, Imitation, Labels  # noqa: E402
from mnet_cost.torch_model.training.plan import Wishes, plan_training  # noqa: E402
from mnet_cost.torch_model.training.recipes import (  # noqa: E402
    MODERN,
    PAPER,
    RECIPES,
    Average,
    cosine,
    parameter_groups,
    settle,
    staircase,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of grey images of two classes that a look tells apart."""
    root = tmp_path_factory.mktemp("data") / "images"
    return str(image_folder(root, {"dark": 15, "light": 15}, mode="L"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def refusal(folder: Path, **options: Any) -> str:
    """The error of a training, as lines."""
    with pytest.raises(MnetCostError) as caught:
        trained(folder, **options)
    return str(caught.value)


def test_schedules() -> None:
    assert staircase(0.0) == staircase(0.019) == 1.0
    assert staircase(0.02) == pytest.approx(0.94)
    assert staircase(0.999) == pytest.approx(0.94**49)
    assert 0 < cosine(0.0) < 0.03
    assert cosine(0.05) == 1.0
    assert cosine(0.525) == pytest.approx(0.5)
    assert cosine(1.0) == pytest.approx(0.0)


def test_numbers_that_depend_on_the_data() -> None:
    digits = settle(MODERN, 1438, None, None, None)
    assert (digits.batch, digits.steps_per_epoch, digits.epochs) == (64, 22, 37)
    assert digits.lr == pytest.approx(0.1 * 64 / 256)
    imagenet = settle(PAPER, 1_281_167, None, None, None)
    assert (imagenet.batch, imagenet.epochs) == (128, 10)
    assert imagenet.lr == pytest.approx(0.045 * 4)
    few = settle(MODERN, 6, None, None, None)
    assert (few.batch, few.steps_per_epoch, few.epochs) == (6, 1, 100)
    own = settle(MODERN, 1438, 3, 100, 0.5)
    assert (own.epochs, own.batch, own.lr, own.steps) == (3, 100, 0.5, 42)
    with pytest.raises(MnetCostError, match="whole number from 1 on, not 0"):
        settle(MODERN, 1438, None, 0, None)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_what_decays(recipe: Any) -> None:
    module = build_module(tiny())
    decaying, free = parameter_groups(module, recipe)
    # by hand: conv 4 x 1 x 3 x 3 and linear 5 x 4; depthwise 4 x 3 x 3, two norms, one bias
    assert sorted(parameter.numel() for parameter in decaying["params"]) == [20, 36]
    assert sorted(parameter.numel() for parameter in free["params"]) == [4, 4, 4, 4, 5, 36]
    assert decaying["weight_decay"] == recipe.weight_decay > 0 == free["weight_decay"]
    (first, second) = parameter_groups(module, recipe._replace(spares_depthwise=False))
    assert sorted(parameter.numel() for parameter in first["params"]) == [20, 36, 36]
    assert len(second["params"]) == 5


def test_embeddings_of_positions_do_not_decay() -> None:
    module = nn.Sequential(PositionEmbedding(3, 4), Parameter(2, 5), nn.Linear(4, 6))
    decaying, free = parameter_groups(module, MODERN)
    assert [parameter.numel() for parameter in decaying["params"]] == [24]
    assert [parameter.numel() for parameter in free["params"]] == [12, 10, 6]


def test_the_average_by_hand() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, 1.0)
    average = Average(module, 0.9)
    nn.init.constant_(module.weight, 2.0)
    average.update(1)  # decay min(0.9, 2 / 11)
    assert float(average.module.weight) == pytest.approx(2 / 11 * 1 + 9 / 11 * 2)
    average = Average(module, 0.9)
    nn.init.constant_(module.weight, 3.0)
    average.update(1000)
    assert float(average.module.weight) == pytest.approx(0.9 * 2 + 0.1 * 3)


def test_objectives_by_hand() -> None:
    outputs = torch.tensor([[math.log(3.0), 0.0]])  # probabilities 3/4 and 1/4
    label = torch.tensor([0])
    plain = Labels("linear", 0.0)
    assert float(plain.loss(outputs, label, None)) == pytest.approx(-math.log(0.75))
    smooth = Labels("linear", 0.1)  # 0.95 and 0.05
    expected = -0.95 * math.log(0.75) - 0.05 * math.log(0.25)
    assert float(smooth.loss(outputs, label, None)) == pytest.approx(expected)
    assert float(smooth.test_loss(outputs, label, None)) == pytest.approx(-math.log(0.75))
    after = Labels("softmax", 0.0)
    assert float(after.loss(torch.tensor([[0.75, 0.25]]), label, None)) == pytest.approx(
        -math.log(0.75)
    )
    taught = torch.tensor([[0.0, 2 * math.log(3.0)]])  # at temperature 2: 1/4 and 3/4
    both = Distillation("linear", "linear", temperature=2.0, soft_share=0.9)
    student = torch.tensor([[2 * math.log(3.0), 0.0]])  # at temperature 2: 3/4 and 1/4
    soft = 4 * (-0.25 * math.log(0.75) - 0.75 * math.log(0.25))
    hard = -math.log(0.9)
    assert float(both.loss(student, label, taught)) == pytest.approx(0.9 * soft + 0.1 * hard)
    distance = Imitation("linear").loss(torch.tensor([[1.0, 3.0]]), label, torch.zeros(1, 2))
    assert float(distance) == pytest.approx(5.0)
    half = Imitation("sigmoid").loss(torch.tensor([[0.5]]), label, torch.tensor([[1.0]]))
    assert float(half) == pytest.approx(math.log(2.0))


@pytest.mark.parametrize("variant", [None, "sigmoid", "softmax"])
def test_a_folder_is_learned(tmp_path: Path, data: str, variant: str | None) -> None:
    results = trained(
        tmp_path, tiny(variant, width=8), data=data, epochs=25, batch=8, workers=0, lr=0.1
    )
    assert results.tested is not None
    assert results.tested.accuracy == 1.0
    assert results.tested.confusion == ((3, 0), (0, 3))
    assert [class_.recall for class_ in results.classes] == [1.0, 1.0]
    assert results.plan.decided == ("classes 2",)
    assert results.history[-1].loss < results.history[0].loss


def test_a_student_learns_from_a_teacher(tmp_path: Path, data: str) -> None:
    wishes: dict[str, Any] = {"data": data, "batch": 8, "workers": 0}
    teacher = tiny(width=8)
    trained(tmp_path / "teacher", teacher, epochs=25, lr=0.1, **wishes)
    weights = str(tmp_path / "teacher" / "best.pt")
    # its width is in its checkpoint; its input is twice the student's
    taught = {"teacher": tiny()._replace(knobs={}), "teacher_weights": weights, **wishes}
    student = trained(tmp_path / "student", tiny(resolution=6), epochs=25, lr=0.1, **taught)
    assert isinstance(student.plan.task.objective, Distillation)
    assert student.tested is not None
    assert student.tested.accuracy == 1.0
    assert student.plan.estimate.teacher_mult_adds > student.plan.estimate.mult_adds
    other = {"teacher": tiny("embedding"), "teacher_weights": weights, **wishes}
    assert refusal(tmp_path / "x", **other).startswith(f"{weights}: is of another network: ")
    alone = {"teacher": teacher, **wishes}
    assert "--teacher-weights FILE is not given" in refusal(tmp_path / "x", **alone)


def test_an_embedding_is_imitated(tmp_path: Path, data: str) -> None:
    model = tiny("embedding")
    plan = plan_training(tiny(), Wishes(data=data, batch=8, workers=0))
    module = build_module(model)
    save_checkpoint(
        tmp_path / "teacher.pt",
        {
            "average": module.state_dict(),
            "training": {"knobs": dict(model.knobs)},
            "classes": list(plan.dataset.classes),
        },
    )
    wishes = {"teacher": model, "teacher_weights": str(tmp_path / "teacher.pt"), "data": data}
    results = trained(tmp_path / "run", model, epochs=30, batch=8, workers=0, lr=0.1, **wishes)
    assert isinstance(results.plan.task.objective, Imitation)
    assert [results.history[0].accuracy, results.history[0].test_accuracy] == [None, None]
    assert results.history[-1].test_loss < 0.5 * results.history[0].test_loss
    assert "3 numbers, and" in refusal(tmp_path / "x", model=model, data=data)


def test_a_loss_that_is_no_number(tmp_path: Path, data: str) -> None:
    wishes: dict[str, Any] = {"data": data, "batch": 4, "workers": 0, "lr": 1e30}
    words = refusal(tmp_path / "run", **wishes).splitlines()
    assert words[0].endswith("of 6, at a learning rate of 1e+30") or "epoch" in words[0]
    assert "no number any more" in words[0]
    # 0.1 / 256 times the batch of 4
    assert words[1] == "hint: the recipe's own, --lr 0.00156, is smaller"
    assert words[-1] == "hint: --resume with a smaller --lr goes on from there"
    assert words[-2] == f"the last good state is in {tmp_path / 'run' / 'checkpoint.pt'}"
    content = load_checkpoint(tmp_path / "run" / "checkpoint.pt")
    assert all(torch.isfinite(value).all() for value in content["module"].values())


@pytest.mark.parametrize(
    "reason",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 12 bytes"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
    ],
    ids=["python", "cpu", "cuda"],
)
def test_out_of_memory_says_what_fits(
    tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch, reason: Exception
) -> None:
    def fail(*_: Any) -> None:
        raise reason

    monkeypatch.setattr(Labels, "loss", fail)
    wishes: dict[str, Any] = {"data": data, "batch": 20, "workers": 0}
    assert refusal(tmp_path / "a", **wishes).splitlines() == [
        "out of memory on cpu at a batch of 20",
        "hint: by the estimate --batch 8 fits",
    ]
    plan = plan_training(tiny(), Wishes(**wishes))
    room = plan.estimate.fixed_bytes + 4 * plan.estimate.bytes_per_picture
    monkeypatch.setattr(estimate, "free_bytes", lambda device: room)
    assert plan._replace(estimate=plan.estimate._replace(available_bytes=room)).estimate.fits is (
        False
    )
    assert plan.estimate._replace(available_bytes=room).largest_batch(20) == 4
    assert plan.estimate._replace(available_bytes=room - 1).largest_batch(20) == 2
    assert plan.estimate._replace(available_bytes=10).largest_batch(20) is None


def test_other_runtime_errors_are_not_hidden(
    tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("something else")

    monkeypatch.setattr(Labels, "loss", fail)
    with pytest.raises(RuntimeError, match="something else"):
        trained(tmp_path / "a", data=data, batch=4, workers=0)


def test_networks_that_do_not_fit(tmp_path: Path, data: str) -> None:
    assert "`train` trains networks" not in refusal(tmp_path, model=tiny(channels=4), data=data)
    assert "the network gives 7 numbers, and" in refusal(tmp_path, model=tiny(classes=7), data=data)
    assert "at least two pictures" in refusal(tmp_path, data=data, batch=1)
    assert "no recipe `moderm`" in refusal(tmp_path, data=data, recipe="moderm")
    assert "did you mean `modern`?" in refusal(tmp_path, data=data, recipe="moderm")
    assert "there is no device `tpu`" in refusal(tmp_path, data=data, device="tpu")
    assert list(tmp_path.iterdir()) == []


class Deadly:
    """Pictures that kill the process that reads one."""

    def __len__(self) -> int:
        return 24

    def read(self, index: int) -> Any:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGKILL)


def test_a_loader_process_that_dies(tmp_path: Path, data: str) -> None:
    wishes: dict[str, Any] = {"data": data, "batch": 4}
    dataset = plan_training(tiny(), Wishes(**wishes)).dataset
    dataset = dataset._replace(train=dataset.train._replace(pictures=Deadly()))
    words = refusal(tmp_path / "run", dataset=dataset, workers=1, **wishes)
    assert words.splitlines() == [
        "a process that reads images died; the last checkpoint is "
        f"{tmp_path / 'run' / 'checkpoint.pt'}",
        "hint: --resume --workers 0 goes on without such processes",
    ]


def test_an_image_that_vanishes(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "images", {"dark": 4, "light": 4}, mode="L")

    class Vandal:
        def __call__(self) -> bool:
            for path in root.glob("*/*.png"):
                path.unlink()
            return False

    words = refusal(tmp_path / "run", data=str(root), batch=2, workers=0, stop=Vandal())
    assert words.startswith("an image cannot be read any more: ")


class TestCheckpoints:
    """Files that are no checkpoint of the run at hand."""

    def spoilt(self, folder: Path, data: str) -> Path:
        trained(folder, data=data, batch=8, workers=0, epochs=1)
        return folder / "checkpoint.pt"

    def words(self, folder: Path, data: str, **options: Any) -> str:
        wishes: dict[str, Any] = {"data": data, "batch": 8, "workers": 0, "epochs": 1, **options}
        return refusal(folder, resume=True, **wishes)

    @pytest.mark.parametrize("left", [0, 10, 1000, -1])
    def test_cut_short(self, tmp_path: Path, data: str, left: int) -> None:
        path = self.spoilt(tmp_path, data)
        path.write_bytes(path.read_bytes()[:left])
        assert self.words(tmp_path, data).startswith(f"{path}: is not whole")

    def test_one_byte_of_the_weights_changed(self, tmp_path: Path, data: str) -> None:
        path = self.spoilt(tmp_path, data)
        weights = load_checkpoint(path)["module"]["conv2d.weight"]
        content = bytearray(path.read_bytes())
        content[content.index(bytes(weights.flatten().view(torch.uint8)[:16].tolist()))] ^= 1
        path.write_bytes(content)
        assert self.words(tmp_path, data).startswith(f"{path}: is not whole")

    def test_code(self, tmp_path: Path, data: str) -> None:
        path = self.spoilt(tmp_path, data)
        torch.save({"format": "mnet-cost/checkpoint/1", "code": Path("x")}, path)
        assert "it could run code" in self.words(tmp_path, data)

    def test_of_another_program(self, tmp_path: Path, data: str) -> None:
        path = self.spoilt(tmp_path, data)
        torch.save({"state_dict": {}}, path)
        assert "is no checkpoint of this version of mnet-cost: it says no format" in self.words(
            tmp_path, data
        )
        torch.save({"format": "mnet-cost/checkpoint/9"}, path)
        assert "it says `mnet-cost/checkpoint/9`" in self.words(tmp_path, data)

    def test_best_is_not_to_go_on_from(self, tmp_path: Path, data: str) -> None:
        path = self.spoilt(tmp_path, data)
        (tmp_path / "best.pt").replace(path)
        assert "has no `position`" in self.words(tmp_path, data)

    def test_of_another_training(self, tmp_path: Path, data: str) -> None:
        path = self.spoilt(tmp_path, data)
        before = path.read_bytes()
        assert self.words(tmp_path, data, epochs=3, seed=7).splitlines()[0] == (
            f"{path}: is of another training: it has epochs 1, not 3; seed 0, not 7"
        )
        model = tiny(width=8)
        assert "width=4" in self.words(tmp_path, data, model=model)
        assert "width=8" in self.words(tmp_path, data, model=model)
        assert "data images" in self.words(tmp_path, "digits")
        assert path.read_bytes() == before

    @pytest.mark.parametrize(
        ("part", "value"),
        [
            ("training", []),
            ("position", None),
            ("position.step", "x"),
            ("position.step", -1),
            ("position.tally", {"loss": 1.0}),
            ("position.history", [{"epoch": 1, "mood": "good"}]),
            ("position.history", [None]),
            ("tested", []),
            ("tested.confusion", [[1, 2]]),
            ("module", {"conv2d.weight": 1}),
            ("module.conv2d.weight", 1),
            ("average", None),
            ("optimizer", {}),
            ("optimizer.param_groups", []),
            ("optimizer.state", {}),
            ("optimizer.state", {0: {"momentum_buffer": torch.zeros(3)}}),
            ("scaler", None),
            ("rng", {}),
            ("rng.cpu", torch.zeros(3)),
            ("rng.cpu", "x"),
        ],
    )
    def test_malformed(self, tmp_path: Path, data: str, part: str, value: Any) -> None:
        path = self.spoilt(tmp_path, data)
        content = load_checkpoint(path)
        first, _, rest = part.partition(".")
        (content[first] if rest else content)[rest or first] = value
        save_checkpoint(path, content)
        wishes: dict[str, Any] = {"data": data, "batch": 8, "workers": 0, "epochs": 1}
        with pytest.raises(CheckpointError) as caught:
            trained(tmp_path, resume=True, **wishes)
        assert str(caught.value).startswith(f"{path}: ")

    def test_of_another_teacher(self, tmp_path: Path, data: str) -> None:
        wishes: dict[str, Any] = {"data": data, "batch": 8, "workers": 0, "epochs": 1}
        for seed in (0, 1):
            trained(tmp_path / f"teacher{seed}", seed=seed, **wishes)
        taught = [
            {**wishes, "teacher": tiny(), "teacher_weights": str(tmp_path / name / "best.pt")}
            for name in ("teacher0", "teacher1")
        ]
        trained(tmp_path / "student", **taught[0])
        assert "it has teacher weights" in refusal(tmp_path / "student", resume=True, **taught[1])
        assert trained(tmp_path / "student", resume=True, **taught[0]).finished

    def test_none(self, tmp_path: Path, data: str) -> None:
        assert "has no checkpoint.pt to resume from" in self.words(tmp_path / "nothing", data)

    def test_a_run_is_not_written_over(self, tmp_path: Path, data: str) -> None:
        self.spoilt(tmp_path, data)
        with pytest.raises(OutputError, match="holds a run already"):
            trained(tmp_path, data=data, batch=8, workers=0, epochs=1)


def test_the_error_of_a_gradient_names_it(
    tmp_path: Path, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def infinite(*_: Any) -> Any:
        return torch.tensor(math.inf)

    monkeypatch.setattr(nn.utils, "clip_grad_norm_", infinite)
    words = refusal(tmp_path / "run", data=data, batch=4, workers=0)
    assert words.startswith("the gradient is no number any more (inf) in epoch 1, step 1 of 6, at")
