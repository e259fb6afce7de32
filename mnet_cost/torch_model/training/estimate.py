"""What a training will cost, said before it starts: mult-adds, memory, and if that is there."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch

from mnet_cost.analysis.training import TrainingCost, training_cost
from mnet_cost.models.types import BATCH, ModelSpec
from mnet_cost.network import elaborate
from mnet_cost.torch_model.training.recipes import Settled

_MEMORY_FILE = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


class Estimate(NamedTuple):
    """A training in numbers."""

    cost: TrainingCost
    """Of one step."""
    mult_adds: int
    """Of one picture, forward."""
    params: int
    steps: int
    teacher_mult_adds: int
    """Of one picture; 0 without a teacher."""
    available_bytes: int | None
    """Free memory of the device; None where the system does not say."""
    fixed_bytes: int
    """What does not grow with the batch: weights, gradients, state of the optimizer."""
    bytes_per_picture: int

    @property
    def step_mult_adds(self) -> int:
        """Of one step, with the teacher's."""
        return self.cost.mult_adds + self.cost.batch * self.teacher_mult_adds

    @property
    def training_mult_adds(self) -> int:
        """Of all steps, without tests."""
        return self.steps * self.step_mult_adds

    @property
    def fits(self) -> bool | None:
        """Whether the estimate is below what is free."""
        if self.available_bytes is None:
            return None
        return self.cost.memory_bytes <= self.available_bytes

    def largest_batch(self, below: int) -> int | None:
        """The largest power of two under `below` whose estimate is free now; None if there is none.

        Never more than half of `below`, which did not fit, whatever the estimate says.
        """
        room = sys.maxsize if self.available_bytes is None else self.available_bytes
        batch = 1 << max(0, (below // 2).bit_length() - 1) if below >= 2 else 0
        while batch and self.fixed_bytes + batch * self.bytes_per_picture > room:
            batch //= 2
        return batch or None


def estimate_training(
    spec: ModelSpec,
    knobs: Mapping[str, Any],
    settled: Settled,
    device: torch.device,
    precision: str = "fp32",
    teacher_mult_adds: int = 0,
) -> Estimate:
    """The estimate for a network trained so."""

    def cost_at(batch: int) -> TrainingCost:
        return training_cost(
            elaborate(spec, {**knobs, BATCH: batch}),
            precision,
            optimizer=settled.recipe.optimizer_name,
            weight_average=True,
        )

    one, two = cost_at(1), cost_at(2)
    return Estimate(
        cost=cost_at(settled.batch),
        mult_adds=one.forward_mult_adds,
        params=one.weight_bytes // 4,
        steps=settled.steps,
        teacher_mult_adds=teacher_mult_adds,
        available_bytes=free_bytes(device),
        fixed_bytes=2 * one.memory_bytes - two.memory_bytes,
        bytes_per_picture=two.memory_bytes - one.memory_bytes,
    )


def free_bytes(device: torch.device) -> int | None:
    """Memory that a device has left; None where nobody says."""
    if device.type == "cuda":
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    if device.type != "cpu":
        return None
    known = [left for left in (_free_of_system(), _free_of_group()) if left is not None]
    return min(known, default=None)


def _free_of_system() -> int | None:
    """`MemAvailable` of Linux: what can be had without swapping."""
    try:
        lines = _MEMORY_FILE.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None


def _free_of_group() -> int | None:
    """What a container may still take, where it has a limit."""
    try:
        limit = (_GROUP / "memory.max").read_text(encoding="ascii").strip()
        used = (_GROUP / "memory.current").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(limit) - int(used) if limit.isdigit() and used.isdigit() else None
