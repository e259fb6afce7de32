"""Costs of many candidates at once: arrays of knobs, cut where structure differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mnet_cost.analysis.costs import DeviceCosts, NetworkCosts, network_costs
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import SpecError
from mnet_cost.models.types import ModelSpec
from mnet_cost.network import elaborate
from mnet_cost.tensors import Differs, Mask

Array = np.ndarray[Any, np.dtype[Any]]


def parts(
    spec: ModelSpec,
    knobs: Mapping[str, Array],
    devices: Sequence[DeviceProfile],
    precision: str,
    convention: str,
    places: Array,
) -> Iterator[tuple[Array, NetworkCosts]]:
    """(places, costs) of candidates that have one structure, and hold."""
    mask = Mask()
    try:
        # Candidates that are marked have sizes that make no sense, till they are left out.
        with np.errstate(all="ignore"):
            network = elaborate(spec, knobs, check=mask)
        if not np.all(mask.valid):
            raise Differs(mask.valid)
        yield places, network_costs(network, devices, precision, convention)
    except SpecError:
        return
    except Differs as difference:
        holds = np.broadcast_to(difference.mask, places.shape)
        sides = (holds, ~holds) if np.all(mask.valid) else (holds,)
        for side in sides:
            if side.any():
                chosen = {name: values[side] for name, values in knobs.items()}
                yield from parts(spec, chosen, devices, precision, convention, places[side])


def at(costs: NetworkCosts, index: int, count: int) -> NetworkCosts:
    """Those of one of `count` candidates."""

    def pick(value: Any) -> Any:
        if value is None or isinstance(value, (str, bool)):
            return value
        picked = np.broadcast_to(value, (count,))[index].item()
        return None if picked != picked else picked  # NaN is unknown

    devices = tuple([DeviceCosts(*map(pick, device)) for device in costs.devices])
    totals = NetworkCosts(*[pick(number) for number in costs[:8]])
    return totals._replace(
        devices=devices, buffers=pick(costs.buffers), is_partial=costs.is_partial
    )
