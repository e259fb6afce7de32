"""CPU time of `build_module` on the meta device, beside torch code of the same networks by hand.

    python benchmarks/build_module.py [ROUNDS]

Goal: at most twice the CPU time. Both build modules whose tensors have the same shapes. Machines
change speed, so both run once in each round; a row shows medians over all rounds. Needs torch.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from functools import partial
from statistics import median
from time import process_time

import torch
from torch import Tensor, nn

import mnet_cost
from mnet_cost.network import elaborate

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 30


def conv(channels: int, kernel: int, features: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """A convolution without bias, padded by half its kernel."""
    return nn.Conv2d(channels, features, kernel, stride, kernel // 2, groups=groups, bias=False)


def unit(
    activation: type[nn.Module],
    channels: int,
    features: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
) -> list[nn.Module]:
    """A convolution with norm and activation."""
    convolution = conv(channels, kernel, features, stride, groups)
    return [convolution, nn.BatchNorm2d(features), activation()]


def mobilenet_v1() -> nn.Module:
    """arXiv:1704.04861, Table 1."""
    rows = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2),
            (1024, 1)]  # fmt: skip
    layers, channels = unit(nn.ReLU, 3, 32, 3, 2), 32
    for features, stride in rows:
        layers += unit(nn.ReLU, channels, channels, 3, stride, channels)
        layers += unit(nn.ReLU, channels, features, 1)
        channels = features
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 1000))


class InvertedResidual(nn.Module):
    """arXiv:1801.04381, Table 1."""

    def __init__(self, channels: int, features: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = channels * expansion
        layers = unit(nn.ReLU6, channels, inner, 1) if expansion > 1 else []
        layers += unit(nn.ReLU6, inner, inner, 3, stride, inner)
        self.layers = nn.Sequential(*layers, conv(inner, 1, features), nn.BatchNorm2d(features))
        self.has_skip = stride == 1 and channels == features

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.has_skip else self.layers(x)


def mobilenet_v2() -> nn.Module:
    """arXiv:1801.04381, Table 2."""
    rows = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
            (6, 160, 3, 2), (6, 320, 1, 1)]  # fmt: skip
    layers, channels = unit(nn.ReLU6, 3, 32, 3, 2), 32
    for expansion, features, copies, stride in rows:
        for number in range(copies):
            layers.append(InvertedResidual(channels, features, 1 if number else stride, expansion))
            channels = features
    layers += unit(nn.ReLU6, 320, 1280, 1)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000))


class Bottleneck(nn.Module):
    """arXiv:1512.03385, Figure 5, with the stride in the middle."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *unit(nn.ReLU, channels, width, 1), *unit(nn.ReLU, width, width, 3, stride),
            conv(width, 1, 4 * width), nn.BatchNorm2d(4 * width),
        )  # fmt: skip
        self.shortcut = (
            nn.Sequential(conv(channels, 1, 4 * width, stride), nn.BatchNorm2d(4 * width))
            if channels != 4 * width
            else nn.Identity()
        )
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.layers(x) + self.shortcut(x))


def resnet50() -> nn.Module:
    """arXiv:1512.03385, Table 1."""
    layers, channels = [*unit(nn.ReLU, 3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)], 64
    for width, copies, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for number in range(copies):
            layers.append(Bottleneck(channels, width, 1 if number else stride))
            channels = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2048, 1000))


def cpu_milliseconds(build: Callable[[], object]) -> float:
    """CPU time of one call on the meta device."""
    gc.collect()
    before = process_time()
    with torch.device("meta"):
        build()
    return (process_time() - before) * 1e3


def state_shapes(module: nn.Module) -> list[tuple[int, ...]]:
    """Shapes of all params and buffers, sorted: names may differ."""
    return sorted(tuple(tensor.shape) for tensor in module.state_dict().values())


def main() -> None:
    print(f"CPU time on meta, medians of {ROUNDS} rounds; torch {torch.__version__}\n")
    print(f"{'':14} {'by hand ms':>10} {'build_module':>12} {'ratio':>6} {'with elaborate':>15} "
          f"{'ratio':>6}")  # fmt: skip
    for name, by_hand in (
        ("mobilenet_v1", mobilenet_v1), ("mobilenet_v2", mobilenet_v2), ("resnet50", resnet50),
    ):  # fmt: skip
        spec = mnet_cost.load_model(name).spec
        network = elaborate(spec)
        with torch.device("meta"):
            if state_shapes(by_hand()) != state_shapes(mnet_cost.build_module(network)):
                raise SystemExit(f"{name}: the torch code by hand is another network")
        builders = (by_hand, partial(mnet_cost.build_module, network),
                    partial(mnet_cost.build_module, spec))  # fmt: skip
        rounds = [[cpu_milliseconds(build) for build in builders] for _ in range(ROUNDS)]
        hand_ms, network_ms, spec_ms = (median(column) for column in zip(*rounds, strict=True))
        ratios = [median(times[i] / times[0] for times in rounds) for i in (1, 2)]
        print(f"{name:14} {hand_ms:10.1f} {network_ms:12.1f} {ratios[0]:6.2f} {spec_ms:15.1f} "
              f"{ratios[1]:6.2f}")  # fmt: skip


if __name__ == "__main__":
    main()
