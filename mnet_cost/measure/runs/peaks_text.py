"""The peaks of this machine as the lines of a profile, and as the profile that a fit extends."""

from __future__ import annotations

from dataclasses import replace

from mnet_cost.devices import DeviceProfile
from mnet_cost.devices.load import parse_device
from mnet_cost.measure.profiles import wrapped
from mnet_cost.measure.runs.peaks import MARGIN, Peaks
from mnet_cost.units import format_si

_DIGITS = 4
_BLOCKS = {
    "onnxruntime": (
        {"AVX-512": 16, "AVX2": 8},
        "github.com/microsoft/onnxruntime, onnxruntime/core/mlas/lib/platform.cpp: channels of a "
        "block (NchwcBlockSize)",
    ),
    "openvino": (
        {"AVX-512": 16, "AVX2": 8},
        "github.com/uxlfoundation/oneDNN, src/cpu/x64/jit_avx512_common_conv_kernel.cpp: channels "
        "of a block (oc_block)",
    ),
    "ncnn": (
        {"AVX-512": 16, "AVX2": 8, "": 4},
        "github.com/Tencent/ncnn, src/layer/x86 and src/layer/arm: channels of a pack (elempack)",
    ),
}  # fmt: skip
"""Channels that a runtime keeps or computes together, by the vectors of the core, and where that
stands."""


def raised(peaks: Peaks, factor: float) -> Peaks:
    """The peaks where something ran so many times faster than they allow."""
    return replace(
        peaks,
        macs_per_s=peaks.macs_per_s * factor,
        levels=tuple(
            replace(level, bytes_per_s=level.bytes_per_s and level.bytes_per_s * factor)
            for level in peaks.levels
        ),
    )


def peaks_lines(peaks: Peaks, runtime: str, factor: float = 1.0) -> list[str]:
    """Lines of a profile from `pipeline` on; rates are `factor` times as high."""
    peaks = raised(peaks, factor)
    margin = f"{100 * (MARGIN - 1):.0f} % on top, since no loop reaches all that a core can"
    if factor > 1:
        margin += f"; raised by {100 * (factor - 1):.0f} %, since a network ran faster"
    many = f" by {peaks.threads} processes at once" if peaks.threads > 1 else ""
    macs = format_si(peaks.macs_per_s * MARGIN, "MAC/s", _DIGITS)
    lines = [
        f"pipeline: {peaks.pipeline}",
        "cores:",
        f"  value: {peaks.cores}",
        "  basis: measured",
        "  source: cores that programs may use here, as the system says",
        "compute:",
        "  fp32:",
        f"    macs: {macs}",
        "    basis: measured",
        *wrapped(
            "    source: ",
            f"products of float32 matrices{many} ({peaks.product}); {margin}",
        ),
        *_tile(peaks, runtime),
        "memory:",
    ]
    for level in peaks.levels:
        source = "the system" if level.size_bytes is not None else ""
        if not level.is_whole:
            source = "the least that is read more slowly"
        lines.append(f"  - level: {level.name}")
        if level.size_bytes is not None:
            lines.append(f"    size: {level.size_bytes} B")
        if level.bytes_per_s is not None:
            rate = format_si(level.bytes_per_s * MARGIN, "B/s", _DIGITS)
            working_set = format_si(level.working_set_bytes, "B", 3)
            lines.append(f"    bandwidth: {rate}")
            reads = f"reads of {working_set}{many}; {margin}"
            source = f"size: {source}; bandwidth: {reads}" if source else reads
        lines += ["    basis: measured", *wrapped("    source: ", source)]
    return lines


def _tile(peaks: Peaks, runtime: str) -> list[str]:
    channels, source = tile_of(peaks, runtime)
    if channels == 1:
        return []
    return [
        "    tile:", f"      value: {channels}", "      basis: datasheet",
        *wrapped("      source: ", source),
    ]  # fmt: skip


def tile_of(peaks: Peaks, runtime: str) -> tuple[int, str]:
    """Channels that `runtime` keeps or computes together here, 1 where that is not known; and the
    source."""
    by_vector, source = _BLOCKS.get(runtime, ({}, ""))
    return by_vector.get(peaks.vector, 1), source


def base_of(
    peaks: Peaks, runtime: str, name: str, device_class: str | None, factor: float = 1.0
) -> DeviceProfile:
    """The profile of the peaks alone."""
    head = ["format: 1", "name: machine", "title: this machine"]
    head += [] if device_class is None else [f"class: {device_class}"]
    head += ["basis: datasheet", f"runtime: {runtime}", f"threads: {peaks.threads}"]
    return parse_device("\n".join([*head, *peaks_lines(peaks, runtime, factor), ""]), name)
