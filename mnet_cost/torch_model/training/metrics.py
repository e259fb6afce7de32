"""What was measured: sums over an epoch, one record for each epoch, the confusion of classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Tally(NamedTuple):
    """Sums over the steps of an epoch so far; part of a checkpoint."""

    loss: float = 0.0
    """Times the number of examples."""
    correct: int = 0
    examples: int = 0
    seconds: float = 0.0

    def plus(self, loss: float, correct: int, examples: int, seconds: float) -> Tally:
        """With one more step."""
        return Tally(
            self.loss + loss * examples,
            self.correct + correct,
            self.examples + examples,
            self.seconds + seconds,
        )

    @property
    def mean_loss(self) -> float:
        """Of one example."""
        return self.loss / self.examples if self.examples else 0.0


class EpochRecord(NamedTuple):
    """One line of `metrics.jsonl`. Accuracies are shares; None where outputs are no classes."""

    epoch: int
    """From 1."""
    steps: int
    """Since the beginning of training."""
    loss: float
    accuracy: float | None
    test_loss: float
    test_accuracy: float | None
    lr: float
    """Of the last step."""
    seconds: float
    """Of training, without the test."""
    images_per_s: float

    @property
    def score(self) -> float:
        """What the best epoch has most of."""
        return -self.test_loss if self.test_accuracy is None else self.test_accuracy


class Tested(NamedTuple):
    """The test split, seen once."""

    loss: float
    confusion: tuple[tuple[int, ...], ...]
    """For each class, as what its pictures were taken; empty where outputs are no classes."""

    @property
    def accuracy(self) -> float | None:
        """Share of pictures taken for what they are."""
        total = sum(map(sum, self.confusion))
        return sum(row[i] for i, row in enumerate(self.confusion)) / total if total else None


class ClassResult(NamedTuple):
    """How one class fares."""

    name: str
    pictures: int
    recall: float | None
    """Share of its pictures taken for it: the accuracy of the class. None without pictures."""
    precision: float | None
    """Share of what was taken for it that is it; None where nothing was."""
    mistaken_for: str
    """The class that most of the rest were taken for."""


def class_results(names: Sequence[str], tested: Tested) -> tuple[ClassResult, ...]:
    """One result for each class, from the confusion."""
    found = []
    taken = [sum(row[i] for row in tested.confusion) for i in range(len(names))]
    for i, row in enumerate(tested.confusion):
        others = [(count, -j) for j, count in enumerate(row) if j != i and count]
        found.append(
            ClassResult(
                names[i],
                sum(row),
                row[i] / sum(row) if sum(row) else None,
                row[i] / taken[i] if taken[i] else None,
                names[-max(others)[1]] if others else "",
            )
        )
    return tuple(found)


def as_document(record: EpochRecord) -> dict[str, Any]:
    """A record as JSON has it."""
    return record._asdict()
