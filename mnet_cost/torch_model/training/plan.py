"""The plan of a training from the user's wishes: data, network, teacher, objective, task.

The data set two knobs if the user does not: `classes`, and `resolution` where all pictures have the
same small size. What does not fit together is refused here, before anything is trained.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mnet_cost.analysis import analyze
from mnet_cost.analysis.training import TRAINING_PRECISIONS
from mnet_cost.errors import Problem, UsageError, one_of
from mnet_cost.models.types import BATCH, Model
from mnet_cost.network import Network, elaborate
from mnet_cost.torch_model.graph import build_module, initialize
from mnet_cost.torch_model.training.augment import Augmentation
from mnet_cost.torch_model.training.checkpoint import CheckpointError, load_state, load_weights
from mnet_cost.torch_model.training.data import DIGITS, Dataset, load_dataset
from mnet_cost.torch_model.training.estimate import Estimate, estimate_training
from mnet_cost.torch_model.training.feed import TestPictures, TrainingPictures
from mnet_cost.torch_model.training.loop import Task, Teacher
from mnet_cost.torch_model.training.objectives import Distillation, Imitation, Labels, Objective
from mnet_cost.torch_model.training.recipes import (
    Average,
    Settled,
    find_recipe,
    parameter_groups,
    settle,
)

DEVICES = ("auto", "cpu", "cuda", "mps")


class Wishes(NamedTuple):
    """What a user may ask for; None leaves a value to the recipe and the data."""

    data: str = DIGITS
    """`digits`, or a folder of images."""
    recipe: str = "modern"
    epochs: int | None = None
    batch: int | None = None
    lr: float | None = None
    """The highest learning rate of the schedule."""
    teacher: Model | None = None
    teacher_weights: str | None = None
    """A checkpoint of the teacher's training."""
    temperature: float = 4.0
    """Of `Distillation`."""
    workers: int | None = None
    """The number of loader processes."""
    seed: int = 0
    device: str = "auto"
    """As in `DEVICES`."""
    strict: bool = False
    """Whether an image that cannot be read is an error."""


class Plan(NamedTuple):
    """A training that has not begun."""

    model: Model
    """With the knobs that the data set."""
    network: Network
    dataset: Dataset
    settled: Settled
    estimate: Estimate
    task: Task
    decided: tuple[str, ...]
    """The knobs that the data set, as `classes 10`."""
    identity: Mapping[str, Any]
    """A description that must be the same to go on from a checkpoint; see `refuse_other`."""


class _Shape(NamedTuple):
    """The sizes of a network's input and output."""

    channels: int
    size: tuple[int, int]
    """(height, width) of the input."""
    features: int
    """The length of the output."""
    last_kind: str
    """The kind of the layer that makes the output."""


def input_channels(model: Model) -> int:
    """The channels of the pictures that a network takes.

    Raises `UsageError` for a network that does not take a picture or return a vector.
    """
    return _shape(elaborate(model.spec, model.knobs)).channels


def plan_training(
    model: Model,
    wishes: Wishes,
    seen: Callable[[int, int], None] | None = None,
    dataset: Dataset | None = None,
) -> Plan:
    """All that a training needs; a network that cannot be trained so is an error.

    `seen(done, total)` is called while the data are read, unless they are given as `dataset`.
    Raises `UsageError` for a device, recipe, teacher or number that does not fit,
    `DataError` for the data and `CheckpointError` for the teacher's weights.
    """
    device = _device(wishes.device)
    recipe = find_recipe(wishes.recipe)
    channels = input_channels(model)
    if dataset is None:
        dataset = load_dataset(wishes.data, channels, wishes.strict, seen)
    knobs, decided = _decided_knobs(model, dataset)
    model = model._replace(knobs=knobs)
    network = elaborate(model.spec, knobs)
    shape = _shape(network)
    pictures = len(dataset.train.labels)
    settled = settle(recipe, pictures, wishes.epochs, wishes.batch, wishes.lr)
    _refuse_single(network, settled)
    autocast = _autocast_type(device)
    teacher, teacher_network = _teacher(wishes, dataset, device)
    objective = _objective(shape, dataset, settled, wishes, teacher_network)
    estimate = estimate_training(
        model.spec,
        knobs,
        settled,
        device,
        {None: "fp32", torch.bfloat16: "bf16", torch.float16: "fp16"}[autocast],
        analyze(teacher_network.spec, teacher_network.knobs).totals.mult_adds
        if teacher_network
        else 0,
    )
    torch.manual_seed(wishes.seed)
    module = initialize(build_module(network), wishes.seed)
    module = module.to(device, memory_format=torch.channels_last)
    groups = parameter_groups(module, recipe)
    how = Augmentation(
        smallest_crop=max(recipe.smallest_crop, dataset.smallest_crop),
        mirror=dataset.mirrors,
        jitter=recipe.jitter,
        central_crop=0.875 if dataset.natural_size is None else 1.0,
    )
    task = Task(
        module=module,
        average=Average(module, recipe.average_decay),
        optimizer=recipe.optimizer(groups, settled.lr),
        scaler=torch.amp.GradScaler(device.type, enabled=autocast is torch.float16),
        settled=settled,
        objective=objective,
        teacher=teacher,
        train=TrainingPictures(dataset.train, shape.size, how, wishes.seed),
        test=TestPictures(dataset.test, shape.size, how),
        classes=len(dataset.classes),
        seed=wishes.seed,
        workers=_workers(wishes.workers, dataset),
        device=device,
        autocast=autocast,
    )
    identity = {
        "network": model.spec.title,
        "knobs": _kept_knobs(network),
        "spec": spec_digest(model),
        "data": f"{Path(dataset.name).name} ({dataset.fingerprint})",
        "recipe": recipe.name,
        "epochs": settled.epochs,
        "batch": settled.batch,
        "lr": settled.lr,
        "seed": wishes.seed,
        "teacher": wishes.teacher.spec.title if wishes.teacher else None,
        "teacher knobs": _kept_knobs(teacher_network) if teacher_network else None,
        "teacher weights": state_digest(teacher.module) if teacher else None,
        "temperature": wishes.temperature if wishes.teacher else None,
    }
    return Plan(model, network, dataset, settled, estimate, task, decided, identity)


def spec_digest(model: Model) -> str:
    """A short text that changes with the spec, but not with its variants or published figures."""
    said = {
        name: value
        for name, value in model.spec.data.items()
        if name not in ("published", "source", "variants")
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]


def state_digest(module: torch.nn.Module) -> str:
    """A short text that changes with any weight of the module."""
    digest = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def _kept_knobs(network: Network) -> dict[str, Any]:
    return {name: value for name, value in network.knobs.items() if name != BATCH}


def _device(name: str) -> torch.device:
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if name == "auto":
        return torch.device("cuda" if cuda else "mps" if mps else "cpu")
    if name not in DEVICES:
        raise UsageError(
            Problem(f"there is no device `{name}` to train on", hint=f"one of {one_of(DEVICES)}")
        )
    if not {"cpu": True, "cuda": cuda, "mps": mps}[name]:
        raise UsageError(
            Problem(f"torch finds no device `{name}` here", hint="--device auto takes what is here")
        )
    return torch.device(name)


def _autocast_type(device: torch.device) -> torch.dtype | None:
    """A type of 16 bits on CUDA: bf16 if it has that, which needs no scaling of the loss."""
    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _workers(asked: int | None, dataset: Dataset) -> int:
    """The number of loader processes: 0 for digits, which are in memory, else 2."""
    if asked is not None:
        return asked
    return 0 if dataset.name == DIGITS else 2


def _shape(network: Network) -> _Shape:
    inputs = [network.tensors[index].type for index in network.inputs]
    outputs = [network.tensors[index] for index in network.outputs]
    title = network.spec.title
    stated = network.spec.precision
    if stated is not None and stated.name not in TRAINING_PRECISIONS:
        message = f"{title} is in {stated.name}, as it states: there is no training in it"
        raise UsageError(Problem(message, hint="take the line `precision` out of the spec"))
    if len(inputs) != 1 or len(inputs[0].shape) != 3 or inputs[0].dtype not in (None, stated):
        shapes = ", ".join(map(str, inputs))
        raise UsageError(
            f"{title} takes {shapes}; `train` trains networks of one image [channels, height, "
            "width]"
        )
    if len(outputs) != 1 or len(outputs[0].type.shape) != 1:
        shapes = ", ".join(str(output.type) for output in outputs)
        raise UsageError(
            f"{title} gives {shapes}; `train` trains networks that give one vector [features]"
        )
    channels, height, width = inputs[0].shape
    producer = outputs[0].producer
    kind = "input" if producer is None else network.steps[producer].layer.kind
    return _Shape(channels, (height, width), outputs[0].type.shape[0], kind)


def _decided_knobs(model: Model, dataset: Dataset) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The model's knobs, with those that the data set where the user does not, and their texts."""
    wanted: dict[str, Any] = {"classes": len(dataset.classes)}
    if dataset.natural_size is not None:
        wanted["resolution"] = dataset.natural_size
    decided = {
        name: value
        for name, value in wanted.items()
        if name in model.spec.knobs and name not in model.knobs
    }
    given = {name: value for name, value in model.knobs.items() if name != BATCH}
    return {**given, **decided}, tuple(f"{name} {value}" for name, value in decided.items())


def _refuse_single(network: Network, settled: Settled) -> None:
    if settled.batch < 2 and any(step.layer.kind == "batch_norm" for step in network.steps):
        raise UsageError(
            Problem(
                f"{network.spec.title} has batch_norm, which needs at least two pictures in a "
                "batch to train",
                hint="--batch 2 or more",
            )
        )


def _teacher(
    wishes: Wishes, dataset: Dataset, device: torch.device
) -> tuple[Teacher | None, Network | None]:
    """The teacher with its weights, and its network; knobs not set are those of its checkpoint."""
    model, path = wishes.teacher, wishes.teacher_weights
    if model is None and path is None:
        return None, None
    if model is None or path is None:
        missing = "--teacher MODEL" if model is None else "--teacher-weights FILE"
        raise UsageError(
            Problem(
                f"a teacher needs a network and its weights: {missing} is not given",
                hint="train it first; its weights are best.pt in the folder of its run",
            )
        )
    weights = load_weights(Path(path))
    if weights.classes is not None and weights.classes != dataset.classes:
        raise CheckpointError(
            f"{path}: the teacher was trained on other classes than those of {dataset.name}"
        )
    own = {name: value for name, value in weights.knobs.items() if name in model.spec.knobs}
    knobs, _ = _decided_knobs(model._replace(knobs={**own, **model.knobs}), dataset)
    network = elaborate(model.spec, knobs)
    module = build_module(network)
    load_state(module, weights.state, Path(path))
    module = module.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
    return Teacher(module, _shape(network).size), network


def _objective(
    shape: _Shape, dataset: Dataset, settled: Settled, wishes: Wishes, teacher: Network | None
) -> Objective:
    """`Labels` where the outputs are scores of the classes, or `Distillation` with a teacher.

    Otherwise `Imitation` of a teacher, which must have as many outputs.
    """
    taught = None if teacher is None else _shape(teacher)
    if taught is not None and taught.features != shape.features:
        raise UsageError(
            f"the teacher {teacher and teacher.spec.title} gives {taught.features} numbers, the "
            f"student {shape.features}; they must be the same"
        )
    if shape.features == len(dataset.classes):
        if taught is None:
            return Labels(shape.last_kind, settled.recipe.label_smoothing)
        return Distillation(shape.last_kind, taught.last_kind, wishes.temperature)
    if taught is None:
        raise UsageError(
            Problem(
                f"the network gives {shape.features} numbers, and {dataset.name} has "
                f"{len(dataset.classes)} classes; they must be the same",
                hint="the knob `classes` is set from the data where a network has it and nobody "
                "else sets it; or imitate a --teacher of the same outputs",
            )
        )
    return Imitation(shape.last_kind)
