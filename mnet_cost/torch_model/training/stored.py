"""Checks of the content of a checkpoint, which can load and yet not be as training writes it.

Each function raises `CheckpointError`, which names the part that is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import torch

from mnet_cost.errors import Problem
from mnet_cost.torch_model.training.checkpoint import CheckpointError
from mnet_cost.torch_model.training.loop import Position, Task
from mnet_cost.torch_model.training.metrics import EpochRecord, Tally, Tested

_Record = TypeVar("_Record", Tally, EpochRecord)


def malformed(path: Path, part: str) -> CheckpointError:
    """The error for a `part` of a checkpoint that is not as `mnet-cost train` writes it."""
    return CheckpointError(
        Problem(
            f"{path}: its `{part}` is not as training writes it",
            hint="the file was changed; take a copy of it, or train anew with another --out",
        )
    )


def stored_training(path: Path, content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The description of network, data and recipe: `Plan.identity` of the training."""
    training = content["training"]
    if not isinstance(training, Mapping):
        raise malformed(path, "training")
    return training


def stored_position(path: Path, content: Mapping[str, Any], task: Task) -> Position:
    """The position of the training, within the steps and epochs of the task."""
    position = content["position"]
    if not isinstance(position, Mapping) or set(position) != {"step", "tally", "history"}:
        raise malformed(path, "position")
    step, history = position["step"], position["history"]
    steps, epochs = task.settled.steps_per_epoch, task.settled.epochs
    if type(step) is not int or not 0 <= step <= steps:
        raise malformed(path, "position.step")
    if not isinstance(history, list) or len(history) > epochs:
        raise malformed(path, "position.history")
    records = tuple(_record(path, "position.history", EpochRecord, entry) for entry in history)
    if [record.epoch for record in records] != list(range(1, len(records) + 1)):
        raise malformed(path, "position.history")
    return Position(step, _record(path, "position.tally", Tally, position["tally"]), records)


class _Number(NamedTuple):
    """The values that a field of a record may have: whole numbers alone or floats, perhaps None."""

    whole: bool
    none: bool

    def takes(self, value: Any) -> bool:
        if value is None:
            return self.none
        return type(value) is int or (type(value) is float and not self.whole)


def _record(path: Path, part: str, kind: type[_Record], value: Any) -> _Record:
    fields = {
        name: _Number("int" in str(said), "None" in str(said))
        for name, said in kind.__annotations__.items()
    }
    if (
        not isinstance(value, Mapping)
        or set(value) != set(fields)
        or not all(fields[name].takes(number) for name, number in value.items())
    ):
        raise malformed(path, part)
    return kind(**value)


def stored_test(path: Path, content: Mapping[str, Any], task: Task) -> Tested | None:
    """The test after the last epoch that was done; None before the first."""
    tested = content["tested"]
    if tested is None:
        return None
    if not isinstance(tested, Mapping) or type(tested.get("loss")) is not float:
        raise malformed(path, "tested")
    rows = tested.get("confusion")
    size = task.classes if task.objective.classifies else 0
    if not isinstance(rows, list) or len(rows) != size:
        raise malformed(path, "tested.confusion")
    for row in rows:
        if not isinstance(row, list) or len(row) != size or any(type(n) is not int for n in row):
            raise malformed(path, "tested.confusion")
    return Tested(tested["loss"], tuple(map(tuple, rows)))


def load_optimizer(path: Path, state: Any, task: Task, begun: bool) -> None:
    """Load the state of the optimizer into the task.

    It may not be empty if the training has `begun`, unless a loss scaler can have skipped steps.
    """
    optimizer = task.optimizer
    own = optimizer.state_dict()["param_groups"]
    if not isinstance(state, Mapping) or set(state) != {"state", "param_groups"}:
        raise malformed(path, "optimizer")
    groups = state["param_groups"]
    if not isinstance(groups, list) or len(groups) != len(own):
        raise malformed(path, "optimizer.param_groups")
    for mine, other in zip(own, groups, strict=True):
        if (
            not isinstance(other, Mapping)
            or set(other) != set(mine)
            or other["params"] != mine["params"]
        ):
            raise malformed(path, "optimizer.param_groups")
    kept = state["state"]
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    if not isinstance(kept, Mapping) or (begun and not kept and not task.scaler.is_enabled()):
        raise malformed(path, "optimizer.state")
    for number, values in kept.items():
        if type(number) is not int or not 0 <= number < len(parameters):
            raise malformed(path, "optimizer.state")
        if not isinstance(values, Mapping):
            raise malformed(path, "optimizer.state")
        for value in values.values():
            if torch.is_tensor(value) and value.dim():
                if value.shape != parameters[number].shape:
                    raise malformed(path, "optimizer.state")
            elif not (value is None or torch.is_tensor(value) or isinstance(value, int | float)):
                raise malformed(path, "optimizer.state")
    optimizer.load_state_dict(dict(state))


def load_scaler(path: Path, state: Any, task: Task) -> None:
    """Load the state of the loss scaler into the task."""
    if not isinstance(state, Mapping) or set(state) != set(task.scaler.state_dict()):
        raise malformed(path, "scaler")
    task.scaler.load_state_dict(dict(state))


def load_generators(path: Path, state: Any, device: torch.device) -> None:
    """Set the state of torch's generators of random numbers."""
    if not isinstance(state, Mapping) or "cpu" not in state:
        raise malformed(path, "rng")
    try:
        torch.set_rng_state(state["cpu"])
        if device.type == "cuda":
            torch.cuda.set_rng_state_all(state.get("cuda"))
    except (RuntimeError, TypeError, AttributeError, IndexError):  # wrong size, type or number
        raise malformed(path, "rng") from None
