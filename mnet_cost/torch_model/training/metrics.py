"""Measured results: sums over an epoch, a record of each epoch, the confusion of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Tally(NamedTuple):
    """Sums over the steps of an epoch so far; part of a checkpoint."""

    loss: float = 0.0
    """The sum of the losses of all examples."""
    correct: int = 0
    """The number of examples whose class was right."""
    examples: int = 0
    seconds: float = 0.0

    def plus(self, loss: float, correct: int, examples: int, seconds: float) -> Tally:
        """The tally with another step, of which `loss` is the mean over its examples."""
        return Tally(
            self.loss + loss * examples,
            self.correct + correct,
            self.examples + examples,
            self.seconds + seconds,
        )

    @property
    def mean_loss(self) -> float:
        """The mean loss of an example; 0 without examples."""
        return self.loss / self.examples if self.examples else 0.0


class EpochRecord(NamedTuple):
    """A line of `metrics.jsonl`: the results of an epoch.

    Accuracies are shares from 0 to 1; None where the outputs are not scores of classes.
    """

    epoch: int
    """The number of the epoch, from 1."""
    steps: int
    """The number of steps since the beginning of the training."""
    loss: float
    """The mean loss of the examples of the epoch."""
    accuracy: float | None
    test_loss: float
    test_accuracy: float | None
    lr: float
    """The learning rate of the last step."""
    seconds: float
    """The time of the steps, without the test."""
    images_per_s: float

    @property
    def score(self) -> float:
        """The figure that is highest for the best epoch: test accuracy, or minus the test loss."""
        return -self.test_loss if self.test_accuracy is None else self.test_accuracy


class Tested(NamedTuple):
    """The result of a test on the whole test split."""

    loss: float
    """The mean loss of an example."""
    confusion: tuple[tuple[int, ...], ...]
    """Row i, column j: how many pictures of class i were classified as j.

    Empty where the outputs are not scores of classes.
    """

    @property
    def accuracy(self) -> float | None:
        """The share of pictures that were classified correctly; None without a confusion."""
        total = sum(map(sum, self.confusion))
        return sum(row[i] for i, row in enumerate(self.confusion)) / total if total else None


class ClassResult(NamedTuple):
    """The test result of a class."""

    name: str
    pictures: int
    """The number of its test pictures."""
    recall: float | None
    """The share of its pictures that were classified as it; None without pictures."""
    precision: float | None
    """The share of the pictures classified as it that belong to it; None if there are none."""
    mistaken_for: str
    """The class that most of its other pictures were classified as; empty if there are none."""


def class_results(names: Sequence[str], tested: Tested) -> tuple[ClassResult, ...]:
    """The result of each class, from the confusion of a test."""
    results = []
    taken = [sum(row[i] for row in tested.confusion) for i in range(len(names))]
    for i, row in enumerate(tested.confusion):
        others = [(count, -j) for j, count in enumerate(row) if j != i and count]
        results.append(
            ClassResult(
                names[i],
                sum(row),
                row[i] / sum(row) if sum(row) else None,
                row[i] / taken[i] if taken[i] else None,
                names[-max(others)[1]] if others else "",
            )
        )
    return tuple(results)


def as_document(record: EpochRecord) -> dict[str, Any]:
    """A record as a JSON object."""
    return record._asdict()
