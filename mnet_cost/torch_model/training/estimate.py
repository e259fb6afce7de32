"""An estimate of a training before it starts: mult-adds, memory, and whether that is free."""

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
    """The estimated cost of a training."""

    cost: TrainingCost
    """The cost of a step, without the teacher."""
    mult_adds: int
    """Mult-adds of a forward pass for a picture."""
    params: int
    steps: int
    """The number of steps in all epochs."""
    teacher_mult_adds: int
    """Mult-adds of the teacher for a picture; 0 without a teacher."""
    available_bytes: int | None
    """Free memory of the device; None where the system does not say."""
    fixed_bytes: int
    """Memory that does not grow with the batch: weights, gradients, state of the optimizer."""
    bytes_per_picture: int
    """Memory that each picture of a batch adds."""

    @property
    def step_mult_adds(self) -> int:
        """Mult-adds of a step, the teacher's included."""
        return self.cost.mult_adds + self.cost.batch * self.teacher_mult_adds

    @property
    def training_mult_adds(self) -> int:
        """Mult-adds of all steps, without the tests."""
        return self.steps * self.step_mult_adds

    @property
    def fits(self) -> bool | None:
        """Whether a step fits into the free memory; None where that is not known."""
        if self.available_bytes is None:
            return None
        return self.cost.memory_bytes <= self.available_bytes

    def largest_batch(self, below: int) -> int | None:
        """The largest power of two whose memory is free now; None if there is none.

        It is at most half of `below`, a batch that did not fit.
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
    """The estimate for a network with `knobs`, trained as `settled` says on `device`.

    `precision` is that of the mult-adds: fp32, fp16 or bf16.
    """

    def cost_at(batch: int) -> TrainingCost:
        return training_cost(
            elaborate(spec, {**knobs, BATCH: batch}),
            precision,
            optimizer=settled.recipe.optimizer_name,
            weight_average=True,
        )

    single, double = cost_at(1), cost_at(2)
    return Estimate(
        cost=cost_at(settled.batch),
        mult_adds=single.forward_mult_adds,
        params=single.weight_bytes // 4,
        steps=settled.steps,
        teacher_mult_adds=teacher_mult_adds,
        available_bytes=free_bytes(device),
        fixed_bytes=2 * single.memory_bytes - double.memory_bytes,
        bytes_per_picture=double.memory_bytes - single.memory_bytes,
    )


def free_bytes(device: torch.device) -> int | None:
    """The free memory of a device in bytes; None where the system does not say."""
    if device.type == "cuda":
        free: int = torch.cuda.mem_get_info(device)[0]
        return free
    if device.type != "cpu":
        return None
    known = [left for left in (_free_of_system(), _free_of_group()) if left is not None]
    return min(known, default=None)


def _free_of_system() -> int | None:
    """`MemAvailable` of Linux in bytes: what a process can take without swapping."""
    try:
        lines = _MEMORY_FILE.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    sizes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(sizes[0]) * 1024 if sizes else None


def _free_of_group() -> int | None:
    """The bytes that a container may still take; None without a limit."""
    try:
        limit = (_GROUP / "memory.max").read_text(encoding="ascii").strip()
        used = (_GROUP / "memory.current").read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(limit) - int(used) if limit.isdigit() and used.isdigit() else None
