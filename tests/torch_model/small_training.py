"""A network that trains in a second, and folders of images to train it on."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from mnet_cost.models.library import load_model
from mnet_cost.models.load import parse_spec
from mnet_cost.models.types import Model
from mnet_cost.torch_model.training.plan import Wishes
from mnet_cost.torch_model.training.runs import Cadence
from mnet_cost.torch_model.training.train import Trained, train_model

TINY = """
format: 1
name: tiny
knobs: {classes: 5, resolution: 16, channels: 1, width: 4}
input: {image: [channels, resolution, resolution]}
layers:
  - conv2d: {channels: width, kernel: 3, stride: 2}
  - batch_norm
  - relu
  - depthwise_conv2d: {kernel: 3, stride: 2}
  - batch_norm
  - relu
  - global_avg_pool
  - dropout
  - {id: head, linear: {features: classes}}
variants:
  sigmoid: {layers: {head: {layers: [linear: {features: classes}, sigmoid]}}}
  softmax: {layers: {head: {layers: [linear: {features: classes}, softmax]}}}
  embedding: {knobs: {classes: null}, layers: {head: {linear: {features: 3}}}}
"""

QUICK = Wishes(epochs=2, batch=400)  # 3 steps an epoch on digits


def tiny(variant: str | None = None, **knobs: Any) -> Model:
    """The network, at 8 pixels unless `knobs` say otherwise."""
    return Model(parse_spec(TINY, variant, "tiny.yaml"), {"resolution": 8, **knobs})


def tiny_file(folder: Path) -> str:
    """The network as a file; its path."""
    path = folder / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    assert load_model(str(path)).spec.name == "tiny"
    return str(path)


def trained(folder: Path, model: Model | None = None, **options: Any) -> Trained:
    """What a training into `folder` comes to; `options` are wishes and those of `train_model`."""
    wishes = {name: options.pop(name) for name in list(options) if name in Wishes._fields}
    options.setdefault("cadence", Cadence(steps=10**6, seconds=None))
    return train_model(model or tiny(), QUICK._replace(**wishes), folder, **options)


def image_folder(root: Path, classes: dict[str, int], size: int = 12, mode: str = "RGB") -> Path:
    """A folder with so many images of each class, of noise around a brightness of its own."""
    from PIL import Image

    for number, (name, count) in enumerate(classes.items()):
        (root / name).mkdir(parents=True)
        for i in range(count):
            draw = random.Random(f"{name}/{i}")
            level = 60 + 120 * number
            values = bytes(level + draw.randint(-40, 40) for _ in range(size * size * len(mode)))
            if mode == "L":
                values = values[: size * size]
            Image.frombytes(mode, (size, size), values).save(root / name / f"{i}.png")
    return root
