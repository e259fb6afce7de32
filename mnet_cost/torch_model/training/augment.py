"""What is done to a picture before the network sees it.

In training a random part of it, scaled to the network's input, mirrored or not, with other
brightness, contrast and saturation; in testing always its middle. What is drawn depends on
(seed, epoch, number of the picture) alone: not on the loader process, nor on what came before, so
that a run continued in mid-epoch sees what it would have seen.
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
    """Share of the area that a random part has at least; 1 is all of it."""
    mirror: bool
    jitter: float
    """How far brightness, contrast and saturation go from 1, up and down."""
    central_crop: float = 0.875
    """Side of the middle that is tested on, as a share."""


Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


def random_box(size: tuple[int, int], smallest: float, draw: random.Random) -> Box:
    """A part of a picture with a share of its area from `smallest` to 1, aspect 3:4 to 4:3.

    Source of such parts: arXiv:1409.4842, section 6. Where none fits, the largest middle part does.
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
    """The middle of a picture with that aspect, `share` of the largest there is."""
    width, height = size
    wide = min(width, height * aspect) * share
    high = wide / aspect
    return (width - wide) / 2, (height - high) / 2, (width + wide) / 2, (height + high) / 2


def augmented(
    picture: Picture, size: tuple[int, int], how: Augmentation, draw: random.Random
) -> Picture:
    """A random reading of `picture` at `size` (height, width)."""
    from PIL import Image, ImageEnhance, ImageOps

    box = random_box(picture.size, how.smallest_crop, draw)
    found = picture.resize(size[::-1], Image.Resampling.BILINEAR, box=box)
    if how.mirror and draw.random() < 0.5:
        found = ImageOps.mirror(found)
    if how.jitter:
        kinds = [ImageEnhance.Brightness, ImageEnhance.Contrast]
        if found.mode == "RGB":
            kinds.append(ImageEnhance.Color)
        draw.shuffle(kinds)
        for kind in kinds:
            found = kind(found).enhance(draw.uniform(1 - how.jitter, 1 + how.jitter))
    return found


def plain(picture: Picture, size: tuple[int, int], how: Augmentation) -> Picture:
    """The middle of `picture` at `size` (height, width)."""
    from PIL import Image

    box = middle_box(picture.size, how.central_crop, size[1] / size[0])
    return picture.resize(size[::-1], Image.Resampling.BILINEAR, box=box)


def to_tensor(picture: Picture) -> torch.Tensor:
    """[C, H, W] from -1 to 1, as research/slim/preprocessing of tensorflow/models has it."""
    pixels = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    shaped = pixels.view(picture.height, picture.width, -1).permute(2, 0, 1)
    return shaped.to(torch.float32) / 127.5 - 1.0
