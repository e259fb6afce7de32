"""Numbers that somebody printed: `thop=588962304`, `568.74 MMac`, `0.57G`.

A figure keeps the step of its last digit, since a count is rounded to it. A word such as MACs or
FLOPs decides nothing: tools use both words for the same count. Not here: what the number counts.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import NamedTuple

from mnet_cost.analysis.conventions import CONVENTIONS
from mnet_cost.errors import Problem, UsageError, did_you_mean
from mnet_cost.printed import Printed
from mnet_cost.units import POWERS_OF_TEN

OTHER_TOOLS = (
    "calflops", "deepspeed", "flopth", "keras", "onnx-opcounter", "onnx-tool", "pthflops",
    "ptflops-pytorch", "torch-pruning", "torchprofile", "torchstat", "ultralytics-thop",
)  # fmt: skip
"""Tools that have no rules of their own: a number of theirs is compared with all conventions."""

_ALIASES = {
    "flopcounter": "torch",
    "flopcountermode": "torch",
    "torchflopcounter": "torch",
    "torchutilsflopcounter": "torch",
    "pytorch": "torch",
    "pytorchopcounter": "thop",
    "openmodelzoo": "openvino",
    "mnetcost": "paper",
    "deepspeedflopsprofiler": "deepspeed",
    "onnxopcounter": "onnx-opcounter",
    "flopscounterpytorch": "ptflops",
}
"""Other names of tools, in lower case and without separators."""

_MOST_CHARACTERS = 60
_MOST_DIGITS = 24
"""Digits of a number of mult-adds in front of its point: what is counted has far fewer."""
_NUMBER = re.compile(
    r"(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+(?:_[0-9]+)*)"
    r"(?:\.(?P<decimals>[0-9]*))?"
    r"(?:[eE]\+?(?P<power>[0-9]+))?"
    r"[ ]*(?P<prefix>[kKMGBT]?)[ ]*"
    r"(?:mac|macc|flop|mult-?add|multi-?add|m-?add|op)?s?",
    re.IGNORECASE,
)
_NOT_ABOVE_0 = re.compile(rf"-(?:{_NUMBER.pattern}|inf(?:inity)?)|[-+]?nan", re.IGNORECASE)
_INFINITE = re.compile(r"\+?inf(?:inity)?", re.IGNORECASE)
_PREFIXES = {"k": "k", "m": "M", "g": "G", "b": "G", "t": "T"}
"""`B` stands for billions, as papers write them."""

_LEAST_ZEROS = 3
"""So many zeros at the end of a number without prefix may be digits that were rounded away."""


class Figure(NamedTuple):
    """A number of mult-adds, or of FLOPs, as printed."""

    text: str
    """As given."""
    tool: str | None
    """Who printed it: a convention or one of `OTHER_TOOLS`; None where nobody says it."""
    printed: Printed
    """With the step of the last digit."""
    coarse: Printed | None = None
    """The same, if the zeros at its end are no digits."""

    @property
    def value(self) -> int:
        """The number as it is printed."""
        return int(self.printed.value)

    @property
    def digits(self) -> int:
        """How many digits it states."""
        return len(str(int(self.printed.value / self.printed.step)))


def read_figure(text: str) -> Figure:
    """The figure of `NAME=NUMBER` or `NUMBER`.

    Raises `UsageError` for a name that is no tool's, and for what is no number above 0.
    """
    name, is_named, number = text.rpartition("=")
    tool = _tool(name, text) if is_named else None
    printed = _printed(number, text)
    return Figure(text.strip(), tool, printed, _coarse(printed))


def _tool(name: str, text: str) -> str:
    """The tool of that name, however it is written."""
    known = [convention.name for convention in CONVENTIONS]
    bare = _bare(name)
    for tool in (*known, *OTHER_TOOLS):
        if bare == _bare(tool):
            return tool
    if bare in _ALIASES:
        return _ALIASES[bare]
    every = f"there are {', '.join(known)}; a number without a name is compared with all"
    hint = did_you_mean(name.strip(), (*known, *OTHER_TOOLS)) or every
    raise UsageError(
        Problem(f"`{text.strip()}`: there is no convention or tool `{name.strip()}`", hint=hint)
    )


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _printed(number: str, text: str) -> Printed:
    """The number with its step."""
    stripped = number.strip()
    if _NOT_ABOVE_0.fullmatch(stripped):
        raise UsageError(Problem(f"`{_short(text)}`: a number of mult-adds is above 0"))
    match = _NUMBER.fullmatch(stripped)
    if _INFINITE.fullmatch(stripped) or (match is not None and _is_too_large(match)):
        raise UsageError(
            Problem(f"`{_short(text)}`: a number of mult-adds has at most {_MOST_DIGITS} digits")
        )
    if len(stripped) > _MOST_CHARACTERS:
        match = None
    if match is None:
        example = "write it as it is printed: `588962304`, `588,962,304`, `0.57G`, `568.74 MMac`"
        hint: str | None = example
        if re.fullmatch(r"[0-9]+,[0-9]{1,2}\s*[a-zA-Z]*", stripped):
            hint = f"write a point: `{stripped.replace(',', '.')}`"
        raise UsageError(Problem(f"`{_short(text)}` is no number of mult-adds", hint=hint))
    whole = match["whole"].replace(",", "").replace("_", "")
    decimals = match["decimals"] or ""
    prefix = _PREFIXES.get(match["prefix"].lower(), "")
    power = POWERS_OF_TEN[prefix] + int(match["power"] or 0)
    step = Fraction(10) ** (power - len(decimals))
    value = int(whole + decimals) * step
    if not value:
        raise UsageError(Problem(f"`{text.strip()}`: a number of mult-adds is above 0"))
    if value.denominator != 1:
        hint = None if prefix else f"with its prefix, perhaps: `{stripped}G`"
        raise UsageError(Problem(f"`{text.strip()}` is no whole number of mult-adds", hint=hint))
    return Printed(stripped, value, step)


def _is_too_large(match: re.Match[str]) -> bool:
    """Whether a number has more digits than any count; without making the number."""
    digits = (match["whole"] + (match["decimals"] or "")).translate({ord(","): "", ord("_"): ""})
    power = (match["power"] or "0").lstrip("0")
    if not digits.strip("0"):
        return False  # 0 is refused as such
    if len(power) > len(str(_MOST_CHARACTERS)):
        return True
    first = len(digits) - len(digits.lstrip("0"))
    in_front = len(digits) - len(match["decimals"] or "") - first
    prefix = POWERS_OF_TEN[_PREFIXES.get(match["prefix"].lower(), "")]
    return in_front + int(power or 0) + prefix > _MOST_DIGITS


def _short(text: str) -> str:
    """A text in a message."""
    stripped = text.strip()
    return stripped if len(stripped) <= _MOST_CHARACTERS else f"{stripped[:_MOST_CHARACTERS]}…"


def _coarse(printed: Printed) -> Printed | None:
    """The figure with the zeros at its end taken for digits that are not printed."""
    digits = str(int(printed.value))
    zeros = len(digits) - len(digits.rstrip("0"))
    step = Fraction(10) ** zeros
    if zeros < _LEAST_ZEROS or step <= printed.step:
        return None
    return printed._replace(step=step)
