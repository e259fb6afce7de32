"""A device profile with a fit, as YAML text that `load_device` reads.

The peaks, the memory and the power stay in the profile that it extends: nothing stands twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mnet_cost.devices.fits import FittedOn, HeldOut, LatencyFit, PriceFit, Spread
from mnet_cost.devices.sourced import Sourced
from mnet_cost.devices.terms import TERM_NAMES
from mnet_cost.errors import DeviceError
from mnet_cost.units import format_si
from mnet_cost.yamlfile import read_yaml

_DIGITS = 4
_WIDEST = 98


def profile_text(
    *,
    name: str,
    title: str,
    tier: str,
    runtime: str,
    threads: int,
    kernels: Iterable[str],
    fits: Mapping[str, LatencyFit],
    extends: str | None = None,
    device_class: str | None = None,
    comment: Sequence[str] = (),
) -> str:
    """The text of a profile whose times are those of `fits`, by precision."""
    lines = [*(f"# {line}" for line in comment), "format: 1", f"name: {name}"]
    lines.append(f"title: {_quoted(title)}")
    if device_class is not None:
        lines.append(f"class: {device_class}")
    if extends is not None:
        lines.append(f"extends: {extends}  # its peaks, memory and power")
    lines += [f"tier: {tier}", f"runtime: {_quoted(runtime)}", f"threads: {threads}"]
    lines.append(f"kernels: [{', '.join(sorted(kernels))}]")
    return "\n".join([*lines, latency_text(fits)])


def with_latency(
    path: str, fits: Mapping[str, LatencyFit], tier: str, comment: Sequence[str] = ()
) -> str:
    """The text of a profile with `fits` as its section `latency`, the rest of it untouched.

    Raises `DeviceError` for a file that is no profile.
    """
    root = read_yaml(path, error=DeviceError)
    lines = root.source.text.splitlines()
    if not isinstance(root.value, dict) or "tier" not in root.value:
        raise DeviceError(f"{path}: is no device profile: it states no `tier`")
    line, word = root.value["tier"].line - 1, root.value["tier"]
    lines[line] = lines[line][: word.column - 1] + tier + lines[line][word.end - 1 :]
    if "latency" in root.keys:
        start = root.keys["latency"].line - 1
        later = [key.line - 1 for key in root.keys.values() if key.line - 1 > start]
        stop = min(later, default=len(lines))
        while start and lines[start - 1].startswith("#"):  # how the old fit was made
            start -= 1
        del lines[start:stop]
    while lines and not lines[-1].strip():
        lines.pop()
    head = [f"# {line}" for line in ("Fitted by", *comment)] if comment else []
    return "\n".join([*lines, *head, latency_text(fits)])


def latency_text(fits: Mapping[str, LatencyFit]) -> str:
    """The section `latency` alone, to be put into a profile of one's own."""
    lines = ["latency:"]
    for precision, fit in fits.items():
        lines.append(f"  {precision}:")
        body = _prices(fit) if isinstance(fit, PriceFit) else _roofline(fit)
        body += _evidence(fit.spread, fit.fitted_on, fit.held_out)
        lines += [f"    {line}" for line in body]
    return "\n".join(lines) + "\n"


def _prices(fit: PriceFit) -> list[str]:
    lines = ["prices:", *_sourced("scale", fit.scale_s, "s")]
    if fit.tile > 1:
        lines.append(f"  tile: {fit.tile}")
    lines.append("  deviations: # logarithms of a price over the shared one")
    lines += [f"    {name}: {_short(value)}" for name, value in fit.deviations.items()]
    lines.append(
        "  covariance: # of the logarithms of scale and prices: a row goes to its diagonal"
    )
    names = ("scale", *TERM_NAMES)
    told = [i for i, row in enumerate(fit.covariance) if any(row[:i])]
    for i in [0, *told]:
        row = [fit.covariance[i][j] for j in [0, *told] if j <= i]
        lines += _list(f"    {names[i]}: ", [_short(one) for one in row])
    return lines


def _roofline(fit: LatencyFit) -> list[str]:
    assert not isinstance(fit, PriceFit)
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
        f"    standing: {number.standing}",
        *_wrapped("    source: ", number.source),
    ]


def _evidence(spread: Spread, seen: FittedOn | None, held_out: HeldOut | None) -> list[str]:
    lines = [f"band: {{width: {spread.width:.3g}, noise: {spread.noise:.3g}}}"]
    if seen is not None:
        mult_adds = ", ".join(format_si(one, "MAC", _DIGITS) for one in seen.mult_adds)
        latency = ", ".join(format_si(one, "s", _DIGITS) for one in seen.latency_s)
        lines += [
            "fitted_on:",
            f"  networks: {seen.networks}",
            *_list("  families: ", [_quoted(one) for one in seen.families]),
            f"  mult_adds: [{mult_adds}]",
            f"  latency: [{latency}]",
            *_list("  terms: ", seen.terms),
        ]
    if held_out is not None:
        lines += [
            # Shared prices have seen the families on other devices, which a reader must know.
            "held_out: # shares of the measured time"
            + ("; families are known from other devices" if seen and seen.terms else ""),
            f"  protocol: {held_out.protocol}",
            f"  measurements: {held_out.measurements}",
            f"  median: {held_out.median:.3g}",
            f"  mean: {held_out.mean:.3g}",
        ]
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


def _wrapped(key: str, text: str) -> list[str]:
    """Quoted text over as many lines as it needs: YAML folds its breaks to blanks."""
    lines, line = [], key + '"'
    indent = " " * (len(key) - len(key.lstrip()) + 2)
    for word in text.replace("\\", "/").replace('"', "'").split():
        if len(line) + len(word) + 1 > _WIDEST - 4 and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += word + " "
    return [*lines, line.rstrip() + '"']


def _quoted(text: str) -> str:
    """Text as a YAML scalar."""
    clean = text.replace("\\", "/").replace('"', "'")
    plain = clean.replace(" ", "").replace("-", "").replace("_", "").replace(".", "").isalnum()
    return clean if plain and clean[:1].isalpha() else f'"{clean}"'
