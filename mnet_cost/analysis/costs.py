"""What a network costs as numbers alone, without a word about them.

Numbers are ints and floats for one network, arrays for many candidates, or recorded numbers, whose
expressions are evaluated for a grid of candidates (`search/grids.py`). Each is None where it is
not known, which a device and a network's structure decide, and no size. Not here: layers,
kernels, notes, what binds: an `Analysis` has those.
"""

from __future__ import annotations

from typing import Any, NamedTuple

Count = Any
"""A number of one network, an array of candidates, or a recorded number."""


class DeviceCosts(NamedTuple):
    """What a network takes on one device at one precision; the batch is in it."""

    device: str
    """The device's name."""
    latency_s: Count | None
    low_s: Count | None
    high_s: Count | None
    """The band that holds 80 % of measurements; None where no error is known."""
    bound_s: Count | None
    """The lower bound on the device's peaks."""
    energy_j: Count | None
    energy_low_j: Count | None
    energy_high_j: Count | None
    memory_bytes: Count | None
    """What the main memory has to hold: weights and activations, or activations alone where
    weights stay in a storage. Without gaps of an arena, so it can be a few bytes more."""


class NetworkCosts(NamedTuple):
    """What a network costs at one setting; the batch is in it."""

    mult_adds: Count
    """As the convention counts them."""
    vector_ops: Count
    params: Count
    weights: Count
    weight_bytes: Count
    activation_bytes: Count
    traffic_bytes: Count
    peak_bytes: Count
    """Most activations alive at once, by layers."""
    devices: tuple[DeviceCosts, ...] = ()
    buffers: Count | None = None
    """Stored numbers that are not trained."""
    is_partial: bool = False
    """Whether layers of unknown cost are left out, so that sums are lower bounds."""
