"""The page's engine in Node, and how its numbers are compared with those of an analysis."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mnet_cost.explorer.recorded import TOTALS, DeviceOutline, Outline, Sentence

ENGINE = Path(__file__).resolve().parent.parent.parent / "explorer" / "engine.mjs"
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="needs Node")

_DEVICE_NUMBERS = (
    "latency_s", "low_s", "high_s", "bound_s", "inference_s", "untimed", "energy_j",
    "energy_low_j", "energy_high_j",
)  # fmt: skip
_KERNEL_NUMBERS = (
    "latency_s", "compute_s", "memory_s", "overhead_s", "bound_compute_s", "bound_memory_s",
    "mult_adds", "traffic_bytes",
)  # fmt: skip
_LAYER_NUMBERS = ("mult_adds", "params", "weight_bytes", "input_bytes", "output_bytes")


def replay(
    page: Mapping[str, Any], settings: Sequence[tuple[Mapping[str, Any], str]], model: int = 0
) -> list[dict[str, Any] | None]:
    """The numbers of a page at each (setting, precision); None where no structure holds."""
    asked = {
        "page": page,
        "model": model,
        "settings": [
            {"setting": setting, "precision": precision} for setting, precision in settings
        ],
    }
    assert NODE is not None
    done = subprocess.run(
        [NODE, str(Path(__file__).parent / "replay.mjs"), str(ENGINE)],
        input=json.dumps(asked, allow_nan=False),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


class Comparison:
    """How many numbers were compared, and how far apart the floats among them were."""

    def __init__(self) -> None:
        self.integers = self.floats = self.unknown = 0
        self.worst = 0.0

    def number(self, shown: Any, expected: Any, where: str) -> None:
        """Whole numbers and what is unknown are the same; floats are off by 1e-12 at most."""
        if expected is None:
            assert shown is None, f"{where}: {shown} is unknown"
            self.unknown += 1
        elif isinstance(expected, int):
            assert shown == expected, where
            self.integers += 1
        else:
            assert shown is not None, where
            error = abs(shown - expected) / max(abs(expected), 1e-300)
            assert math.isfinite(error), where
            assert error <= 1e-12, f"{where}: {shown} for {expected}"
            self.worst = max(self.worst, error)
            self.floats += 1

    def outline(self, shown: Mapping[str, Any], expected: Outline, names: Sequence[str]) -> None:
        """All numbers of a network."""
        assert shown["structure"]["names"] == list(names)
        for name in TOTALS:
            self.number(shown["totals"][name], expected.totals[name], name)
        layers = shown["layers"]
        for i, row in enumerate(expected.layers):
            for name in _LAYER_NUMBERS:
                self.number(layers[name][i], getattr(row, name), f"{names[i]} {name}")
            for size, shown_size in zip(row.shape, layers["shape"][i], strict=True):
                self.number(shown_size, size, names[i])
        memory = shown["memory"]
        for i, live in enumerate(expected.live):
            self.number(memory["live"][i], live, f"live at {names[i]}")
        for tensor, known in zip(expected.tensors, memory["tensors"], strict=True):
            assert (known["name"], known["first"], known["last"]) == (
                tensor.name, tensor.first, tensor.last
            )  # fmt: skip
            self.number(known["bytes"], tensor.bytes, tensor.name)
        for device, known in zip(expected.devices, shown["devices"], strict=True):
            self.device(known, device)

    def device(self, shown: Mapping[str, Any], expected: DeviceOutline) -> None:
        """All numbers on one device."""
        assert shown["basis"] == (None if expected.latency_s is None else expected.basis)
        for name in _DEVICE_NUMBERS:
            self.number(shown[name], getattr(expected, name), name)
        assert shown["notes"] == sentences(expected.notes)
        assert shown["outside"] == sentences(expected.outside)
        for known, row in zip(shown["capacity"], expected.capacity, strict=True):
            assert (known["what"], known["where"]) == (row.what, row.where)
            self.number(known["needed_bytes"], row.needed_bytes, row.what)
            self.number(known["available_bytes"], row.available_bytes, row.where)
        kernels = shown["kernels"]
        assert kernels["name"] == [kernel.name for kernel in expected.kernels]
        assert kernels["layers"] == [list(kernel.layers) for kernel in expected.kernels]
        for i, kernel in enumerate(expected.kernels):
            for name in _KERNEL_NUMBERS:
                self.number(kernels[name][i], getattr(kernel, name), f"{kernel.name} {name}")
            for level, passing in enumerate(kernel.level_bytes):
                self.number(kernels["level_bytes"][level][i], passing, f"{kernel.name} {level}")


def sentences(said: Sequence[Sentence]) -> list[str]:
    """What is said at this setting, in words."""
    texts = []
    for text, holds, number, one in said:
        if holds:
            plain = f"{100 * number:.0f}" if isinstance(number, float) else str(number)
            texts.append(one if one and number == 1 else text.replace("{}", plain))
    return texts
