"""Pictures with classes to train on: scikit-learn's digits, or a folder of images.

A data set has a training and a test split, whose pictures are read when they are needed. A split
that is made here is the same for every seed of training: a teacher never saw the pictures that its
student is tested on. Not here: how pictures are changed (`augment`).
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from mnet_cost.errors import MnetCostError
from mnet_cost.torch_model.installed import require

DIGITS = "digits"
"""The name of the data set that needs no files."""

TEST_SHARE = 0.2
"""The share of each class that becomes the test split, where the data are not split already."""

Picture = Any
"""A `PIL.Image.Image`."""


class DataError(MnetCostError):
    """Data that cannot be trained on."""


class Pictures(Protocol):
    """Pictures by number. It is sent to loader processes, so it should hold little."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> Picture:
        """The picture, grey or RGB; `OSError` if it cannot be read any more."""


class Split(NamedTuple):
    """Pictures and their classes."""

    pictures: Pictures
    labels: tuple[int, ...]
    """The class of each picture: its number in `Dataset.classes`."""


class Dataset(NamedTuple):
    """The pictures that a network is trained and tested on."""

    name: str
    """`digits`, or the folder."""
    classes: tuple[str, ...]
    """The names of the classes."""
    train: Split
    test: Split
    mirrors: bool
    """Whether a mirrored picture is of the same class."""
    smallest_crop: float
    """The share of a picture's area, 0 to 1, that a part needs to show the class for certain."""
    natural_size: int | None
    """The resolution in pixels that suits small pictures; None: any resolution does."""
    fingerprint: str
    """A text that changes when pictures or classes do."""
    unreadable: tuple[str, ...] = ()
    """Files that are left out because they cannot be read, each with the reason."""
    ignored_folders: tuple[str, ...] = ()
    """Sub-folders that are no class: empty, or with a name that begins with `_` or `.`."""
    ignored_files: tuple[str, ...] = ()
    """Files whose ending is not that of an image."""


def load_dataset(
    name: str, channels: int, strict: bool = False, seen: Callable[[int, int], None] | None = None
) -> Dataset:
    """The data set `digits`, or that of the folder `name`, as pictures of 1 or 3 channels.

    Raises `DataError` for a folder that cannot be trained on, and with `strict` for any unreadable
    image. `seen(done, total)` is called after each file that is checked.
    """
    if name == DIGITS:
        return load_digits(channels)
    from mnet_cost.torch_model.training.folder import load_folder

    return load_folder(name, channels, strict, seen)


class Digits:
    """`Pictures` of digits, with their pixels in memory."""

    def __init__(self, pixels: Sequence[bytes], mode: str) -> None:
        self.pixels = tuple(pixels)
        self.mode = mode

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self, index: int) -> Picture:
        """The digit, 8 x 8 pixels."""
        from PIL import Image

        return Image.frombytes("L", (8, 8), self.pixels[index]).convert(self.mode)


def load_digits(channels: int) -> Dataset:
    """scikit-learn's `load_digits`: 1,797 handwritten digits of 8 x 8 pixels, 0 to 16 each.

    Source: the test set of the UCI "Optical Recognition of Handwritten Digits" data, that
    scikit-learn carries along.
    """
    require("sklearn", extra="train")
    require("PIL", extra="train")
    from sklearn import datasets

    bunch = datasets.load_digits()
    labels = [int(label) for label in bunch.target]
    pixels = [bytes(min(255, int(value) * 16) for value in row) for row in bunch.data]
    train, test = split_by_class(labels)
    mode = picture_mode(channels)
    return Dataset(
        name=DIGITS,
        classes=tuple(str(number) for number in range(10)),
        train=Split(Digits([pixels[i] for i in train], mode), tuple(labels[i] for i in train)),
        test=Split(Digits([pixels[i] for i in test], mode), tuple(labels[i] for i in test)),
        mirrors=False,
        smallest_crop=0.7,
        natural_size=32,
        fingerprint=fingerprint([*pixels, bytes(labels)]),
    )


def split_by_class(labels: Sequence[int]) -> tuple[list[int], list[int]]:
    """(numbers of training pictures, numbers of test pictures): both have pictures of each class.

    `labels` has the class of each picture. The test split gets `TEST_SHARE` of each class.
    """
    train: list[int] = []
    test: list[int] = []
    for label, members in members_of(labels).items():
        shuffled = list(members)
        random.Random(f"split/{label}").shuffle(shuffled)
        kept = max(1, round(TEST_SHARE * len(shuffled)))
        test += shuffled[:kept]
        train += shuffled[kept:]
    return sorted(train), sorted(test)


def members_of(labels: Sequence[int]) -> Mapping[int, list[int]]:
    """The numbers of the pictures of each class."""
    members: dict[int, list[int]] = {}
    for number, label in enumerate(labels):
        members.setdefault(label, []).append(number)
    return members


def picture_mode(channels: int) -> str:
    """Pillow's mode for pictures of 1 or 3 channels; `DataError` for any other number."""
    modes = {1: "L", 3: "RGB"}
    if channels not in modes:
        raise DataError(
            f"the network takes images of {channels} channels; training reads grey images (1) and "
            "colour images (3)"
        )
    return modes[channels]


def fingerprint(parts: Sequence[bytes]) -> str:
    """A short text that changes when one of `parts` does."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()[:16]
