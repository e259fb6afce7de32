"""Recipes: optimizer, schedule and regularization of a training, after two sources.

A recipe has numbers and two functions. `settle` fits it to a number of pictures; --epochs, --batch
and --lr take precedence. The learning rate is a function of the share of the training that is done,
so a checkpoint needs nothing but the step for it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from mnet_cost.errors import Problem, UsageError, did_you_mean, one_of
from mnet_cost.torch_model.modules import ClassToken, Parameter, PositionEmbedding

Groups = list[dict[str, Any]]
"""Parameters with their weight decay, as torch's optimizers take them."""

_BATCH = 128
_SMALLEST_BATCH = 16
_STEPS_PER_EPOCH = 20  # with fewer, a smaller batch
_STEPS = 800  # that a network needs, however few pictures there are
_EPOCHS = (10, 100)


class Recipe(NamedTuple):
    """Optimizer, schedule and regularization, whatever the network and the data."""

    name: str
    source: str
    """The paper that it is from."""
    optimizer: Callable[[Groups, float], torch.optim.Optimizer]
    """Makes the optimizer from parameters and a learning rate."""
    optimizer_name: str
    """The name of the optimizer in `analysis.training`."""
    schedule: Callable[[float], float]
    """The factor of the learning rate, from the share of the training that is done, 0 to 1."""
    lr_per_example: float
    """The learning rate divided by the batch size."""
    weight_decay: float
    label_smoothing: float
    average_decay: float
    """The decay of the running average of the weights, which is tested; see `Average`."""
    clip_norm: float
    """The largest norm of all gradients together; larger gradients are scaled down to it."""
    smallest_crop: float
    """As in `Augmentation`."""
    jitter: float
    """As in `Augmentation`."""
    spares_depthwise: bool = True
    """Whether the weights of depthwise filters are left out of weight decay."""


class Settled(NamedTuple):
    """A recipe with the numbers that depend on the data or the user."""

    recipe: Recipe
    epochs: int
    batch: int
    lr: float
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """The number of steps of the whole training."""
        return self.epochs * self.steps_per_epoch

    def lr_at(self, step: int) -> float:
        """The learning rate of step `step`, counted from 0."""
        return self.lr * self.recipe.schedule(step / self.steps)


def _rmsprop(groups: Groups, lr: float) -> torch.optim.Optimizer:
    return torch.optim.RMSprop(groups, lr, alpha=0.9, momentum=0.9, eps=1.0)


def _sgd(groups: Groups, lr: float) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, lr, momentum=0.9, nesterov=True)


def staircase(done: float) -> float:
    """Times 0.94 after each fiftieth of the training, as after every two of 100 epochs."""
    return float(0.94 ** math.floor(50 * done))


def cosine(done: float) -> float:
    """Linear from about 0 to 1 in the first twentieth of the training, then half a cosine to 0."""
    warm_up = 0.05
    if done < warm_up:
        return (done + 0.001) / (warm_up + 0.001)
    return 0.5 + 0.5 * math.cos(math.pi * (done - warm_up) / (1 - warm_up))


PAPER = Recipe(
    # RMSprop "similar to Inception V3", less regularization and fewer small crops, no label
    # smoothing, "very little or no weight decay on the depthwise filters". What it does not say is
    # Inception V3's: RMSprop decay 0.9, epsilon 1.0, rate 0.045 at batch 32 that falls by 0.94
    # every two of 100 epochs, gradients cut to norm 2, the running average tested; momentum 0.9
    # and weight decay 4e-5 are those of tensorflow/models research/slim.
    name="paper",
    source="arXiv:1704.04861, section 3.2; arXiv:1512.00567, section 8",
    optimizer=_rmsprop,
    optimizer_name="rmsprop_momentum",
    schedule=staircase,
    lr_per_example=0.045 / 32,
    weight_decay=4e-5,
    label_smoothing=0.0,
    average_decay=0.9999,
    clip_norm=2.0,
    smallest_crop=0.5,
    jitter=0.1,
)

MODERN = Recipe(
    # SGD with Nesterov momentum 0.9, rate 0.1 for each 256 pictures of a batch, warm-up and cosine,
    # label smoothing 0.1, weight decay 1e-4 on weights alone, never on biases and norms.
    name="modern",
    source="arXiv:1812.01187, sections 2 to 5",
    optimizer=_sgd,
    optimizer_name="sgd_momentum",
    schedule=cosine,
    lr_per_example=0.1 / 256,
    weight_decay=1e-4,
    label_smoothing=0.1,
    average_decay=0.9999,
    clip_norm=5.0,
    smallest_crop=0.25,
    jitter=0.2,
)

RECIPES = (MODERN, PAPER)
"""All recipes; the first is the default."""


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; `UsageError` if there is none."""
    for recipe in RECIPES:
        if recipe.name == name:
            return recipe
    names = [recipe.name for recipe in RECIPES]
    hint = did_you_mean(name, names) or f"there are {one_of(names).replace(' or ', ' and ')}"
    raise UsageError(Problem(f"there is no recipe `{name}`", hint=hint))


def settle(
    recipe: Recipe, pictures: int, epochs: int | None, batch: int | None, lr: float | None
) -> Settled:
    """`recipe` for a number of training pictures; a number that is None is chosen.

    The batch is 128, or smaller for few pictures; there are 100 epochs, or fewer for many pictures,
    but at least 10. Pictures that do not fill a batch are left out of an epoch. Raises
    `UsageError` for a batch that is no positive whole number.
    """
    if batch is not None and not (type(batch) is int and batch > 0):
        raise UsageError(f"the batch must be a whole number from 1 on, not {batch}")
    if batch is None:
        batch = _BATCH
        while batch > _SMALLEST_BATCH and pictures < _STEPS_PER_EPOCH * batch:
            batch //= 2
    batch = min(batch, pictures)
    steps = pictures // batch
    if epochs is None:
        epochs = max(_EPOCHS[0], min(_EPOCHS[1], math.ceil(_STEPS / steps)))
    if lr is None:
        lr = recipe.lr_per_example * batch
    return Settled(recipe, epochs, batch, lr, steps)


def parameter_groups(module: nn.Module, recipe: Recipe) -> Groups:
    """The parameters of a module in two groups: with weight decay, and without.

    Biases, norms and all other vectors have none, nor do class tokens, position embeddings and
    trained tensors. The kernels of depthwise convolutions, which have few parameters, have none
    where the recipe spares them. An empty group is left out.
    """
    spared = {
        id(layer.weight)
        for layer in module.modules()
        if recipe.spares_depthwise
        and isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d)
        and layer.groups == layer.in_channels > 1
    }
    spared |= {
        id(layer.weight)
        for layer in module.modules()
        if isinstance(layer, ClassToken | Parameter | PositionEmbedding)
    }
    decaying: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for parameter in module.parameters():
        kept = parameter.dim() <= 1 or id(parameter) in spared
        (free if kept else decaying).append(parameter)
    groups = [
        {"params": decaying, "weight_decay": recipe.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


class Average:
    """A running average of a module's state, as a module of its own, which is tested and saved.

    After n steps the decay is min(decay, (1 + n) / (10 + n)), so that in a short training the
    random start does not count; source: `ExponentialMovingAverage` of TensorFlow.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.decay = decay
        self.pairs = list(
            zip(self.module.state_dict().values(), module.state_dict().values(), strict=True)
        )

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Add the module's state after `steps` steps to the average."""
        decay = min(self.decay, (1 + steps) / (10 + steps))
        for mean, now in self.pairs:
            if mean.is_floating_point():
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)


def trainable(groups: Groups) -> Sequence[nn.Parameter]:
    """All parameters of `groups`."""
    return [parameter for group in groups for parameter in group["params"]]
