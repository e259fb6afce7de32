"""Budgets: what a network may cost at a setting, as a file, a spec or a command line states it.

    - model: mobilenet_v1
      at: {alpha: 0.25:1.0:0.25}
      device: pixel_1
      latency: 20 ms
      warn: {latency: 18 ms}
      reason: "one frame of the camera"

`read_budgets` reads entries, each with the place of every limit. Not here: of which files
(`files.py`), and whether a network is within them (`check.py`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, NamedTuple

from mnet_cost.analysis.work import find_precision
from mnet_cost.devices import DeviceProfile, load_device
from mnet_cost.devices.load import is_device_path
from mnet_cost.errors import (
    DeviceError,
    MnetCostError,
    ModelReferenceError,
    Problem,
    UnitError,
    UsageError,
    one_of,
)
from mnet_cost.metrics import METRICS, Metric, find_metric
from mnet_cost.models.library import path_beside
from mnet_cost.models.problems import Problems, key_hint
from mnet_cost.search.amounts import number_of
from mnet_cost.yamlfile import Node

LIMITED = tuple(
    [metric for metric in METRICS if metric.better == "less"
     and (metric.of_network or metric.of_device)]
)  # fmt: skip
"""The metrics that can have a limit: costs, of which less is better."""

PART_METRICS = (
    "mult_adds", "flops", "vector_ops", "params", "weights", "buffers", "weight_bytes",
    "activations", "traffic", "peak_memory", "latency", "lower_bound",
)  # fmt: skip
"""Those that a part of a network has as well."""

KEYS = ("at", "device", "precision", "part", "warn", "reason")
"""Keys of an entry beside its limits, and beside what says which network it is about."""

MAX_VALUES = 100_000
"""Most values of knobs in a file: to read a range takes some microseconds for each."""

_SIGN = re.compile(r"\s*[<>=≤≥]")
_LIMITED = {metric.name: metric for metric in LIMITED}
_OTHER_NAMES = {
    "time": "latency", "runtime": "latency", "macs": "mult_adds", "madds": "mult_adds",
    "multadds": "mult_adds", "parameters": "params", "ram": "memory", "size": "weight_bytes",
    "peakram": "peak_memory",
}  # fmt: skip
"""What other tools call metrics and keys, in small letters and without separators."""
_EXAMPLE = "as in `- {device: pixel_1, latency: 20 ms, params: 4.3 M}`"


class Bound(NamedTuple):
    """The most that a metric may be."""

    value: float
    """In the unit that the program computes in: seconds, joules, bytes, things."""
    text: str
    """As it was written."""
    node: Node | None = None
    """Where; None where it was typed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One entry: limits of a network, or of a part of it, at a setting or at all of a range."""

    model: str | None = None
    """A reference to the network; None where that follows from where the entry stands."""
    variant: str | None = None
    at: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    """Values of knobs: the limits hold for all combinations of them."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """The values as they were written."""
    devices: tuple[DeviceProfile, ...] = ()
    precisions: tuple[str, ...] = ()
    """Empty where that of the network holds."""
    part: str | None = None
    limits: Mapping[str, Bound] = field(default_factory=dict)
    """By the name of the metric."""
    warnings: Mapping[str, Bound] = field(default_factory=dict)
    """Limits over which there is a warning, by the name of the metric."""
    reason: str = ""
    node: Node | None = None
    """The entry; None where it was typed."""
    has_problems: bool = False
    """Whether a part of it could not be read, and is left out."""
    keys: Mapping[str, Node] = field(default_factory=dict)
    """Places of its values by key, those of `at` by the name of the knob."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those with a limit or a warning."""
        names = {**self.limits, **self.warnings}
        return tuple([metric for metric in LIMITED if metric.name in names])

    def place(self, key: str) -> Node | None:
        """Where the value of a key or a knob stands, else the entry."""
        return self.keys.get(key, self.node)


Devices = dict[str, DeviceProfile | None]
"""Profiles that were loaded by their names and paths; None after a problem."""


def read_budgets(
    entries: Sequence[Node], identity: Sequence[str], problems: Problems, devices: Devices
) -> list[Budget]:
    """The budgets of a list of entries; what is wrong goes to `problems`, and is left out.

    `identity` are the keys that say which network an entry is about: `model` in a file of budgets,
    `variant` in a spec. Profiles go to `devices`, so that each is loaded once in a run.
    """
    reader = _Reader(identity, problems, devices)
    return [budget for entry in entries if (budget := reader.budget(entry)) is not None]


class _Reader:
    """Reads entries one by one."""

    def __init__(self, identity: Sequence[str], problems: Problems, devices: Devices) -> None:
        self.identity = identity
        self.problems = problems
        self.devices = devices
        self.values = 0
        """Values of knobs so far."""

    def budget(self, entry: Node) -> Budget | None:
        """The budget of an entry; after a problem without what has it, so that the rest can be
        checked; None where nothing says which network it is about."""
        if not isinstance(entry.value, dict):
            self.problems.add("a budget is a mapping of limits", entry, _EXAMPLE)
            return None
        before = len(self.problems)
        values: Mapping[str, Node] = entry.value
        limits = self._limits(entry, (*self.identity, *KEYS))
        warnings = self._warnings(values.get("warn"))
        at = self._at(values.get("at"))
        devices = self._each(values.get("device"), "a device", self._device)
        precisions = self._each(values.get("precision"), "a precision", self._precision)
        part = self._word(values.get("part"), "a part is a layer, block or entry by its path")
        reason = self._word(values.get("reason"), "a reason is a text")
        names = {key: self._word(values.get(key), f"`{key}` is a name") for key in self.identity}
        if "model" in self.identity and "model" not in values:
            self.problems.add("this budget is of no model", entry, "`model: mobilenet_v1`")
        if not limits and not warnings and len(self.problems) == before:
            self.problems.add("this budget limits nothing", entry, _EXAMPLE)
        self._check_together(limits, warnings, entry, bool(values.get("device")), part)
        if "model" in names and names["model"] is None:
            return None
        places = dict(values)
        if "at" in values:
            places |= values["at"].keys
        return Budget(
            model=names.get("model"), variant=names.get("variant"), at=at,
            texts={knob: _shown(values["at"].value[knob]) for knob in at},
            devices=tuple(devices), precisions=tuple(precisions), part=part,
            limits=limits, warnings=warnings, reason=reason or "", node=entry, keys=places,
            has_problems=len(self.problems) > before,
        )  # fmt: skip

    def _limits(self, entry: Node, others: Sequence[str]) -> dict[str, Bound]:
        bounds = {}
        for key, node in entry.value.items():
            if key in others:
                continue
            bound = self._bound(key, node, entry.keys[key], others)
            if bound is not None:
                bounds[key] = bound
        return bounds

    def _warnings(self, node: Node | None) -> dict[str, Bound]:
        if node is None:
            return {}
        if not isinstance(node.value, dict) or not node.value:
            self.problems.add("`warn` is a mapping of limits", node, "`warn: {latency: 18 ms}`")
            return {}
        return self._limits(node, ())

    def _bound(self, key: str, node: Node, key_node: Node, others: Sequence[str]) -> Bound | None:
        """A limit; None after a problem."""
        metric = _LIMITED.get(key)
        if metric is None:
            self._unknown_key(key, key_node, others)
            return None
        if isinstance(node.value, (dict, list, bool, type(None))):
            example = _example_of(metric)
            self.problems.add(f"a limit of `{key}` is a number with its unit", node, example)
            return None
        try:
            value = number_of(node.text, metric) / metric.file_factor
        except UnitError as error:
            self._place(error, node)
            return None
        if not isfinite(value):
            self.problems.add(f"`{node.text}` is too large for a number", node)
            return None
        return Bound(value, node.text.strip(), node)

    def _unknown_key(self, key: str, node: Node, others: Sequence[str]) -> None:
        known = (*others, *_LIMITED)
        try:
            metric = find_metric(key)
        except UsageError:
            hint = key_hint(key, known, f"there are {', '.join(known)}", _OTHER_NAMES)
            self.problems.add(f"a budget has no key `{key}`", node, hint)
            return
        if metric.name in _LIMITED:
            hint = f"write `{metric.name}`, whose number has its unit: {_example_of(metric)}"
        else:
            hint = "a budget is the most that a cost may be"
        self.problems.add(f"a budget has no key `{key}`", node, hint)

    def _check_together(
        self, limits: Mapping[str, Bound], warnings: Mapping[str, Bound], entry: Node,
        has_device: bool, part: str | None,
    ) -> None:  # fmt: skip
        for name, bound in {**warnings, **limits}.items():
            assert bound.node is not None
            metric = _LIMITED[name]
            if metric.per_device and not has_device:
                self.problems.add(
                    f"`{name}` is of a device, and this budget names none", bound.node,
                    "`device: pixel_1`",
                )  # fmt: skip
            if part is not None and name not in PART_METRICS:
                hint = f"a part has {one_of(PART_METRICS)}"
                self.problems.add(f"`{name}` is of a whole network", bound.node, hint)
        for name, bound in warnings.items():
            limit = limits.get(name)
            if limit is not None and bound.value > limit.value:
                assert bound.node is not None
                self.problems.add(
                    f"a warning above the limit never comes: `{name}` is limited to {limit.text}",
                    bound.node,
                )

    def _at(self, node: Node | None) -> dict[str, tuple[Any, ...]]:
        if node is None:
            return {}
        if not isinstance(node.value, dict) or not node.value:
            hint = "`at: {alpha: 0.5, resolution: [128, 224]}`"
            self.problems.add("`at` is a mapping of knobs to their values", node, hint)
            return {}
        at = {}
        for knob, value in node.value.items():
            values = self._values(knob, value)
            if values:
                at[knob] = values
        return at

    def _values(self, knob: str, node: Node) -> tuple[Any, ...]:
        """The values of a knob: one, a list, or a range."""
        items = node.value if isinstance(node.value, list) else [node]
        values: list[Any] = []
        seen: set[tuple[bool, Any]] = set()
        for item in items:
            if isinstance(item.value, (dict, list, type(None))):
                hint = "`0.5`, `[128, 224]` or `0.25:1.0:0.25`"
                self.problems.add(f"the knob `{knob}` has no such value", item, hint)
                return ()
            if self._has_too_many(item):
                return ()
            if isinstance(item.value, str):
                from mnet_cost.search.ranges import parse_values  # with exact fractions

                try:
                    new = parse_values(item.value, knob)
                except UsageError as error:
                    self._place(error, item)
                    return ()
            else:
                new = (item.value,)
            for value in new:
                key = isinstance(value, bool), value
                if key in seen:
                    self.problems.add(f"{value} is there twice", item)
                    return ()
                seen.add(key)
            values += new
            self.values += len(new)
            if self._has_too_many(item):
                return ()
        if not values:
            self.problems.add(f"the knob `{knob}` has no value", node)
        return tuple(values)

    def _has_too_many(self, node: Node) -> bool:
        """Whether all budgets have too many values; then that is a problem of `node`."""
        if self.values > MAX_VALUES:
            self.problems.add(f"budgets have at most {MAX_VALUES:,} values of knobs", node)
        return self.values > MAX_VALUES

    def _each(self, node: Node | None, what: str, read: Callable[[Node], Any]) -> list[Any]:
        """One or several things, each once."""
        if node is None:
            return []
        items = node.value if isinstance(node.value, list) else [node]
        if not items:
            self.problems.add(f"the list is empty: name {what}, or leave it out", node)
        things, words = [], set()
        for item in items:
            if not isinstance(item.value, str) or not item.value.strip():
                self.problems.add(f"{what} is a name", item)
            elif item.value in words:
                self.problems.add(f"`{item.value}` is there twice", item)
            else:
                words.add(item.value)
                thing = read(item)
                if thing is not None:
                    things.append(thing)
        return things

    def _device(self, node: Node) -> DeviceProfile | None:
        """A profile by its name, or by its path from the folder of the file."""
        name: str = node.value
        try:
            if is_device_path(name) and node.source.is_file:
                name = _profile_beside(node.source.path, name)
            if name in self.devices:
                if self.devices[name] is None:
                    self.problems.add(f"the device `{node.value}` has a problem: see above", node)
                return self.devices[name]
            self.devices[name] = None
            self.devices[name] = load_device(name)
        except MnetCostError as error:
            self._place(error, node)
            return None
        return self.devices[name]

    def _precision(self, node: Node) -> str | None:
        try:
            find_precision(node.value)
        except UsageError as error:
            self._place(error, node)
            return None
        return str(node.value)

    def _word(self, node: Node | None, form: str) -> str | None:
        if node is None:
            return None
        if not isinstance(node.value, str) or not node.value.strip():
            self.problems.add(form, node)
            return None
        return node.value

    def _place(self, error: MnetCostError, node: Node) -> None:
        self.problems += at_node(error, node)


def _profile_beside(file: str, name: str) -> str:
    """The path of a profile that a file names; as `path_beside`."""
    try:
        return path_beside(file, name)
    except ModelReferenceError as error:
        hint = "a budget names shipped profiles, or those in or below its own folder"
        raise DeviceError(error.problems[0]._replace(hint=hint)) from None


def at_node(error: MnetCostError, node: Node | None) -> list[Problem]:
    """The problems of an error that a value causes, at its place in the user's file; those of
    another file keep their place, and say from where they were reached."""
    if node is None:
        return list(error.problems)
    span = node.span()
    return [
        problem._replace(trail=(*problem.trail, f"named at {span}"))
        if problem.span is not None and problem.span.source.is_file
        else problem._replace(span=span)
        for problem in error.problems
    ]


def _example_of(metric: Metric) -> str:
    amount = {"": "4.3 M", "bytes": "320 KiB", "s": "20 ms", "J": "5 mJ"}[metric.unit]
    return f"`{metric.name}: {amount}`"


def _shown(node: Node) -> str:
    """Values as they were written, on one line."""
    items = node.value if isinstance(node.value, list) else [node]
    return ",".join(item.text.strip() for item in items)


def typed_budgets(
    texts: Sequence[str], devices: Sequence[DeviceProfile], precisions: Sequence[str] = ()
) -> list[Budget]:
    """The budgets that limits state as they are typed: `latency@pixel_1<=20ms`.

    A limit without a device is of the one of `devices`. Those of the network are one budget, those
    of each device another. Raises `UsageError`, and `DeviceError` for a profile that is not there.
    """
    from mnet_cost.search.limits import parse_limits  # with all that sweeps limit

    known = {device.name: device for device in devices}
    parsed = [limit for text in texts for limit in parse_limits(
        [text], _devices_of(text, devices, known), ())]  # fmt: skip
    by_device: dict[str, tuple[tuple[DeviceProfile, ...], dict[str, Bound]]] = {}
    for limit in parse_limits(parsed, devices, ()):
        metric = limit.objective.metric
        if metric.name not in _LIMITED or not limit.is_most:
            hint = f"write `{metric.name}<=NUMBER`"
            if metric.name not in _LIMITED:
                hint = f"there are {', '.join(_LIMITED)}"
            message = f"`{limit.text}` is no budget: a budget is the most that a cost may be"
            raise UsageError(Problem(message, hint=hint))
        device = limit.objective.device
        name, its = ("", ()) if device is None else (device.name, (device,))
        _, bounds = by_device.setdefault(name, (its, {}))
        text = limit.text.partition("<=")[2].strip()
        bounds[metric.name] = Bound(limit.value / metric.file_factor, text)
    return [
        Budget(limits=bounds, devices=devices, precisions=tuple(precisions))
        for devices, bounds in by_device.values()
    ]  # fmt: skip


def _devices_of(
    text: str, devices: Sequence[DeviceProfile], known: dict[str, DeviceProfile]
) -> Sequence[DeviceProfile]:
    """`devices`, or the one that a limit names, which is loaded once, into `known`."""
    left = _SIGN.split(text, 1)[0]
    metric, _, name = (word.strip() for word in left.partition("@"))
    if not name or metric not in _LIMITED or not _LIMITED[metric].per_device:
        return devices
    if name not in known:
        known[name] = load_device(name)
    return (known[name],)
