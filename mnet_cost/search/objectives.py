"""What a front is over, as it is typed: `mult_adds:more,latency@pixel_1_tflite,top1`.

Each objective is a column of a sweep, and whether less or more of it is better: as the metric has
it, or as `:less` or `:more` after it says. Not here: fronts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import Problem, Source, Span, UsageError, did_you_mean, one_of
from mnet_cost.metrics import Metric, find_metric
from mnet_cost.models.published import ACCURACIES, DATASETS
from mnet_cost.search.accuracies import Accuracy
from mnet_cost.search.blocks import column_of

OPTION = "--pareto"

Direction = Literal["less", "more"]


class Objective(NamedTuple):
    """One column that is to be small or large."""

    metric: Metric
    column: str
    device: DeviceProfile | None = None
    accuracy: Accuracy | None = None
    direction: Direction | None = None
    """Where it is asked for; else the metric's own."""

    @property
    def better(self) -> Direction:
        return self.direction or self.metric.better

    @property
    def title(self) -> str:
        """`latency on pixel_1_tflite`, `top-1`."""
        if self.device is not None:
            return f"{self.metric.title} on {self.device.name}"
        if self.accuracy is not None and self.accuracy.column != self.accuracy.name:
            return f"{self.metric.title} on {self.accuracy.dataset}"
        return self.metric.title

    @property
    def aim(self) -> str:
        """The title, and the direction where it is not that of the metric."""
        asked = "" if self.better == self.metric.better else f" ({self.better} is better)"
        return self.title + asked

    @property
    def sign(self) -> float:
        """What makes less of it better."""
        return 1.0 if self.better == "less" else -1.0

    @property
    def is_time(self) -> bool:
        """Whether it is a time with an error, which near-ties are about."""
        return self.metric.name == "latency"


def parse_objectives(
    text: str, devices: Sequence[DeviceProfile], accuracies: Sequence[Accuracy]
) -> tuple[Objective, ...]:
    """The objectives that `text` names, each once.

    A metric of a device needs no `@DEVICE` where there is one device. Raises `UsageError` for a
    metric or device that is not there, and for an accuracy that is published for no network here.
    """
    source, at = Source(OPTION, text), 0
    objectives: dict[str, Objective] = {}
    for raw in text.split(","):
        word = raw.strip()
        start = at + len(raw) - len(raw.lstrip()) if word else at
        span = Span(source, 1, start + 1, start + max(len(word), 1) + 1)
        at += len(raw) + 1
        if not word:
            hint = "write `mult_adds,latency@DEVICE`"
            raise UsageError(Problem("a metric is missing here", span, hint))
        try:
            objective = _directed(word, devices, accuracies)
        except UsageError as error:
            raise UsageError([problem._replace(span=span) for problem in error.problems]) from None
        if objective.column in objectives:
            raise UsageError(Problem(f"`{word}` is asked for twice", span))
        objectives[objective.column] = objective
    return tuple(objectives.values())


def default_objectives(
    metrics: Sequence[Metric], devices: Sequence[DeviceProfile], accuracies: Sequence[Accuracy]
) -> tuple[Objective, ...]:
    """Two where there are as many: an accuracy that is published and the latency on the first
    device; in the place of what the sweep has not, mult-adds and the peak of memory."""
    names = {metric.name for metric in metrics}
    objectives = []
    if accuracies:
        objectives.append(_of_accuracy(accuracies[0]))
    if "latency" in names and devices:
        objectives.append(objective_of(f"latency@{devices[0].name}", devices, accuracies))
    of_network = [metric.name for metric in metrics if metric.of_network]
    preferred = [name for name in ("mult_adds", "peak_memory") if name in of_network]
    others = list(dict.fromkeys((*preferred, *of_network)))[: 2 - len(objectives)]
    objectives = [*(objective_of(name, devices, accuracies) for name in others), *objectives]
    if not objectives and devices:
        of_device = [metric for metric in metrics if metric.of_device]
        objectives = [Objective(metric, column_of(metric, devices[0]), devices[0])
                      for metric in of_device[:1]]  # fmt: skip
    return tuple(objectives)


def _directed(
    word: str, devices: Sequence[DeviceProfile], accuracies: Sequence[Accuracy]
) -> Objective:
    """An objective that may end with its direction."""
    name, colon, direction = word.partition(":")
    objective = objective_of(name.strip(), devices, accuracies)
    if not colon:
        return objective
    if direction == "less":
        return objective._replace(direction="less")
    if direction == "more":
        return objective._replace(direction="more")
    raise UsageError(
        Problem(f"`{direction}` is no direction", hint=f"write `{name}:more` or `{name}:less`")
    )


def objective_of(
    word: str, devices: Sequence[DeviceProfile], accuracies: Sequence[Accuracy]
) -> Objective:
    """The objective that a metric, with `@DEVICE` or `@DATASET`, names; raises `UsageError`."""
    name, _, where = word.partition("@")
    metric = find_metric(name)
    if metric.name in ACCURACIES:
        return _accuracy(metric, where, accuracies)
    if not metric.per_device:
        if where:
            raise UsageError(
                Problem(f"`{metric.name}` is the same on every device", hint=f"write `{name}`")
            )
        return Objective(metric, column_of(metric))
    names = [device.name for device in devices]
    if not names:
        raise UsageError(
            Problem(f"`{metric.name}` is of a device, and there is none", hint="add --device NAME")
        )
    if not where and len(names) > 1:
        ways = one_of([f"{metric.name}@{device}" for device in names[:5]])
        raise UsageError(Problem(f"`{metric.name}` is of one device", hint=f"write {ways}"))
    if where and where not in names:
        hint = did_you_mean(where, names) or f"the sweep has {one_of(names[:8])}"
        raise UsageError(Problem(f"the device `{where}` is not in this sweep", hint=hint))
    device = next(device for device in devices if not where or device.name == where)
    return Objective(metric, column_of(metric, device), device)


def _accuracy(metric: Metric, where: str, accuracies: Sequence[Accuracy]) -> Objective:
    same = [accuracy for accuracy in accuracies if accuracy.name == metric.name]
    if where:
        fitting = [accuracy for accuracy in same if accuracy.dataset == where]
    else:
        usual = DATASETS.get(metric.name)
        fitting = [accuracy for accuracy in same if accuracy.dataset == usual] or same[:1]
    if fitting:
        return _of_accuracy(fitting[0])
    if not same:
        known = [accuracy.column for accuracy in accuracies]
        hint = f"there is {one_of(known)}" if known else "fronts are over costs here"
        raise UsageError(Problem(f"no `{metric.name}` is published for a point here", hint=hint))
    known = [f"{accuracy.name}@{accuracy.dataset}" for accuracy in same]
    raise UsageError(
        Problem(f"no `{metric.name}` here is measured on {where}", hint=f"there is {one_of(known)}")
    )


def _of_accuracy(accuracy: Accuracy) -> Objective:
    return Objective(accuracy.metric, accuracy.column, accuracy=accuracy)
