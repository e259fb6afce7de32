"""Coefficients of terms that devices have in common, and what is known of one without a
measurement.

Devices share coefficients where one runtime runs on them: each file of `specs/coefficients` has
those of a runtime, in a section for each precision and number of threads that was measured. They
are fitted to the published measurements in `benchmarks/accuracy`, whose README says how; they are
data, so that nothing in the code is a number of that fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import exp, hypot, log, log2
from types import MappingProxyType
from typing import Any, NamedTuple

from mnet_cost.devices.latency_models import DEFAULT_SHARED, CoefficientFit, Spread
from mnet_cost.devices.rules import RUNTIME_RULES, is_accelerated, is_eager
from mnet_cost.devices.sourced import Sourced
from mnet_cost.devices.terms import TERM_NAMES, moved_together
from mnet_cost.devices.types import ACCELERATORS, ComputeRate, DeviceProfile
from mnet_cost.shipped import specs_folder
from mnet_cost.yamlfile import Node, read_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class PeakShare:
    """How much of its peak a processor reaches in large 1x1 convolutions."""

    share: float
    spread: float
    """Standard deviation of its logarithm, over devices."""


class Caches(NamedTuple):
    """Bytes up to which caches hold something, and bytes from which they do not."""

    weights: tuple[float, float]
    """Of a network, from one inference to the next."""
    activations: tuple[float, float]
    """In and out of a kernel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCoefficients:
    """What is taken of a device before it is measured."""

    name: str
    """The file that it is from."""
    source: str
    coefficients: tuple[float, ...]
    """In the order of `TERMS`; the first is 1. What the runtime has no cost of is 0."""
    spreads: tuple[float, ...]
    """Standard deviations of the logarithms of cost coefficients, over devices."""
    peak_shares: Mapping[str, PeakShare]
    """The share of the peak that cores reach, by pipeline; of microcontrollers by core, too."""
    measured: Spread
    """The band of an estimate from a fit to measurements."""
    unmeasured: Spread
    """The band of an estimate without a fit to measurements."""
    together: float = 0.0
    """Standard deviation of a logarithm that all terms but `PRODUCTS` have in common: how far
    devices differ in the rate of products alone."""
    caches: Caches | None = None
    """None where what caches hold was not seen to cost less."""


MICROCONTROLLERS = "microcontrollers"
"""Cores without vectors, whose weights are in flash: what compiles a network into kernels of its
own, as those of vendors do."""

NPU = "npu"
"""Accelerators, whose weights come from main memory and take a large part of the time."""

_OF_RUNTIME: Mapping[str, str] = MappingProxyType(
    {
        "tflite": "tflite",
        "xnnpack": "tflite",
        "onnxruntime": "onnxruntime",
        # Measured on cores with large caches and without Winograd, as ONNX Runtime.
        "openvino": "onnxruntime",
        "torch-compile": "torch-compile",
    }
)
"""The file of a runtime, by its name or the first word of it."""

_OF_MICROCONTROLLERS: Mapping[str, str] = MappingProxyType(
    {
        "x-cube-ai": MICROCONTROLLERS,
        "stedgeai": MICROCONTROLLERS,
        "tinyengine": MICROCONTROLLERS,
        "plumerai": MICROCONTROLLERS,
        "hale": MICROCONTROLLERS,
        "tflm-reference": f"{MICROCONTROLLERS}_reference",
        # These call kernels of CMSIS-NN or of the maker of the chip for one layer after another.
        "tflm": f"{MICROCONTROLLERS}_tflm",
        "microtvm": f"{MICROCONTROLLERS}_tflm",
        "onnc": f"{MICROCONTROLLERS}_tflm",
    }
)
"""The same of runtimes that were measured on microcontrollers; others are taken for compilers."""

_WITH_LARGE_CACHES = ("server", "laptop", None)
"""Classes of devices on which the runtimes of the file `onnxruntime` were measured."""

SHARED_NAMES = tuple(
    dict.fromkeys((DEFAULT_SHARED, *_OF_RUNTIME.values(), *_OF_MICROCONTROLLERS.values(), NPU))
)
"""The files: by runtime, and by what has no runtime in common with processors."""

MEASURED_THREADS = (1, 2, 4, 8)
"""Numbers of threads that the default file has. Of more nothing was measured."""

_ABSENT = 1.0
"""Spread of a term that a file does not list. Nothing depends on it: its coefficient is 0."""

_BORROWED = 0.2
"""Spread of a coefficient that is another file's by its ratio to one thread, beside that of its
own: as runs of one runtime were seen to differ in it."""

THREADS_NOISE = 0.15
"""Noise of a time with several threads by coefficients of another runtime: so that bands hold 80 %
of what Tengine and Arm NN take with four (`python benchmarks/accuracy runtimes`)."""


_RUNTIMES_DIFFER = 2.0
"""Factor to spreads over devices. Chosen on the tables of six runtimes that no coefficients were
fitted to: 1, 1.5, 2 and 3 were tried, and with 2 bands from one network hold about 80 % in the mean
of these, from 32 % to all."""


def of_another_runtime(shared: SharedCoefficients) -> SharedCoefficients:
    """`shared` for a runtime that nobody measured, while nothing says how far it differs.

    What devices with and without 8-bit dot products differ by is as wide already.
    """
    if shared.together:
        return shared
    return replace(shared, spreads=tuple(_RUNTIMES_DIFFER * spread for spread in shared.spreads))


def _of_name(files: Mapping[str, str], runtime: str) -> str | None:
    return files.get(runtime) or files.get(runtime.partition("-")[0])


def shared_name(
    runtime: str, device_class: str | None, pipeline: str | None, precision: str = "fp32"
) -> str:
    """The file with the coefficients of a runtime on a kind of core.

    At int8, runtimes that are not known are taken to be like TensorFlow Lite, of which more is
    known: left out, Paddle Lite and Arm NN were nearer to it than to ncnn.
    """
    if device_class == "microcontroller":
        return _of_name(_OF_MICROCONTROLLERS, runtime) or MICROCONTROLLERS
    if pipeline is None and (device_class in ACCELERATORS or is_accelerated(runtime)):
        return NPU
    name = _of_name(_OF_RUNTIME, runtime)
    if name == "onnxruntime" and (precision == "int8" or device_class not in _WITH_LARGE_CACHES):
        # At int8 OpenVINO's times were nearer to those of ncnn.
        return DEFAULT_SHARED
    if name is None and precision == "int8" and runtime.partition("-")[0] != DEFAULT_SHARED:
        return "tflite"
    return name or DEFAULT_SHARED


def shared_name_of(device: DeviceProfile, precision: str = "fp32") -> str:
    """The file that a profile takes coefficients from where it has no fit."""
    return shared_name(device.runtime, device.device_class, device.pipeline, precision)


def named_runtimes() -> tuple[str, ...]:
    """Runtimes of which something is known: what they do with layers, or what that costs."""
    return tuple(dict.fromkeys((*RUNTIME_RULES, *_OF_RUNTIME, *_OF_MICROCONTROLLERS)))


def is_named_runtime(runtime: str) -> bool:
    """Whether something is known of a runtime, by its name or the first word of it."""
    names = named_runtimes()
    return runtime in names or runtime.partition("-")[0] in names


def is_measured_runtime(
    runtime: str, device_class: str | None, pipeline: str | None, precision: str = "fp32"
) -> bool:
    """Whether shared coefficients are those of the runtime itself, not of one taken for it."""
    if device_class == "microcontroller":
        return _of_name(_OF_MICROCONTROLLERS, runtime) is not None
    is_default = runtime.partition("-")[0] == DEFAULT_SHARED
    own = DEFAULT_SHARED if is_default else _of_name(_OF_RUNTIME, runtime)
    return own == shared_name(runtime, device_class, pipeline, precision)


@cache
def _file(name: str) -> Mapping[str, Any]:
    plain: Mapping[str, Any] = _plain(
        read_yaml(str(specs_folder() / "coefficients" / f"{name}.yaml"))
    )
    return plain


_APART = ("caches", "other_runtimes", "other_versions")
"""Keys of a file that are no sections."""


def spread_of_runtimes(name: str = DEFAULT_SHARED) -> float:
    """Standard deviation of the logarithm of a scale, over runtimes on one core: of the kind of
    cores that a file is of."""
    of = MICROCONTROLLERS if name.startswith(MICROCONTROLLERS) else DEFAULT_SHARED
    return float(_file(of)["other_runtimes"]["spread"])


def spread_of_versions() -> float:
    """The same of a time, over versions of one runtime on one device."""
    return float(_file(DEFAULT_SHARED)["other_versions"]["spread"])


@cache
def _sections(name: str) -> Mapping[str, SharedCoefficients]:
    plain = _file(name)
    stated = plain.get("caches")
    caches = stated and Caches(
        weights=_two(stated["weights"]),
        activations=_two(stated["activations"]),
    )
    sections = {
        key: part for key, part in plain.items() if isinstance(part, dict) and key not in _APART
    }
    return {key: _coefficients(name, part, caches) for key, part in sections.items()}


def section_name(precision: str, threads: int) -> str:
    """The section of a precision, of which int8 alone has kernels of its own, and of threads."""
    kernels = "int8" if precision == "int8" else "fp32"
    return kernels if threads == 1 else f"{kernels}_{threads}_threads"


@cache
def shared_coefficients(
    name: str = DEFAULT_SHARED, precision: str = "fp32", threads: int = 1
) -> SharedCoefficients:
    """The cost coefficients that a way to run has in common with others; read once.

    Between two numbers of threads that were measured they lie between theirs, by the logarithm of
    the number; beyond the most they are those of the most. Where a file lacks a precision, those of
    fp32 are taken, and where it lacks threads, those of the nearest number, changed as in the
    default file.
    """
    fewer = max(count for count in MEASURED_THREADS if count <= threads)
    more = min((count for count in MEASURED_THREADS if count >= threads), default=fewer)
    below, above = (_of_threads(name, precision, count) for count in (fewer, more))
    return below if fewer == more else _between(below, above, log2(threads / fewer))


@cache
def _of_threads(name: str, precision: str, threads: int) -> SharedCoefficients:
    """Of a number of threads out of `MEASURED_THREADS`."""
    sections = _sections(name)
    own = sections.get(section_name(precision, threads))
    if own is not None:
        return own
    known, together = _by_threads(sections, precision), 0.0
    if not known:
        known = _by_threads(sections, "fp32")
        together = _sections(DEFAULT_SHARED)[section_name(precision, 1)].together
    if not known:
        return next(iter(sections.values()))
    nearest = min(known, key=lambda count: abs(log(count / threads)))
    one = replace(known[nearest], together=max(known[nearest].together, together))
    if threads == nearest or name == NPU or name.startswith(MICROCONTROLLERS):
        return one
    default = _sections(DEFAULT_SHARED)
    single, several = (default[section_name("fp32", count)] for count in (nearest, threads))
    return SharedCoefficients(
        name=name,
        source=f"{one.source}; with {threads} threads as others gain from them: {several.source}",
        coefficients=tuple(
            own * after / before if before else own
            for own, before, after in zip(
                one.coefficients, single.coefficients, several.coefficients, strict=True
            )
        ),
        spreads=tuple(hypot(spread, _BORROWED) for spread in one.spreads),
        peak_shares={
            pipeline: PeakShare(
                share=share.share * after.share / before.share,
                spread=max(share.spread, after.spread),
            )
            for pipeline, share in one.peak_shares.items()
            if (before := single.peak_shares.get(pipeline))
            and (after := several.peak_shares.get(pipeline))
        },
        measured=with_noise(_wider(one.measured, several.measured), THREADS_NOISE),
        unmeasured=with_noise(_wider(one.unmeasured, several.unmeasured), THREADS_NOISE),
        together=one.together,
        caches=one.caches,
    )


def _by_threads(
    sections: Mapping[str, SharedCoefficients], precision: str
) -> dict[int, SharedCoefficients]:
    """The sections of a precision."""
    found = {count: sections.get(section_name(precision, count)) for count in MEASURED_THREADS}
    return {count: section for count, section in found.items() if section is not None}


def with_noise(spread: Spread, noise: float) -> Spread:
    """A band with another source of errors."""
    return Spread(width=spread.width, noise=hypot(spread.noise, noise))


def _wider(first: Spread, other: Spread) -> Spread:
    return Spread(width=max(first.width, other.width), noise=max(first.noise, other.noise))


def _between(
    below: SharedCoefficients, above: SharedCoefficients, part: float
) -> SharedCoefficients:
    """Cost coefficients a `part` of the way from one number of threads to twice as many."""

    def coefficients(first: float, second: float) -> float:
        return first * exp(part * log(second / first)) if first else 0.0

    def spreads(first: float, second: float) -> float:
        return first + part * (second - first)

    def spread(first: Spread, second: Spread) -> Spread:
        return Spread(
            width=spreads(first.width, second.width), noise=spreads(first.noise, second.noise)
        )

    return SharedCoefficients(
        name=below.name,
        source=f"between two numbers of threads: {below.source}; {above.source}",
        coefficients=tuple(map(coefficients, below.coefficients, above.coefficients)),
        spreads=tuple(map(spreads, below.spreads, above.spreads)),
        peak_shares={
            pipeline: PeakShare(
                share=coefficients(share.share, other.share),
                spread=spreads(share.spread, other.spread),
            )
            for pipeline, share in below.peak_shares.items()
            if (other := above.peak_shares.get(pipeline))
        },
        measured=spread(below.measured, above.measured),
        unmeasured=spread(below.unmeasured, above.unmeasured),
        together=below.together,
        caches=below.caches,
    )


def _coefficients(name: str, plain: Mapping[str, Any], caches: Caches | None) -> SharedCoefficients:
    terms = plain["terms"]
    return SharedCoefficients(
        name=name,
        source=plain["source"],
        coefficients=tuple(
            float(terms[term]["coefficient"]) if term in terms else 0.0 for term in TERM_NAMES
        ),
        spreads=tuple(
            float(terms[term]["spread"]) if term in terms else _ABSENT for term in TERM_NAMES
        ),
        peak_shares={
            pipeline: PeakShare(share=float(entry["share"]), spread=float(entry["spread"]))
            for pipeline, entry in (plain["peak_share"] or {}).items()
        },
        measured=_spread(plain["measured"]),
        unmeasured=_spread(plain["unmeasured"]),
        together=float(plain.get("together", {"spread": 0.0})["spread"]),
        caches=caches,
    )


def _two(plain: list[Any]) -> tuple[float, float]:
    least, most = map(float, plain)
    return least, most


def _spread(plain: Mapping[str, Any]) -> Spread:
    return Spread(width=float(plain["width"]), noise=float(plain["noise"]))


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: _plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(child) for child in node.value]
    return node.value


def peak_shares(
    shared: SharedCoefficients, precision: str, threads: int
) -> Mapping[str, PeakShare]:
    """The shares of the peak by pipeline, of all runtimes where nobody ran this one on cores of
    known peaks."""
    if shared.name == NPU or shared.name.startswith(MICROCONTROLLERS):
        return shared.peak_shares
    return {
        **shared_coefficients(DEFAULT_SHARED, precision, threads).peak_shares,
        **shared.peak_shares,
    }


def prior_covariance(shared: SharedCoefficients) -> tuple[tuple[float, ...], ...]:
    """The lower triangle of the covariance of the logarithms of cost coefficients, over devices."""
    moved = moved_together(shared.together)
    return tuple(
        (*(moved[i] * other for other in moved[:i]), moved[i] ** 2 + spread**2)
        for i, spread in enumerate(shared.spreads)
    )


def unmeasured_fit(
    device: DeviceProfile, rate: ComputeRate, precision: str
) -> CoefficientFit | None:
    """What a data sheet says of coefficients: a share of the peak, and shared coefficients.

    None for what is no processor core, of whose kind no share of the peak is known, for more
    threads than anybody measured, or where operations are launched one at a time.
    """
    if device.threads > MEASURED_THREADS[-1] or is_eager(device.runtime):
        return None
    shared = shared_coefficients(shared_name_of(device, precision), precision, device.threads)
    of_pipeline = peak_shares(shared, precision, device.threads).get(device.pipeline or "")
    reached = of_pipeline and shared.peak_shares.get(device.core or "", of_pipeline)
    if reached is None:
        return None
    scale = Sourced(
        value=1 / (rate.macs_per_s.value * reached.share), source=shared.source, basis="derived"
    )
    of_scale = reached.spread**2
    if device.pipeline not in shared.peak_shares or not is_measured_runtime(
        device.runtime, device.device_class, device.pipeline, precision
    ):
        # The share of the peak is another runtime's.
        of_scale += spread_of_runtimes(shared.name) ** 2
    covariance = ((of_scale,), *((0.0, *row) for row in prior_covariance(shared)))
    tile = int(rate.tile.value) if rate.tile else 1
    return CoefficientFit(
        scale_s=scale,
        deviations={},
        covariance=covariance,
        spread=shared.unmeasured,
        tile=tile,
        shared=shared.name,
    )
