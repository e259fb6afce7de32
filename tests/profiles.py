"""Devices made up for tests, one for each way to know a time."""

from __future__ import annotations

from dataclasses import replace

from mnet_cost.devices import ComputeRate, DeviceProfile, MemoryLevel, Sourced
from mnet_cost.devices.latency_models import CoefficientFit, FittedOn, HeldOut, RooflineFit, Spread
from mnet_cost.devices.terms import TERM_NAMES


def number(value: float, basis: str = "assumed") -> Sourced:
    return Sourced(value=value, source="made up for a test", basis=basis)


_PEAKS = {
    "fp32": ComputeRate(
        macs_per_s=number(10e9, "datasheet"), vector_ops_per_s=number(10e9, "derived")
    )
}
_MEMORY = (
    MemoryLevel(name="L2", size_bytes=number(2**20, "datasheet")),
    MemoryLevel(
        name="DRAM", size_bytes=number(4e9, "datasheet"), bytes_per_s=number(10e9, "datasheet")
    ),
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
            scale_s=number(150e-12, "fitted"),
            deviations={"depthwise_3x3": 0.5, "kernel": 1.0, "weights": 0.01},
            covariance=triangle(),
            spread=Spread(width=1.2, noise=0.1),
            tile=1,
            fitted_on=_SEEN,
            held_out=HeldOut(
                protocol="one family at a time", measurements=18, median=0.067, mean=0.105
            ),
        )
    },
)
"""100 ps for a mult-add on its peaks, 150 ps by its fit."""

DATASHEET = replace(
    FITTED,
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
            macs_per_s=number(1e12, "fitted"),
            bytes_per_s=number(4e9, "fitted"),
            inference_s=number(1e-3, "fitted"),
            kernel_s=number(20e-6, "fitted"),
            spread=Spread(width=1.3, noise=0.2),
            fitted_on=replace(_SEEN, mult_adds=(0.3e9, 5e9), latency_s=(0.002, 0.05)),
        )
    },
)

BOUND = replace(
    FITTED,
    name="lower_bound_core",
    title="One core of unknown kind",
    basis="datasheet",
    runtime="tflite",
    latency={},
    kernel_overhead_s=number(10e-6),
)

PROFILES = {profile.name: profile for profile in (FITTED, DATASHEET, STICK, BOUND)}
