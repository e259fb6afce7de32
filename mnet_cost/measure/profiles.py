"""A device profile with a fit, as YAML text that `load_device` reads.

The peaks, the memory and the power stay in the profile that it extends: nothing stands twice.
"""

from __future__ import annotations

import math
import re
import textwrap
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mnet_cost.devices.coefficients import SharedCoefficients, shared_coefficients
from mnet_cost.devices.latency_models import CoefficientFit, FittedOn, HeldOut, LatencyFit, Spread
from mnet_cost.devices.sourced import Sourced
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.errors import DeviceError, Problem
from mnet_cost.escaping import printable, quoted
from mnet_cost.units import format_si
from mnet_cost.yamlfile import parse_scalar, read_yaml

_DIGITS = 4
_WIDEST = 98


def profile_text(
    *,
    name: str,
    title: str,
    basis: str,
    runtime: str,
    threads: int,
    kernels: Iterable[str],
    fits: Mapping[str, LatencyFit],
    extends: str | None = None,
    device_class: str | None = None,
    comment: Sequence[str] = (),
    runtime_version: str | None = None,
    peaks: Sequence[str] = (),
) -> str:
    """The text of a profile whose times are those of `fits`, by precision; `peaks` are lines with
    peaks and memory, of a profile that extends none."""
    lines = [*_comments(comment), "format: 1", f"name: {_quoted(name)}"]
    lines.append(f"title: {_quoted(title)}")
    if device_class is not None:
        lines.append(f"class: {device_class}")
    if extends is not None:
        lines.append(f"extends: {_scalar(extends)}  # its peaks, memory and power")
    lines += [f"basis: {basis}", f"runtime: {_quoted(runtime)}"]
    lines += [] if runtime_version is None else [_version_line(runtime_version)]
    lines.append(f"threads: {threads}")
    lines += [f"kernels: [{', '.join(sorted(kernels))}]", *peaks]
    return "\n".join([*lines, latency_text(fits, threads)])


def with_latency(
    path: str,
    fits: Mapping[str, LatencyFit],
    basis: str,
    comment: Sequence[str] = (),
    threads: int = 1,
    runtime_version: str | None = None,
) -> str:
    """The text of a profile with `fits` as its section `latency`, the rest of it untouched but for
    `basis`, and a `runtime_version` where it states none.

    Raises `DeviceError` for a file that is no profile, or is in braces.
    """
    root = read_yaml(path, error=DeviceError)
    if not isinstance(root.value, dict) or "basis" not in root.value:
        raise DeviceError(f"{path}: is no device profile: it states no `basis`")
    if root.source.line(root.line)[root.column - 1 :].startswith("{"):
        hint = "`format: 1` and so on, one key a line"
        raise DeviceError(Problem("nothing can be put into braces", root.span(), hint))
    lines = root.source.text.splitlines(keepends=True)  # as YAML breaks them
    word = root.value["basis"]
    line = lines[word.line - 1]
    if line[word.column - 1 : word.end - 1].strip("\"'") != word.value:
        hint = "write it on the line of its key: `basis: datasheet`"
        raise DeviceError(Problem("the basis is not written as one word", word.span(), hint))
    indent = " " * (root.column - 1)
    lines[word.line - 1] = line[: word.column - 1] + basis + line[word.end - 1 :]
    ending = "\r\n" if lines[0].endswith("\r\n") else "\n"
    if runtime_version is not None and "runtime_version" not in root.keys:
        # Into the line, so that no line below moves.
        place = root.keys["runtime"].line - 1
        lines[place] = f"{indent}{_version_line(runtime_version)}{ending}{lines[place]}"
    end = next((i for i, line in enumerate(lines) if _END_OF_DOCUMENT.match(line)), len(lines))
    lines, behind = lines[:end], lines[end:]
    if "latency" in root.keys:
        start = root.keys["latency"].line - 1
        later = [key.line - 1 for key in root.keys.values() if key.line - 1 > start]
        stop = min(later, default=len(lines))
        while lines[stop - 1].startswith((f"{indent}#", *"\r\n")):
            stop -= 1  # what stands behind is about the next key
        del lines[_start_of_comment(lines, start, indent) : stop]
    if lines and not lines[-1].endswith(("\r", "\n")):
        lines[-1] += ending
    head = _comments((_FITTED_BY, *comment)) if comment else []
    section = textwrap.indent("\n".join([*head, latency_text(fits, threads)]), indent)
    mark = "\ufeff" if Path(path).read_bytes().startswith(BOM_UTF8) else ""
    return mark + "".join([*lines, section.replace("\n", ending), *behind])


_END_OF_DOCUMENT = re.compile(r"\.\.\.(\s|$)")


_FITTED_BY = "Fitted by"


def _start_of_comment(lines: Sequence[str], start: int, indent: str) -> int:
    """Where the words on how an old fit was made begin; `start` where there are none."""
    first = start
    while first and lines[first - 1].startswith(f"{indent}#"):
        first -= 1
        if lines[first].strip() == f"# {_FITTED_BY}":
            return first
    return start


def _version_line(version: str) -> str:
    return f"runtime_version: {quoted(version)}"


def _comments(lines: Iterable[str]) -> list[str]:
    return [f"# {printable(line)}" for line in lines]


def latency_text(fits: Mapping[str, LatencyFit], threads: int = 1) -> str:
    """The section `latency` alone, to be put into a profile of one's own."""
    lines = ["latency:"]
    for precision, fit in fits.items():
        lines.append(f"  {precision}:")
        if isinstance(fit, CoefficientFit):
            body = _coefficients(fit, shared_coefficients(fit.shared, precision, threads))
        else:
            body = _roofline(fit)
        body += _evidence(fit.spread, fit.fitted_on, fit.held_out)
        lines += [f"    {line}" for line in body]
    return "\n".join(lines) + "\n"


def _coefficients(fit: CoefficientFit, shared: SharedCoefficients) -> list[str]:
    lines = ["coefficients:", *_sourced("scale", fit.scale_s, "s")]
    if fit.tile > 1:
        lines.append(f"  tile: {fit.tile}")
    lines += [
        f"  shared: {fit.shared} # the coefficients of terms that are not named below",
        "  relative: # coefficients, relative to the scale",
        *(
            f"    {name}: {common * math.exp(fit.deviations[name]):.5g}"
            for name, common in zip(TERM_NAMES, shared.coefficients, strict=True)
            if name in fit.deviations
        ),
    ]
    lines.append(
        "  covariance: # of the logarithms of scale and coefficients: a row goes to its diagonal"
    )
    names = ("scale", *TERM_NAMES)
    rows = [i for i, row in enumerate(fit.covariance) if any(row[:i])]
    for i in [0, *rows]:
        row = [fit.covariance[i][j] for j in [0, *rows] if j <= i]
        lines += _list(f"    {names[i]}: ", [_short(covariance) for covariance in row])
    return lines


def _roofline(fit: LatencyFit) -> list[str]:
    assert not isinstance(fit, CoefficientFit)
    lines = ["roofline:"]
    for key, number, unit in (
        ("macs", fit.macs_per_s, "MAC/s"),
        ("bytes", fit.bytes_per_s, "B/s"),
        ("inference", fit.inference_s, "s"),
        ("kernel", fit.kernel_s, "s"),
    ):
        if number is not None:
            lines += _sourced(key, number, unit)
    return lines


def _sourced(key: str, number: Sourced, unit: str) -> list[str]:
    return [
        f"  {key}:",
        f"    value: {format_si(number.value, unit, _DIGITS)}",
        f"    basis: {number.basis}",
        *wrapped("    source: ", number.source),
    ]


def _evidence(spread: Spread, seen: FittedOn | None, held_out: HeldOut | None) -> list[str]:
    lines = [f"band: {{width: {spread.width:.3g}, noise: {spread.noise:.3g}}}"]
    if seen is not None:
        mult_adds = ", ".join(format_si(mult_adds, "MAC", _DIGITS) for mult_adds in seen.mult_adds)
        latency = ", ".join(format_si(seconds, "s", _DIGITS) for seconds in seen.latency_s)
        lines += [
            "fitted_on:",
            f"  networks: {seen.networks}",
            *([f"  small_graphs: {seen.small_graphs}"] if seen.small_graphs else []),
            *_list("  families: ", [_quoted(family) for family in seen.families]),
            f"  mult_adds: [{mult_adds}]",
            f"  latency: [{latency}]",
            *_list("  terms: ", seen.terms),
        ]
    if held_out is not None:
        lines += [
            # Shared coefficients have seen the families on other devices, which a reader must know.
            "held_out: # shares of the measured time"
            + ("; families are known from other devices" if seen and seen.terms else ""),
            f"  protocol: {held_out.protocol}",
            f"  measurements: {held_out.measurements}",
            f"  median: {held_out.median:.3g}",
            f"  mean: {held_out.mean:.3g}",
        ]
        if held_out.worst is not None and held_out.worst_error is not None:
            lines += [
                f"  worst: {_quoted(held_out.worst)}",
                f"  worst_error: {held_out.worst_error:.3g}",
            ]
        for key, share in (
            ("by_mult_adds", held_out.by_mult_adds), ("noise_floor", held_out.noise_floor),
        ):  # fmt: skip
            lines += [] if share is None else [f"  {key}: {share:.3g}"]
    return lines


def _short(value: float) -> str:
    """Four decimals: more would say nothing of a band."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _list(key: str, words: Sequence[str]) -> list[str]:
    """A flow list over as many lines as it needs."""
    lines, line = [], key + "["
    for i, word in enumerate(words):
        piece = word + (", " if i + 1 < len(words) else "]")
        if len(line) + len(piece) > _WIDEST - 4:
            lines.append(line.rstrip())
            line = " " * (len(key) - len(key.lstrip()) + 4)
        line += piece
    return [*lines, line if words else key + "[]"]


def wrapped(key: str, text: str) -> list[str]:
    """Quoted text over as many lines as it needs: YAML folds its breaks to blanks."""
    lines, line = [], key + '"'
    indent = " " * (len(key) - len(key.lstrip()) + 2)
    for word in quoted(_shown(text))[1:-1].split():
        if len(line) + len(word) + 1 > _WIDEST - 4 and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    return [*lines, line.rstrip() + '"']


def _quoted(text: str) -> str:
    """Words as a YAML scalar, in one line."""
    return _scalar(_shown(text))


def _scalar(text: str) -> str:
    """Exactly `text` as a YAML scalar."""
    plain = text.replace(" ", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
    if (
        plain
        and text.isascii()
        and text[:1].isalpha()
        and parse_scalar(text) == text == text.strip()
    ):
        return text
    return quoted(text)


def _shown(text: str) -> str:
    """Words with one blank between them; what does not show is written in words of its code."""
    return printable(" ".join(text.split()))
