"""Devices made up for tests, one for each way to know a time."""

from __future__ import annotations

from mnet_cost.devices import ComputeRate, DeviceProfile, MemoryLevel, Sourced
from mnet_cost.devices.latency_models import CoefficientFit, FittedOn, HeldOut, RooflineFit, Spread
from mnet_cost.devices.terms import TERM_NAMES


def number(value: float, basis: str = "assumed") -> Sourced:
    return Sourced(value, "made up for a test", basis)


_PEAKS = {"fp32": ComputeRate(number(10e9, "datasheet"), number(10e9, "derived"))}
_MEMORY = (
    MemoryLevel("L2", number(2**20, "datasheet")),
    MemoryLevel("DRAM", number(4e9, "datasheet"), number(10e9, "datasheet")),
)
_RULES = frozenset(("fold_norms", "fuse_clamps", "in_place"))

_SEEN = FittedOn(
    networks=18,
    families=("mobilenet", "resnet", "squeezenet"),
    mult_adds=(0.1e9, 10e9),
    latency_s=(0.01, 2.0),
    terms=tuple(name for name in TERM_NAMES if name not in ("matmul", "move")),
)


def triangle(
    scale: float = 0.01, term: float = 0.02, with_scale: float = -0.001
) -> tuple[tuple[float, ...], ...]:
    """A covariance: variances, and that of each term with the scale."""
    rows: list[tuple[float, ...]] = [(scale,)]
    for i in range(len(TERM_NAMES)):
        rows.append((with_scale, *[0.0] * i, term))
    return tuple(rows)


FITTED = DeviceProfile(
    name="fitted_core",
    title="One core with a fit",
    basis="fitted",
    runtime="ncnn",
    threads=1,
    compute=_PEAKS,
    memory=_MEMORY,
    device_class="phone",
    kernel_rules=_RULES,
    latency={
        "fp32": CoefficientFit(
            number(150e-12, "fitted"),
            {"depthwise_3x3": 0.5, "kernel": 1.0, "weights": 0.01},
            triangle(),
            Spread(1.2, 0.1),
            1,
            _SEEN,
            HeldOut("one family at a time", 18, 0.067, 0.105),
        )
    },
)
"""100 ps for a mult-add on its peaks, 150 ps by its fit."""

DATASHEET = FITTED._replace(
    name="datasheet_core",
    title="One core that nobody measured",
    basis="datasheet",
    runtime="any",
    latency={},
    pipeline="out_of_order",
)

STICK = DeviceProfile(
    name="stick",
    title="An accelerator of which times alone are known",
    basis="fitted",
    runtime="made-up",
    threads=1,
    compute={},
    memory=(),
    device_class="accelerator",
    latency={
        "fp32": RooflineFit(
            number(1e12, "fitted"),
            number(4e9, "fitted"),
            number(1e-3, "fitted"),
            number(20e-6, "fitted"),
            Spread(1.3, 0.2),
            _SEEN._replace(mult_adds=(0.3e9, 5e9), latency_s=(0.002, 0.05)),
        )
    },
)

BOUND = FITTED._replace(
    name="lower_bound_core",
    title="One core of unknown kind",
    basis="datasheet",
    runtime="tflite",
    latency={},
    kernel_overhead_s=number(10e-6),
)

PROFILES = {profile.name: profile for profile in (FITTED, DATASHEET, STICK, BOUND)}
