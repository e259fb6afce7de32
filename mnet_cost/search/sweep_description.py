"""What is said of a sweep beside its points: of which specs, profiles and version it is.

Hashes are of what a spec or a profile says, not of the bytes of its file: a comment changes none.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from mnet_cost.devices import DeviceProfile
from mnet_cost.models.types import Model
from mnet_cost.search.single import word_of
from mnet_cost.search.summary import Summary
from mnet_cost.search.sweep_request import SweepRequest
from mnet_cost.shipped import installed_version

_MOST_VALUES = 1000
"""Values of an axis that are listed."""


def description_of(request: SweepRequest) -> dict[str, Any]:
    """What a sweep is of, as JSON; enough to tell whether two files are of the same one."""
    return {
        "mnet_cost_version": installed_version(),
        "models": [
            {
                "reference": network.name,
                "name": network.model.spec.title,
                "spec_sha256": spec_hash(network.model),
                "knobs": {knob: _plain(value) for knob, value in network.model.knobs.items()},
                "swept": list(network.axes),
            }
            for network in request.networks
        ],
        "devices": [
            {"name": device.name, "profile_sha256": profile_hash(device)}
            for device in request.devices
        ],
        "convention": request.convention,
        "precisions": list(request.precisions),
        "axes": {knob: _axis(values) for knob, values in request.axes.items()},
        "objectives": [
            {"column": objective.column, "better": objective.better}
            for objective in request.objectives
        ],
        "points_asked": request.points,
        "accuracies": accuracies_of(request),
        "limits": [limit.text for limit in request.limits],
        "selection": _selection(request),
        "front_only": request.front_only,
    }


def accuracies_of(request: SweepRequest) -> list[dict[str, Any]]:
    """Which sources the accuracies of each network are from, that with most points first."""
    return [
        {
            "model": network.name,
            "column": surface.accuracy.column,
            "dataset": surface.accuracy.dataset,
            "sources": list(surface.sources),
        }
        for network in request.networks
        for surface in network.surfaces
        if surface.accuracy in request.accuracies
    ]


def identity_of(request: SweepRequest) -> dict[str, Any]:
    """What decides each number of a sweep, as JSON: two sweeps with the same one have the same
    points, in the same order."""
    return {
        **description_of(request),
        "axes_sha256": _digest(dict(request.axes)),
        "columns": [column.name for column in request.columns],
        "lower_bound": request.lower_bound,
    }


def digest_of(identity: Mapping[str, Any]) -> str:
    """SHA-256 of an identity."""
    return _digest(identity)


def _selection(request: SweepRequest) -> dict[str, Any] | None:
    """How networks of design spaces were chosen."""
    selection = request.selection
    if selection is None:
        return None
    return {"method": selection.method, "count": selection.count, "seed": selection.seed}


def result_of(rows: int, summary: Summary, *, partial: bool) -> dict[str, Any]:
    """What became of a sweep, as JSON."""
    return {
        "points": rows,
        "broken": [{"cause": cause, "points": points} for points, cause in summary.causes],
        "partial": partial,
    }


def spec_hash(model: Model) -> str:
    """SHA-256 of what the spec says: with what it extends and its variant, wherever it lies."""
    return _digest(model.spec.data)


def profile_hash(device: DeviceProfile) -> str:
    """SHA-256 of what a profile says: with what it extends, wherever it lies."""
    return _digest(dataclasses.asdict(dataclasses.replace(device, path="")))


def _digest(data: Any) -> str:
    text = json.dumps(_ordered(data), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _ordered(data: Any) -> Any:
    """`data` with a single order of keys and of sets."""
    if isinstance(data, Mapping):
        pairs = [[str(key), _ordered(value)] for key, value in data.items()]
        return sorted(pairs, key=lambda pair: str(pair[0]))
    if isinstance(data, (set, frozenset)):
        return sorted(map(str, data))
    return [_ordered(item) for item in data] if isinstance(data, (list, tuple)) else data


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str)) else word_of(value)


def _axis(values: Sequence[Any]) -> Any:
    """The values of an axis; of a long one its ends, since the column has all of them."""
    if len(values) <= _MOST_VALUES:
        return [_plain(value) for value in values]
    return {"first": _plain(values[0]), "last": _plain(values[-1]), "values": len(values)}
