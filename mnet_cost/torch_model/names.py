"""Names of a spec as names in Python: modules, variables and classes.

A spec names things by ASCII letters, digits and `_`, models also by `-` and `.`. Paths of modules
are those of the layers, but for names that Python or torch's modules have themselves (`lambda`,
`code`, `train`), which get an underscore at the end, and names that begin with `__`, which get two
(Python changes them inside a class). Different paths stay different.
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
"""What a module cannot be called within another one."""

_GLOBALS = frozenset(
    {*keyword.kwlist, "_", "self", "torch", "nn", "F", "Tensor", "OrderedDict", "Callable"}
    | {*vars(modules), *vars(same_padding)}
)
"""What written source means by a name, beside builtins and the classes of the file."""

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
    """The path of the module of the layer at `path`: `decoder.code` is `decoder.code_`."""
    return ".".join(map(_attribute, path.split(".")))


def is_name(name: str) -> bool:
    """Whether a word may be a parameter of a function: it hides nothing that is used there."""
    return name.isidentifier() and name not in _GLOBALS and not name.startswith("__")


def variable(name: str, taken: Collection[str] = ()) -> str:
    """`name` as a variable that hides nothing and is not `taken`: with underscores at its end."""
    if not is_name(name):
        name = re.sub(r"\W", "_", name).lstrip("_") or "value"
        name = f"_{name}" if name[0].isdigit() else name
    while not is_name(name) or hasattr(builtins, name) or name in taken:
        name = f"{name}_"
    return name


# --- classes


def class_name(label: str, taken: Collection[str]) -> str:
    """The name of a class for a model or a block: `mobilenet-v1` is MobileNetV1."""
    name = camel_case(label)
    if not name.isidentifier() or keyword.iskeyword(name):
        name = f"Net{name}"
    return f"{name}Block" if name in taken else name


def camel_case(name: str) -> str:
    """`mobilenet_v1` as MobileNetV1, `ssd300_vgg16` as SSD300VGG16."""
    return "".join(_word(part) for part in re.split(r"[\W_]+", name) if part)


def _word(part: str) -> str:
    match = re.fullmatch(r"([a-z]+?)(net)(\d*)", part)
    if match:
        return f"{match[1].capitalize()}Net{match[3]}"
    letters = re.sub(r"\d", "", part)
    if not set(letters.lower()) & _VOWELS:
        return part.upper()
    return part[0].upper() + part[1:]
