"""Names of a spec as names in Python: modules, variables and classes.

Names in a spec have ASCII letters, digits and `_`, those of models also `-` and `.`. The path of a
module is that of its layer. Names that Python or torch's modules use themselves (`lambda`, `code`,
`train`) get an underscore at the end; names that begin with `__` get two, because Python changes
such names inside a class. Different paths stay different.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Collection
from functools import cache

from torch import fx, nn

from mnet_cost.torch_model import modules, same_padding

ATTRIBUTES = frozenset(
    {*keyword.kwlist, "self", "graph", *dir(fx.GraphModule)}
    | vars(fx.GraphModule(nn.Module(), fx.Graph())).keys()
)
"""Names that a module cannot have inside another module."""

_GLOBALS = frozenset(
    {*keyword.kwlist, "_", "self", "torch", "nn", "F", "Tensor", "OrderedDict", "Callable"}
    | {*vars(modules), *vars(same_padding)}
)
"""Names with a meaning in written source, beside builtins and the classes of the file."""

_VOWELS = frozenset("aeiouy")


@cache
def _attribute(name: str) -> str:
    if name.startswith("__"):
        return f"{name}__"
    stem = name.rstrip("_")
    tail = len(name) - len(stem)
    taken = any(stem + "_" * number in ATTRIBUTES for number in range(tail + 1))
    return f"{name}_" if taken else name


def module_path(path: str) -> str:
    """The path of the module for the layer at `path`: `decoder.code` -> `decoder.code_`."""
    return ".".join(map(_attribute, path.split(".")))


def is_name(name: str) -> bool:
    """Whether written source may have a parameter of that name: it hides nothing used there."""
    return name.isidentifier() and name not in _GLOBALS and not name.startswith("__")


def variable(name: str, taken: Collection[str] = ()) -> str:
    """`name` as a variable that hides nothing and is not in `taken`.

    What Python does not allow in a name becomes `_`; a name in use gets underscores at its end.
    """
    if not is_name(name):
        name = re.sub(r"\W", "_", name).lstrip("_") or "value"
        name = f"_{name}" if name[0].isdigit() else name
    while not is_name(name) or hasattr(builtins, name) or name in taken:
        name = f"{name}_"
    return name


# --- classes


def class_name(label: str, taken: Collection[str]) -> str:
    """The name of a class for a model or a block: `mobilenet-v1` -> `MobileNetV1`.

    A name in `taken` gets `Block` at its end.
    """
    name = camel_case(label)
    if not name.isidentifier() or keyword.iskeyword(name):
        name = f"Net{name}"
    return f"{name}Block" if name in taken else name


def camel_case(name: str) -> str:
    """A name in camel case: `mobilenet_v1` -> `MobileNetV1`, `ssd300_vgg16` -> `SSD300VGG16`."""
    return "".join(_word(part) for part in re.split(r"[\W_]+", name) if part)


def _word(part: str) -> str:
    match = re.fullmatch(r"([a-z]+?)(net)(\d*)", part)
    if match:
        return f"{match[1].capitalize()}Net{match[3]}"
    letters = re.sub(r"\d", "", part)
    if not set(letters.lower()) & _VOWELS:
        return part.upper()
    return part[0].upper() + part[1:]
