"""What is made small: cross-entropy with the labels, with a teacher's opinion, or the distance to
what a teacher says.

Outputs of a network are scores of classes, or, where it ends in a softmax or sigmoid, their
probabilities: `Scores` makes scores of both. A teacher imitated as a whole needs no labels; that
is how the paper's face attributes and FaceNet students are trained (arXiv:1704.04861, sections 4.6
and 4.7).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

_SMALLEST = 1e-7

_NO_SCORES = {"softmax": torch.log, "sigmoid": torch.logit}
"""Layers that make probabilities, and what takes them back."""


class Objective(Protocol):
    """What training makes small, and what testing measures. `taught`: what the teacher says."""

    @property
    def classifies(self) -> bool:
        """Whether the outputs are opinions about the classes, so that there is an accuracy."""

    def loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor: ...

    def test_loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor: ...


def scores(outputs: Tensor, last_kind: str) -> Tensor:
    """Scores of classes from the outputs of a network that ends in a layer of that kind."""
    outputs = outputs.float()
    back = _NO_SCORES.get(last_kind)
    return outputs if back is None else back(outputs.clamp(_SMALLEST, 1 - _SMALLEST))


class Labels(NamedTuple):
    """Cross-entropy with the labels; `smoothing` of it spread over all classes."""

    last_kind: str
    smoothing: float
    classifies: bool = True

    def loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        found = scores(outputs, self.last_kind)
        return functional.cross_entropy(found, labels, label_smoothing=self.smoothing)

    def test_loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        return functional.cross_entropy(scores(outputs, self.last_kind), labels)


class Distillation(NamedTuple):
    """Cross-entropy with the labels and, weighing more, with the teacher's softened opinion.

    Source: arXiv:1503.02531, section 2; the soft part is multiplied by temperature squared, so that
    its gradients stay as large.
    """

    last_kind: str
    teacher_kind: str
    temperature: float
    soft_share: float = 0.9
    classifies: bool = True

    def loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        assert taught is not None
        found = scores(outputs, self.last_kind)
        target = (scores(taught, self.teacher_kind) / self.temperature).softmax(1)
        soft = functional.cross_entropy(found / self.temperature, target) * self.temperature**2
        return self.soft_share * soft + (1 - self.soft_share) * functional.cross_entropy(
            found, labels
        )

    def test_loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        return functional.cross_entropy(scores(outputs, self.last_kind), labels)


class Imitation(NamedTuple):
    """The distance to the teacher's outputs: cross-entropy of probabilities of attributes where the
    network ends in a sigmoid, else the mean squared difference, as for embeddings."""

    last_kind: str
    classifies: bool = False

    def loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        assert taught is not None
        if self.last_kind == "sigmoid":
            return functional.binary_cross_entropy(outputs.float(), taught.float())
        return functional.mse_loss(outputs.float(), taught.float())

    def test_loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        return self.loss(outputs, labels, taught)
