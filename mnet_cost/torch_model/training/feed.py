"""Batches of pictures, by torch's DataLoader.

One loader feeds the whole training: its sampler goes over the ends of epochs, so that loader
processes neither start anew nor wait there, and starts at any step of any epoch. The order of an
epoch depends on (seed, epoch) alone.
"""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch.utils.data import DataLoader

from mnet_cost.torch_model.training.augment import Augmentation, augmented, plain, to_tensor
from mnet_cost.torch_model.training.data import DataError, Split


class Key(NamedTuple):
    """A picture in an epoch."""

    epoch: int
    number: int


class Unread(NamedTuple):
    """Stands for a picture that could not be read: an error told in a loader process."""

    why: str


Example = tuple[torch.Tensor, int] | Unread


class TrainingPictures:
    """Augmented pictures by `Key`."""

    def __init__(self, split: Split, size: tuple[int, int], how: Augmentation, seed: int) -> None:
        self.split, self.size, self.how, self.seed = split, size, how, seed

    def __getitem__(self, key: Key) -> Example:
        draw = random.Random(f"{self.seed}/{key.epoch}/{key.number}")
        try:
            picture = self.split.pictures.read(key.number)
        except OSError as reason:
            return Unread(str(reason))
        found = augmented(picture, self.size, self.how, draw)
        return to_tensor(found), self.split.labels[key.number]


class TestPictures:
    """Middles of pictures by number."""

    def __init__(self, split: Split, size: tuple[int, int], how: Augmentation) -> None:
        self.split, self.size, self.how = split, size, how

    def __len__(self) -> int:
        return len(self.split.labels)

    def __getitem__(self, index: int) -> Example:
        try:
            picture = self.split.pictures.read(index)
        except OSError as reason:
            return Unread(str(reason))
        return to_tensor(plain(picture, self.size, self.how)), self.split.labels[index]


class Batches:
    """Keys of the batches of a training from step `step` of epoch `epoch` on.

    What does not fill a batch at the end of an epoch is left out of that epoch.
    """

    def __init__(
        self, pictures: int, batch: int, seed: int, epochs: int, epoch: int, step: int
    ) -> None:
        self.pictures, self.batch, self.seed = pictures, batch, seed
        self.epochs, self.epoch, self.step = epochs, epoch, step

    def __iter__(self) -> Iterator[list[Key]]:
        for epoch in range(self.epoch, self.epochs):
            order = list(range(self.pictures))
            random.Random(f"{self.seed}/{epoch}").shuffle(order)
            first = self.step if epoch == self.epoch else 0
            for step in range(first, self.pictures // self.batch):
                chosen = order[step * self.batch : (step + 1) * self.batch]
                yield [Key(epoch, number) for number in chosen]


def training_loader(
    pictures: TrainingPictures, batches: Batches, workers: int, pin: bool
) -> DataLoader[Any]:
    """Batches of training, in order."""
    return DataLoader(
        pictures,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=_leave_interrupts,
        pin_memory=pin,
        generator=torch.Generator(),  # else it would draw from the one that dropout draws from
    )


def test_loader(pictures: TestPictures, batch: int, workers: int, pin: bool) -> DataLoader[Any]:
    """All pictures of the test split, in order; its processes stay for the next time."""
    return DataLoader(
        pictures,
        batch_size=batch,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=_leave_interrupts,
        persistent_workers=workers > 0,
        pin_memory=pin,
        generator=torch.Generator(),
    )


def collate(examples: list[Example]) -> tuple[torch.Tensor, torch.Tensor] | Unread:
    """[N, C, H, W] and [N]."""
    images, labels = [], []
    for example in examples:
        if isinstance(example, Unread):
            return example
        images.append(example[0])
        labels.append(example[1])
    return torch.stack(images), torch.tensor(labels)


def received(batch: tuple[torch.Tensor, torch.Tensor] | Unread) -> tuple[Any, Any]:
    """A batch; `DataError` where a picture could be read at the start and cannot any more."""
    if isinstance(batch, Unread):
        raise DataError(f"an image cannot be read any more: {batch.why}")
    return batch


def _leave_interrupts(worker: int) -> None:
    """Ctrl-C goes to all processes; the training one ends the step and tells its loaders."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
