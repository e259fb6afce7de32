"""Losses: cross-entropy with labels or with a teacher's outputs, or the distance to these outputs.

The outputs of a network are scores (logits) of classes or, where it ends in a softmax or sigmoid,
probabilities; `scores` turns both into scores. A student that imitates all outputs of its teacher
needs no labels: so the face attributes and FaceNet students of arXiv:1704.04861 are trained
(sections 4.6 and 4.7).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional

_SMALLEST = 1e-7

_NO_SCORES = {"softmax": torch.log, "sigmoid": torch.logit}
"""The inverse of each kind of layer that makes probabilities."""


class Objective(Protocol):
    """The loss that training minimizes, and the loss that a test reports.

    `outputs` and `taught`, the teacher's outputs, are [N, features], `labels` [N]; a loss is a
    scalar.
    """

    @property
    def classifies(self) -> bool:
        """Whether the outputs are scores of the classes, so that there is an accuracy."""

    def loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor: ...

    def test_loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor: ...


def scores(outputs: Tensor, last_kind: str) -> Tensor:
    """The scores, fp32 [N, features], of a network's outputs; `last_kind` is its last layer's."""
    outputs = outputs.float()
    back = _NO_SCORES.get(last_kind)
    return outputs if back is None else back(outputs.clamp(_SMALLEST, 1 - _SMALLEST))


class Labels(NamedTuple):
    """Cross-entropy with the labels, of which `smoothing` is spread over all classes."""

    last_kind: str
    smoothing: float
    classifies: bool = True

    def loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        logits = scores(outputs, self.last_kind)
        return functional.cross_entropy(logits, labels, label_smoothing=self.smoothing)

    def test_loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        return functional.cross_entropy(scores(outputs, self.last_kind), labels)


class Distillation(NamedTuple):
    """Cross-entropy with the labels and, with the weight `soft_share`, with the teacher's scores.

    The scores of both are divided by `temperature` first. Source: arXiv:1503.02531, section 2; that
    part is multiplied by temperature squared, so that its gradients stay as large.
    """

    last_kind: str
    teacher_kind: str
    temperature: float
    soft_share: float = 0.9
    classifies: bool = True

    def loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        assert taught is not None
        logits = scores(outputs, self.last_kind)
        target = (scores(taught, self.teacher_kind) / self.temperature).softmax(1)
        soft = functional.cross_entropy(logits / self.temperature, target) * self.temperature**2
        return self.soft_share * soft + (1 - self.soft_share) * functional.cross_entropy(
            logits, labels
        )

    def test_loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        return functional.cross_entropy(scores(outputs, self.last_kind), labels)


class Imitation(NamedTuple):
    """The distance to the teacher's outputs.

    Where the network ends in a sigmoid, as for attributes, it is the cross-entropy of the
    probabilities; else, as for embeddings, the mean squared difference.
    """

    last_kind: str
    classifies: bool = False

    def loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        assert taught is not None
        if self.last_kind == "sigmoid":
            return functional.binary_cross_entropy(outputs.float(), taught.float())
        return functional.mse_loss(outputs.float(), taught.float())

    def test_loss(self, outputs: Tensor, labels: Tensor, taught: Tensor | None) -> Tensor:
        return self.loss(outputs, labels, taught)
