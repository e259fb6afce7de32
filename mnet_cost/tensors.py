"""Tensors and the arithmetic of their sizes.

A size is an int, an array of whole numbers (one for each of many candidates), a traced number,
which remembers its formula for `explain`, or a recorded one (`recording.py`), whose expression is
evaluated for many candidates afterwards. The helpers here mean the same on all four, so each rule
is written once. NumPy is looked up and never imported: the caller that made an array has imported
it. Ignored here: memory layout and strides.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, Literal, NamedTuple, Protocol

Size = int
"""A size as rules see it. Annotated as int; arrays and traced numbers follow the same rules."""

MAX_SIZE = 2**31 - 1
"""Largest size of one axis or field. Every quotient is then below 2**53, where floats are exact."""

MAX_ELEMENTS = 2**40
"""Most elements of a tensor, for one example of the batch."""


MAX_AXES = 64
"""Most axes of a tensor, as in torch."""


class DType(NamedTuple):
    """How an element is stored."""

    name: str
    bytes: int
    """Bytes of one element."""


DTYPES = {
    dtype.name: dtype
    for dtype in (
        DType("fp32", 4),
        DType("fp16", 2),
        DType("bf16", 2),
        DType("int8", 1),
        DType("uint8", 1),
        DType("int16", 2),
        DType("int32", 4),
        DType("int64", 8),
    )
}

PRECISIONS = ("fp32", "fp16", "bf16", "int8")
"""Precisions that an analysis can be asked for."""


Layout = Literal["image", "sequence", "signal", "volume", "input"]
"""What the axes of a tensor are known to be. image: [..., channels, height, width]. sequence:
[..., length, features]. signal: [..., channels, length]. volume: [..., channels, depth, height,
width]. input: an input of the network, of three axes or more, whose axes the spec does not
state."""

LAYOUTS: tuple[Layout, ...] = ("image", "sequence", "signal", "volume")
"""Layouts that a spec can state."""

SIZE_NAMES: dict[str, tuple[str, ...]] = {
    "image": ("channels", "height", "width"),
    "sequence": ("length", "features"),
    "signal": ("channels", "length"),
    "volume": ("channels", "depth", "height", "width"),
    "vector": ("features",),
}

_LEAST_AXES: dict[str | None, int] = {"sequence": 2, "signal": 2, "volume": 4}
"""Axes of the smallest tensor that has a layout: three, but for these."""


class TensorType:
    """The type of a tensor for one example of the batch. Immutable.

    `shape` is [..., channels, height, width], [..., length, features] or [features], or what else a
    `layout` says, without the batch. `dtype` is None where the precision of the analysis decides.
    `layout` is None where nothing states it, and where there are too few axes for it.
    """

    __slots__ = ("_elements", "dtype", "layout", "shape")

    def __init__(
        self, shape: tuple[Size, ...], dtype: DType | None = None, layout: Layout | None = None
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self.layout = layout if len(shape) >= _LEAST_AXES.get(layout, 3) else None
        self._elements: Size | None = None

    def laid_out(self, layout: Layout | None) -> TensorType:
        """The same type with `layout`, or with none if it has too few axes for it."""
        if layout == self.layout or len(self.shape) < 2:
            return self
        return TensorType(self.shape, self.dtype, layout)

    def stored_as(self, dtype: DType) -> TensorType:
        """The same type with elements of another precision."""
        return TensorType(self.shape, dtype, self.layout)

    @property
    def elements(self) -> Size:
        """Number of elements of one example; calculated once, since every pass asks for it."""
        if self._elements is None:
            self._elements = product(self.shape)
        return self._elements

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TensorType):
            return NotImplemented
        return (self.shape, self.dtype, self.layout) == (other.shape, other.dtype, other.layout)

    def __hash__(self) -> int:
        return hash((self.shape, self.dtype, self.layout))

    def __repr__(self) -> str:
        return f"TensorType({self.shape!r}, {self.dtype!r}, {self.layout!r})"

    def __str__(self) -> str:
        return "[" + ", ".join(map(str, self.shape)) + "]"


def axis_names(rank: int, layout: Layout | None = None) -> tuple[str, ...]:
    """Names of the trailing axes of a tensor of `rank` axes; three are an image by default."""
    if layout == "signal" or layout == "volume":
        return SIZE_NAMES[layout]
    if rank >= 3 and layout != "sequence":
        return SIZE_NAMES["image"]
    return SIZE_NAMES["sequence" if rank >= 2 else "vector"]


class RuleViolation(ValueError):
    """A rule refuses sizes. Its caller adds the place in the file and raises `SpecError`."""


class Check(Protocol):
    """A rule calls it with a condition that must hold. `message` is formatted with `values` only
    where the condition does not hold."""

    def __call__(self, condition: Any, message: str, *values: Any) -> None: ...


def require(condition: Any, message: str, *values: Any) -> None:
    """The `Check` for plain numbers: raise `RuleViolation` unless `condition` holds."""
    if not condition:
        raise RuleViolation(message.format(*values))


class Mask:
    """The `Check` for arrays: `valid` marks the candidates that every rule accepts.

    A condition that is a plain False concerns all candidates and raises, as with `require`.
    """

    def __init__(self) -> None:
        self.valid: Any = True

    def __call__(self, condition: Any, message: str, *values: Any) -> None:
        if isinstance(condition, bool):
            require(condition, message, *values)
        else:
            self.valid = self.valid & condition


def is_array(value: object) -> bool:
    """Whether `value` is an array of candidates."""
    return hasattr(value, "dtype") and not isinstance(value, (int, float))


def is_symbolic(value: object) -> bool:
    """Whether `value` is a number that knows its expression: traced or recorded (`Number`)."""
    return hasattr(value, "apply") and not getattr(value, "is_condition", False)


class HeightWidth(NamedTuple):
    """A height and a width, as the value of a knob that is otherwise one number."""

    height: int | float
    width: int | float

    def __str__(self) -> str:
        return f"{self.height}x{self.width}"


def is_number(value: object) -> bool:
    """Whether `value` can be calculated with: a number, an array of them or a traced number."""
    if isinstance(value, (bool, str, list, tuple, dict, type(None))):
        return False
    if hasattr(value, "dtype"):
        return bool(value.dtype.kind in "iuf")
    return not getattr(value, "is_condition", False)


def is_condition(value: object) -> bool:
    """Whether `value` is true or false, or an array of such."""
    if hasattr(value, "dtype"):
        return bool(value.dtype.kind == "b")
    return isinstance(value, bool) or bool(getattr(value, "is_condition", False))


def is_word(value: object) -> bool:
    """Whether `value` is a word, or an array of words."""
    return isinstance(value, str) or (hasattr(value, "dtype") and value.dtype.kind == "U")


def as_doubles(value: Any) -> Any:
    """The array `value` with its numbers as doubles; flags and words stay.

    Doubles are exact for whole numbers up to 2^53. Integers of 8 to 64 bits would wrap around in
    products, and the result would look like a count. Integers above 2^53 become infinite.
    """
    if not is_number(value):
        return value
    numpy = sys.modules["numpy"]
    doubles = value.astype(numpy.float64)
    if value.dtype.kind == "f":
        return doubles
    return numpy.where(within(value, 2**53), doubles, numpy.inf)


def instead(value: Any, valid: Any, other: Any) -> Any:
    """The array `value`, with `other` where it is not `valid`, so that later rules do not fail."""
    return sys.modules["numpy"].where(valid, value, other)


def within(value: Any, most: int) -> Any:
    """Whether `value` is from -`most` to `most`; of an array for each candidate. NaN is not."""
    return (value >= -most) & (value <= most)


class Number(Protocol):
    """A number of a kind of its own: traced or recorded. It has Python's operators as well.

    `apply` is asked for what no operator says. One of `operands` is the number itself.
    """

    def apply(self, name: str, *operands: Any) -> Any:
        """`floor`, `ceil`, `rint`, `sqrt`, `exp`, `log` of one operand; `maximum`, `minimum`,
        `gcd`, `ceil_div` of two; `where` of a condition and two numbers."""


def _apply(name: str, scalar: Callable[..., Any], *operands: Any) -> Any:
    """A function on plain numbers, on a `Number`, or on arrays by NumPy's name."""
    is_plain = True
    for operand in operands:
        if not isinstance(operand, (int, float)):
            apply = getattr(operand, "apply", None)
            if apply is not None:
                return apply(name, *operands)
            is_plain = False
    return scalar(*operands) if is_plain else getattr(sys.modules["numpy"], name)(*operands)


def floor(value: Any) -> Any:
    """Largest whole number that is not above `value`."""
    return _apply("floor", math.floor, value)


def ceil(value: Any) -> Any:
    """Smallest whole number that is not below `value`."""
    return _apply("ceil", math.ceil, value)


def round_even(value: Any) -> Any:
    """Nearest whole number, halves to the even one, as Python and NumPy do."""
    return _apply("rint", round, value)


def square_root(value: Any) -> Any:
    """The square root of a number that is not negative."""
    return _apply("sqrt", math.sqrt, value)


def exponential(value: Any) -> Any:
    """e to the power of `value`."""
    return _apply("exp", math.exp, value)


def logarithm(value: Any) -> Any:
    """The natural logarithm of a positive number."""
    return _apply("log", math.log, value)


_PLAIN = (int, float)
_PLAIN_TYPES = frozenset(_PLAIN)


def largest(a: Any, b: Any) -> Any:
    """The larger of two numbers; the first of equal ones."""
    if isinstance(a, _PLAIN) and isinstance(b, _PLAIN):  # nearly always
        return b if b > a else a
    return _apply("maximum", max, a, b)


def largest_of(numbers: Sequence[Any]) -> Any:
    """The largest of some numbers, the first of equal ones."""
    if _PLAIN_TYPES.issuperset(map(type, numbers)):  # nearly always
        return max(numbers)
    return reduce(largest, numbers)


def smallest(a: Any, b: Any) -> Any:
    """The smaller of two numbers; the first of equal ones."""
    if isinstance(a, _PLAIN) and isinstance(b, _PLAIN):  # nearly always
        return b if b < a else a
    return _apply("minimum", min, a, b)


def met(a: Any, b: Any) -> Any:
    """The size at which two axes meet that are as long, or of which one has the size 1.

    Of recorded sizes that are equal it is one of both, and the recording holds where they are.
    """
    for size in (a, b):
        own = getattr(size, "met", None)
        if own is not None:
            return own(a, b)
    return largest(a, b)


def common_divisor(a: Any, b: Any) -> Any:
    """Greatest common divisor of two whole sizes."""
    if is_array(a) or is_array(b):
        as_int = sys.modules["numpy"].int64
        a, b = as_int(a), as_int(b)
    return _apply("gcd", math.gcd, a, b)


def ceil_div(a: Any, b: Any) -> Any:
    """`a / b` rounded up, exactly."""
    for number in (a, b):
        if hasattr(number, "apply"):
            return number.apply("ceil_div", a, b)
    return -(-a // b)


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where `condition` holds, else `b`: for a choice that changes costs and no structure."""
    if isinstance(condition, bool):
        return a if condition else b
    return _apply("where", _either, condition, a, b)


def _either(condition: Any, a: Any, b: Any) -> Any:
    return a if condition else b


def known(total: Any) -> Any:
    """A sum of what is known; None, and NaN among candidates, where nothing adds up to it."""
    return known_if(total > 0, total)


def known_if(condition: Any, number: Any) -> Any:
    """A number that is known where `condition` holds; None, and NaN among candidates, elsewhere."""
    if isinstance(condition, bool):
        return number if condition else None
    return where(condition, number, math.nan)


class Differs(Exception):
    """A condition that structure depends on holds for some candidates only.

    Whoever evaluates the candidates evaluates those of `mask` and the others apart.
    """

    def __init__(self, mask: Any) -> None:
        super().__init__("differs between the candidates: evaluate them apart")
        self.mask = mask


def agreed(condition: Any) -> bool:
    """Whether a condition that structure depends on holds: for all candidates, or for none.

    Raises `Differs` where an array of candidates does not agree. A recorded condition is kept as
    one that the recording holds for.
    """
    if condition is True or condition is False:
        return condition  # nearly always
    if not is_array(condition):
        return bool(condition)
    if condition.all():
        return True
    if not condition.any():
        return False
    raise Differs(condition)


def agreed_value(value: Any) -> Any:
    """The plain value of what structure depends on: of an array that of all its candidates.

    Raises `Differs` where they do not agree. A recording holds where the number has this value.
    """
    if is_array(value):
        first = value.flat[0]
        agreed(value == first)
        return first.item()
    own = getattr(value, "agreed_value", None)
    return value if own is None else own()


def is_nothing(number: Any) -> bool:
    """Whether a number is a plain zero, which is so by structure: what adds nothing can go."""
    return isinstance(number, _PLAIN) and number == 0


def is_equal(first: Any, other: Any) -> bool:
    """Whether two sizes that structure depends on are equal; `Differs` as in `agreed`."""
    if first is other:
        return True
    same = first == other
    return same if same is True or same is False else agreed(same)


def are_equal(first: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether sizes that structure depends on are equal, each to each."""
    return len(first) == len(other) and all(map(is_equal, first, other))


def make_divisible(value: Any, divisor: Any = 8) -> Any:
    """Nearest multiple of `divisor`, at least `divisor`, never under 0.9 of `value`.

    Source: `_make_divisible` of the MobileNet code (tensorflow/models, research/slim/nets).
    """
    nearest = largest(divisor, floor((value + divisor / 2) // divisor) * divisor)
    return nearest + divisor * (nearest < 0.9 * value)  # a comparison is a factor 0 or 1: no `if`


def product(sizes: tuple[Any, ...]) -> Any:
    """Product of sizes; 1 of none."""
    total: Any = 1
    for size in sizes:
        total = total * size
    return total
