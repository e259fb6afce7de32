"""Lists of names in help texts: `{conventions}` stands for the names of all conventions.

Each list is made from the one place that has its names, and only when a help text is shown: most
of those places take longer to import than a whole run of a command that does not need them.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable


def _conventions() -> Iterable[str]:
    from mnet_cost.analysis.conventions import CONVENTIONS

    return [convention.name for convention in CONVENTIONS]


def _precisions() -> Iterable[str]:
    from mnet_cost.tensors import PRECISIONS

    return PRECISIONS


def _default_devices() -> Iterable[str]:
    from mnet_cost.devices import default_devices

    return default_devices()


def _device_classes() -> Iterable[str]:
    from mnet_cost.devices import CLASSES

    return CLASSES


def _optimizers() -> Iterable[str]:
    from mnet_cost.analysis.training import OPTIMIZERS

    return OPTIMIZERS


def _changes() -> Iterable[str]:
    from mnet_cost.changes.device_changes import KEYS

    return KEYS


def _metrics() -> Iterable[str]:
    from mnet_cost.search.blocks import COMPUTED

    return [metric.name for metric in COMPUTED]


def _imported() -> Iterable[str]:
    from mnet_cost.models.library import IMPORTED

    return IMPORTED


def _searches() -> Iterable[str]:
    from mnet_cost.search.selection import METHODS

    return METHODS


def _runtimes() -> Iterable[str]:
    from mnet_cost.devices.coefficients import named_runtimes

    return named_runtimes()


def _measured_runtimes() -> Iterable[str]:
    from mnet_cost.measure.runtimes import RUNTIMES

    return RUNTIMES


def _reference_network() -> Iterable[str]:
    from mnet_cost.measure.runs.rounds import REFERENCE

    return [REFERENCE]


LISTS: dict[str, Callable[[], Iterable[str]]] = {
    "conventions": _conventions,
    "precisions": _precisions,
    "default_devices": _default_devices,
    "device_classes": _device_classes,
    "optimizers": _optimizers,
    "changes": _changes,
    "metrics": _metrics,
    "searches": _searches,
    "imported": _imported,
    "runtimes": _runtimes,
    "measured_runtimes": _measured_runtimes,
    "reference_network": _reference_network,
}
"""The lists that may stand in braces in a help text."""


def with_lists(text: str) -> str:
    """A help text with the names that it asks for, separated by commas."""
    return re.sub(r"\{(\w+)\}", lambda match: ", ".join(LISTS[match[1]]()), text)


def fill_help(parser: argparse.ArgumentParser) -> None:
    """Fill the lists into the help texts of a parser's own options."""
    for action in parser._actions:
        if action.help:
            action.help = with_lists(action.help)
