"""The modules that a node of an ONNX file was exported from, as the exporters of PyTorch say it.

The exporter by `torch.export` writes paths and classes of modules into the metadata of a node. The
older one makes the node's name of them: `/layer1/layer1.0/conv1/Conv`, where a module in a list or
a sequence has its parent's name in its own. Other exporters say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from mnet_cost.importing.readers.onnx_messages import MESSAGES
from mnet_cost.importing.readers.protobuf import Reader
from mnet_cost.models.types import Scope

_PATHS = b"pkg.torch.onnx.name_scopes"
_CLASSES = b"pkg.torch.onnx.class_hierarchy"
_TEXTS = re.compile(r"'([^']*)'" + r'|"([^"]*)"')


def scopes_of(name: str, metadata: Sequence[memoryview]) -> tuple[Scope, ...]:
    """The modules around a node, from the outermost on; none where the file does not say it.

    `metadata` has its entries, still encoded: most are long (stack traces), and are not needed.
    """
    paths = metadata_value(metadata, _PATHS)
    if paths:
        return _listed(paths, metadata_value(metadata, _CLASSES))
    return _named(name.rpartition("/")[0]) if name.startswith("/") else ()


def metadata_value(metadata: Sequence[memoryview], key: bytes) -> str:
    """The text that encoded entries of metadata have for a key; empty where they have none."""
    for entry in metadata:
        if entry[2 : 2 + len(key)] == key:  # behind the number of the field and the length
            return str(Reader(entry, MESSAGES).message("entry").get("value", ""))
    return ""


@lru_cache(maxsize=4096)
def _listed(paths: str, classes: str) -> tuple[Scope, ...]:
    """Of two lists as Python writes them; their last items are the operator."""
    names = [class_name.rpartition(".")[2] for class_name in quoted_texts(classes)]
    modules = quoted_texts(paths)[:-1]
    if len(names) != len(modules) + 1:
        return ()
    return tuple(map(Scope, modules, names))


def quoted_texts(written: str) -> list[str]:
    """The texts of a list as Python writes it."""
    return [single or double for single, double in _TEXTS.findall(written)]


@lru_cache(maxsize=4096)
def _named(path: str) -> tuple[Scope, ...]:
    scopes: list[Scope] = []
    parent, last, full = "", "", ""
    for part in path.split("/")[1:]:
        if last and part.startswith(f"{last}."):  # `0` in `layer1` is called `layer1.0`
            full += part[len(last) :]
        else:
            parent = full
            full = f"{parent}.{part}" if parent else part
        last = part
        scopes.append(Scope(full, ""))
    return tuple(scopes)
