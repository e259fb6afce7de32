"""Quantities with units: text to numbers for input, numbers to text for output.

No other module knows prefixes. Inside the program every quantity is a plain number, and the end of
its name is its unit (`size_bytes`, `macs_per_s`). GB is 10**9 bytes, GiB is 2**30; 1 MAC is 2 FLOP.
Not here: bits, and units that a reader may take two ways (KB, TOPS): they are refused.
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

from mnet_cost.errors import Problem, UnitError, did_you_mean, one_of

_GREEK_MU = "\N{GREEK SMALL LETTER MU}"  # looks like the micro sign, and keyboards have it

POWERS_OF_TEN = {
    "P": 15,
    "T": 12,
    "G": 9,
    "M": 6,
    "k": 3,
    "": 0,
    "m": -3,
    "µ": -6,
    _GREEK_MU: -6,
    "u": -6,
    "n": -9,
    "p": -12,
}
"""The power of ten that each prefix of a unit stands for."""
_POWERS_OF_TWO = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40}
_LARGE = ("P", "T", "G", "M", "k", "")
_SMALL = ("m", "µ", "n", "p")

_NUMBER = re.compile(r"(?P<digits>[0-9]+(\.[0-9]*)?|\.[0-9]+)([eE](?P<power>[-+]?[0-9]{1,6}))?")

_BITS = re.compile(r"[kKMGTP]?i?(b|bits?)(ps|/s)?")
_TOPS = re.compile(r"[kMGTP]?(OPS|Ops|ops|OP/s)")


class _Unit(NamedTuple):
    dimension: str
    example: str
    whole: bool = False
    """Whether it counts whole things, so that a milli-byte is a typing error."""
    binary: bool = False
    counted_as: tuple[str, float] | None = None
    """Another unit that this one is accepted for, and the factor: one FLOP is 0.5 MAC."""


_UNITS = {
    "B": _Unit("a size", "4.5 MB", whole=True, binary=True),
    "B/s": _Unit("a bandwidth", "25.6 GB/s", whole=True, binary=True),
    "MAC": _Unit("a number of mult-adds", "569 MMAC", whole=True),
    "MAC/s": _Unit("a rate of mult-adds", "9.4 GMAC/s", whole=True),
    "FLOP": _Unit("a number of FLOPs", "1.1 GFLOP", whole=True, counted_as=("MAC", 0.5)),
    "FLOP/s": _Unit("a rate of FLOPs", "19 GFLOP/s", whole=True, counted_as=("MAC/s", 0.5)),
    "op": _Unit("a number of operations", "20 Mop", whole=True),
    "op/s": _Unit("a rate of operations", "9.4 Gop/s", whole=True),
    "s": _Unit("a time", "12 ms"),
    "Hz": _Unit("a frequency", "1.5 GHz"),
    "W": _Unit("a power", "5 W"),
    "J": _Unit("an energy", "3 mJ"),
    "J/MAC": _Unit("an energy per mult-add", "400 pJ/MAC"),
    "J/B": _Unit("an energy per byte", "160 pJ/B"),
}


_FILE_UNITS = {"_s": ("_ms", 1e3), "_j": ("_mj", 1e3)}
_RATES = ("_per_s",)


def file_unit(key: str) -> tuple[str, str, float]:
    """A key without its unit, the ending that has the unit of files, and the factor into it.

    Keys say in which unit the program computes; files have milliseconds and millijoules:
    `latency_s` gives `("latency", "_ms", 1000)`. Keys of all else, rates per second among them,
    are the same in files: `traffic_bytes` gives `("traffic_bytes", "", 1)`.
    """
    for ending, (other, factor) in _FILE_UNITS.items():
        if key.endswith(ending) and not key.endswith(_RATES):
            return key.removesuffix(ending), other, factor
    return key, "", 1


def parse_quantity(text: str, unit: str) -> float:
    """The number that `text` states, in `unit`: `parse_quantity("25.6 GB/s", "B/s")` is 25.6e9.

    Where MAC/s is asked for, FLOP/s is accepted and halved. Zero is accepted; the caller decides
    whether it makes sense. Raises `UnitError` for text that is no such quantity.
    """
    asked = _UNITS[unit]
    stripped = text.strip()
    unsigned = stripped.removeprefix("+")
    match = _NUMBER.match(unsigned)
    if not match:
        raise _not_a_number(text, stripped, asked)
    written = unsigned[match.end() :].replace(" ", "")
    if not written:
        raise _error(
            f"`{text}` has no unit; {asked.dimension} is asked for",
            f"a number alone can mean anything: write for example `{asked.example}`",
        )
    prefix, written_unit = _split(written, unit)
    if written_unit is None:
        raise _unknown_unit(text, written, unit)
    factor = 1.0
    if written_unit != unit:
        other = _UNITS[written_unit]
        if other.counted_as is None or other.counted_as[0] != unit:
            raise _error(
                f"`{text}` is {other.dimension}; {asked.dimension} is asked for",
                f"write for example `{asked.example}`",
            )
        factor = other.counted_as[1]
    return _value(text, match, prefix, factor)


_COUNT = _Unit("a number of things", "150 M", whole=True)


def parse_count(text: str) -> float:
    """The number of things that `text` states: `parse_count("1.5 M")` is 1.5e6, and `1000` is 1000.

    Raises `UnitError` for text that is no such number.
    """
    stripped = text.strip()
    unsigned = stripped.removeprefix("+")
    match = _NUMBER.match(unsigned)
    if not match:
        raise _not_a_number(text, stripped, _COUNT)
    prefix = unsigned[match.end() :].replace(" ", "")
    if prefix not in _LARGE:
        hint = f"write for example `{_COUNT.example}`: prefixes are k, M, G, T and P"
        raise _error(f"`{text}` is no number of things: it has no unit but a prefix", hint)
    return _value(text, match, prefix)


def _value(text: str, match: re.Match[str], prefix: str, factor: float = 1.0) -> float:
    """The number that was matched, with its prefix, times `factor`."""
    digits, power = match["digits"], int(match["power"] or 0)
    if prefix in _POWERS_OF_TWO:
        value = float(f"{digits}e{power}") * 2.0 ** _POWERS_OF_TWO[prefix] * factor
    else:
        # The power of ten goes into the text: what float() reads is rounded once, exactly.
        value = float(f"{digits}e{power + POWERS_OF_TEN[prefix]}") * factor
    if math.isinf(value) or (value == 0 and digits.strip("0.")):
        raise _error(f"`{text}` is too {'small' if value == 0 else 'large'} for a number")
    return value


def format_si(value: float, unit: str, digits: int = 3) -> str:
    """`value`, in `unit`, with `digits` significant digits and a prefix: `25.6 GB/s`.

    A whole number below 1000 is written without rounding. Units that count things (bytes, MAC) have
    no prefix below one.
    """
    value = float(value)
    if not math.isfinite(value):
        return f"{value} {unit}".rstrip()
    if value == int(value) and abs(value) < 1000:
        return f"{int(value)} {unit}".rstrip()
    if unit in _UNITS and not _UNITS[unit].whole:
        large = ("",) if unit == "s" else _LARGE  # nobody says kiloseconds
        prefixes: tuple[str, ...] = (*large, *_SMALL)
    else:
        prefixes = _LARGE
    # The exponent of the rounded number: 999,960 to four digits is 1.000 M, not 1000 k.
    exponent = int(f"{value:.{digits - 1}e}".partition("e")[2])
    fitting = (prefix for prefix in prefixes if POWERS_OF_TEN[prefix] <= exponent)
    prefix = next(fitting, prefixes[-1])
    power = POWERS_OF_TEN[prefix]
    number = value / 10.0**power if power >= 0 else value * 10.0**-power
    if exponent < power:  # smaller than the smallest prefix
        return f"{number:.{digits}g} {prefix}{unit}".rstrip()
    return f"{number:.{max(0, digits - 1 - exponent + power)}f} {prefix}{unit}".rstrip()


def format_bytes(value: float, digits: int = 3) -> str:
    """A number of bytes as text: 4.82 MB."""
    return format_si(value, "B", digits)


def format_capacity(value: float) -> str:
    """The bytes of a memory, with the prefix that makes the number short: 512 KiB, 4.00 GB."""
    if value % 1024 == 0 and value % 1000:
        for prefix in reversed(_POWERS_OF_TWO):
            whole = value / 2 ** _POWERS_OF_TWO[prefix]
            if whole == int(whole):
                return f"{whole:.0f} {prefix}B"
    return format_bytes(value)


def format_count(value: float, digits: int = 4) -> str:
    """A number of things, with a prefix and no unit: 568.7 M."""
    return format_si(value, "", digits)


def format_seconds(value: float, digits: int = 3) -> str:
    """A number of seconds as text: 12.3 ms."""
    return format_si(value, "s", digits)


def _split(written: str, unit: str) -> tuple[str, str | None]:
    """Prefix and unit of the text after the number; None where there is no such unit."""
    for name in (unit, *_UNITS):  # the unit asked for first
        if written.endswith(name):
            prefix = written[: len(written) - len(name)]
            if prefix in _prefixes_of(name):
                return prefix, name
    return "", None


def _prefixes_of(unit: str) -> tuple[str, ...]:
    entry = _UNITS[unit]
    small = () if entry.whole else (*_SMALL, "u", _GREEK_MU)
    return (*_LARGE, *small, *(_POWERS_OF_TWO if entry.binary else ()))


def _error(message: str, hint: str | None = None) -> UnitError:
    return UnitError(Problem(message, hint=hint))


def _not_a_number(text: str, stripped: str, asked: _Unit) -> UnitError:
    if stripped.startswith(("-", "\N{MINUS SIGN}")):
        return _error(f"`{text}` is negative; {asked.dimension} cannot be")
    if stripped.lower().lstrip("+.").startswith(("nan", "inf")):
        return _error(f"`{text}` is not a finite number")
    return _error(
        f"`{text}` does not start with a number; {asked.dimension} is asked for",
        f"write for example `{asked.example}`",
    )


def _unknown_unit(text: str, written: str, unit: str) -> UnitError:
    asked = _UNITS[unit]
    if written[0] in ",_'":
        hint: str | None = "write a number without separators, with a point: `1234.5`"
    elif written in ("KB", "KB/s"):
        rest = written[1:]
        hint = f"`KB` is 1000 bytes to some and 1024 to others: write `k{rest}` or `Ki{rest}`"
    elif _BITS.fullmatch(written):
        hint = "a bit is an eighth of a byte: divide by 8 and write B"
    elif _TOPS.fullmatch(written) and unit == "MAC/s":
        hint = "TOPS counts a mult-add as two operations: halve it and write TMAC/s"
    else:
        known = [prefix + unit for prefix in _prefixes_of(unit)]
        if unit in ("MAC", "MAC/s"):
            known += [prefix + unit.replace("MAC", "FLOP") for prefix in _LARGE]
        same = [name for name in known if name.lower() == written.lower()]
        hint = f"did you mean {one_of(same)}?" if same else did_you_mean(written, known)
        hint = hint or f"write for example `{asked.example}`"
    return _error(f"`{text}`: there is no unit `{written}`; {asked.dimension} is asked for", hint)
