"""How pictures are changed before the network sees them.

For training, a random part of the picture is scaled to the size of the network's input, may be
mirrored, and gets other brightness, contrast and saturation; for testing, its middle is scaled. The
random numbers depend on (seed, epoch, number of the picture) alone, not on the loader process or on
earlier pictures, so a run that is continued in mid-epoch sees the same pictures.
"""

from __future__ import annotations

import math
import random
from typing import NamedTuple

import torch

from mnet_cost.torch_model.training.data import Picture

_TRIES = 10
_ASPECT = (3 / 4, 4 / 3)


class Augmentation(NamedTuple):
    """How much a picture may be changed."""

    smallest_crop: float
    """The least share of the area that a random part has, 0 to 1; 1 is the whole picture."""
    mirror: bool
    """Whether half of the pictures are mirrored, left to right."""
    jitter: float
    """Factors of brightness, contrast and saturation are from 1 - jitter to 1 + jitter."""
    central_crop: float = 0.875
    """The side of the middle part for testing, as a share of the picture's side."""


Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


def random_box(size: tuple[int, int], smallest: float, draw: random.Random) -> Box:
    """A random part of a picture of `size` (width, height) in pixels.

    Its share of the area is from `smallest` to 1, its aspect from 3:4 to 4:3 (arXiv:1409.4842,
    section 6). If no part fits in ten tries, it is the largest middle part of such an aspect.
    """
    width, height = size
    for _ in range(_TRIES):
        area = width * height * draw.uniform(smallest, 1.0)
        aspect = math.exp(draw.uniform(*map(math.log, _ASPECT)))
        wide, high = math.sqrt(area * aspect), math.sqrt(area / aspect)
        if wide <= width and high <= height:
            left, top = draw.uniform(0, width - wide), draw.uniform(0, height - high)
            return left, top, left + wide, top + high
    return middle_box(size, 1.0, min(max(width / height, _ASPECT[0]), _ASPECT[1]))


def middle_box(size: tuple[int, int], share: float, aspect: float) -> Box:
    """The middle part with that aspect (width / height), its sides `share` of the largest such."""
    width, height = size
    wide = min(width, height * aspect) * share
    high = wide / aspect
    return (width - wide) / 2, (height - high) / 2, (width + wide) / 2, (height + high) / 2


def augmented(
    picture: Picture, size: tuple[int, int], how: Augmentation, draw: random.Random
) -> Picture:
    """A random part of `picture`, changed as `how` allows, at `size` (height, width) in pixels."""
    from PIL import Image, ImageEnhance, ImageOps

    box = random_box(picture.size, how.smallest_crop, draw)
    image = picture.resize(size[::-1], Image.Resampling.BILINEAR, box=box)
    if how.mirror and draw.random() < 0.5:
        image = ImageOps.mirror(image)
    if how.jitter:
        kinds = [ImageEnhance.Brightness, ImageEnhance.Contrast]
        if image.mode == "RGB":
            kinds.append(ImageEnhance.Color)
        draw.shuffle(kinds)
        for kind in kinds:
            image = kind(image).enhance(draw.uniform(1 - how.jitter, 1 + how.jitter))
    return image


def plain(picture: Picture, size: tuple[int, int], how: Augmentation) -> Picture:
    """The middle part of `picture` at `size` (height, width) in pixels."""
    from PIL import Image

    box = middle_box(picture.size, how.central_crop, size[1] / size[0])
    return picture.resize(size[::-1], Image.Resampling.BILINEAR, box=box)


def to_tensor(picture: Picture) -> torch.Tensor:
    """The picture as fp32 [C, H, W] from -1 to 1.

    Source of the range: research/slim/preprocessing of tensorflow/models.
    """
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    shaped = pixels.view(picture.height, picture.width, -1).permute(2, 0, 1)
    return shaped.to(torch.float32) / 127.5 - 1.0
