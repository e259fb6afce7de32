"""What `analyze --training` says beside the rest: facts, and a part of the JSON document."""

from __future__ import annotations

from typing import Any

from mnet_cost.analysis import Analysis
from mnet_cost.analysis.training import TrainingCost
from mnet_cost.report.types import Absent, Fact
from mnet_cost.units import format_bytes, format_count

_LARGEST = 3


def training_facts(analysis: Analysis, cost: TrainingCost) -> tuple[Fact, ...]:
    """Mult-adds and memory of a step; unknown like the totals of `analysis`."""
    if not analysis.has_totals:
        why = "since a layer has no cost rule"
        return (
            Fact("training step", Absent("unknown"), "count", why, whole=True),
            Fact("training memory", Absent("unknown"), "bytes", why, whole=True),
        )
    least = "at least; " if cost.unmodelled else ""
    held = {
        "weights": cost.weight_bytes,
        f"{cost.precision} copy": cost.cast_weight_bytes,
        "gradients": cost.gradient_bytes,
        cost.optimizer: cost.optimizer_bytes,
        "average": cost.average_bytes,
        "buffers": cost.statistic_bytes,
        "activations": cost.activation_bytes,
    }
    largest = ", ".join(
        f"{'inside ' * saved_tensor.inside}{saved_tensor.name} {format_bytes(saved_tensor.bytes)}"
        for saved_tensor in cost.saved_tensors[:_LARGEST]
    )
    more = len(cost.saved_tensors) - _LARGEST
    return (
        Fact(
            "training step",
            cost.mult_adds,
            "count",
            f"{least}mult-adds at batch {cost.batch}: forward "
            f"{format_count(cost.forward_mult_adds)}, gradients of activations "
            f"{format_count(cost.input_gradient_mult_adds)}, of weights "
            f"{format_count(cost.weight_gradient_mult_adds)}",
            whole=True,
        ),
        Fact(
            "training memory",
            cost.memory_bytes,
            "bytes",
            least
            + ", ".join(f"{what} {format_bytes(size)}" for what, size in held.items() if size),
            whole=True,
        ),
        Fact(
            "saved activations",
            cost.activation_bytes,
            "bytes",
            f"{least}for the backward pass: {largest}" + (f" and {more} more" if more > 0 else ""),
            whole=True,
        ),
    )


def training_note(cost: TrainingCost) -> str:
    """Notes that say what the memory consists of, and what it leaves out."""
    mixed = ""
    if cost.cast_weight_bytes:
        mixed = f"; activations and a copy of the weights in {cost.precision}, all else in fp32"
    return (
        "training memory: a sum of what torch holds when the backward pass starts, each saved "
        f"tensor once{mixed}; loss, gradients of activations and workspaces come on top"
    )


def training_document(analysis: Analysis, cost: TrainingCost | None) -> dict[str, Any] | None:
    """The `training` of the JSON document; None where nobody asked for it."""
    if cost is None:
        return None

    def known(value: int) -> int | None:
        return value if analysis.has_totals else None

    return {
        "batch": cost.batch,
        "precision": cost.precision,
        "optimizer": cost.optimizer,
        "mult_adds": known(cost.mult_adds),
        "forward_mult_adds": known(cost.forward_mult_adds),
        "input_gradient_mult_adds": known(cost.input_gradient_mult_adds),
        "weight_gradient_mult_adds": known(cost.weight_gradient_mult_adds),
        "memory_bytes": known(cost.memory_bytes),
        "weight_bytes": known(cost.weight_bytes),
        "cast_weight_bytes": known(cost.cast_weight_bytes),
        "gradient_bytes": known(cost.gradient_bytes),
        "optimizer_bytes": known(cost.optimizer_bytes),
        "average_bytes": known(cost.average_bytes),
        "statistic_bytes": known(cost.statistic_bytes),
        "activation_bytes": known(cost.activation_bytes),
        "saved_tensors": [saved_tensor._asdict() for saved_tensor in cost.saved_tensors],
        "lower_bound": bool(cost.unmodelled) and analysis.has_totals,
    }
