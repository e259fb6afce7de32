"""Batches of pictures, by torch's DataLoader.

A single loader feeds the whole training: its sampler continues from epoch to epoch, so that loader
processes neither start again nor wait between epochs. It can start at any step of any epoch. The
order of the pictures in an epoch depends on (seed, epoch) alone.
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
    """A picture in an epoch; both decide how it is augmented."""

    epoch: int
    """From 0."""
    number: int
    """Of the picture in its split."""


class Unread(NamedTuple):
    """An example whose picture could not be read: the error of a loader process, as text."""

    why: str


Example = tuple[torch.Tensor, int] | Unread


class TrainingPictures:
    """Augmented examples, ([C, H, W], class) by `Key`; `size` is (height, width) in pixels."""

    def __init__(self, split: Split, size: tuple[int, int], how: Augmentation, seed: int) -> None:
        self.split, self.size, self.how, self.seed = split, size, how, seed

    def __getitem__(self, key: Key) -> Example:
        draw = random.Random(f"{self.seed}/{key.epoch}/{key.number}")
        try:
            picture = self.split.pictures.read(key.number)
        except OSError as reason:
            return Unread(str(reason))
        image = augmented(picture, self.size, self.how, draw)
        return to_tensor(image), self.split.labels[key.number]


class TestPictures:
    """Examples of the middle part of each picture, ([C, H, W], class) by number."""

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
    """The keys of each batch of a training, from step `step` of epoch `epoch` on, both from 0.

    Pictures at the end of an epoch that do not fill a batch are left out of that epoch.
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
    """A loader of the batches in their order: images [N, C, H, W] and labels [N]."""
    return DataLoader(
        pictures,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collate,
        worker_init_fn=_leave_interrupts,
        pin_memory=pin,
        generator=torch.Generator(),  # else it would draw from the generator of dropout
    )


def test_loader(pictures: TestPictures, batch: int, workers: int, pin: bool) -> DataLoader[Any]:
    """A loader of all pictures of the test split in order; its processes stay between epochs."""
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
    """Images [N, C, H, W] and labels [N]; the first `Unread` if there is one."""
    images, labels = [], []
    for example in examples:
        if isinstance(example, Unread):
            return example
        images.append(example[0])
        labels.append(example[1])
    return torch.stack(images), torch.tensor(labels)


def received(batch: tuple[torch.Tensor, torch.Tensor] | Unread) -> tuple[Any, Any]:
    """A batch from a loader; `DataError` if a picture of it cannot be read any more."""
    if isinstance(batch, Unread):
        raise DataError(f"an image cannot be read any more: {batch.why}")
    return batch


def _leave_interrupts(worker: int) -> None:
    """Ignore Ctrl-C in a loader process: the training process ends its step and its loaders."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
