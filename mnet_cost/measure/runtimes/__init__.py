"""The runtimes that networks can be measured with, by name; each in a file of its own.

A package of a runtime is imported when its adapter is loaded. Not here: what devices take under a
runtime (`devices/runtimes.py`).
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple, cast

from mnet_cost.errors import MissingPackageError, Problem, UsageError, did_you_mean
from mnet_cost.measure.runtimes.base import Runtime, first_line


class Entry(NamedTuple):
    """Where an adapter is, and what it needs."""

    module: str
    packages: tuple[str, ...]
    """Modules that must be there to import it."""
    extra: str
    """The extra of mnet-cost that installs them."""


_ONNX = ("onnx", "torch", "onnxscript")
RUNTIMES = {
    "onnxruntime": Entry("onnxruntime", ("onnxruntime", *_ONNX), "onnxruntime"),
    "openvino": Entry("openvino", ("openvino", *_ONNX), "openvino"),
    "torch": Entry("torch_eager", ("torch",), "torch"),
    "torch-channels-last": Entry("torch_eager", ("torch",), "torch"),
    "torch-compile": Entry("torch_compile", ("torch",), "torch"),
    "ncnn": Entry("ncnn", ("ncnn", "torch"), "ncnn"),
    "mnn": Entry("mnn", ("MNN", *_ONNX), "mnn"),
    "tflite": Entry("tflite", ("ai_edge_litert", "torch"), "tflite"),
}
"""By the name in profiles. `tflite` is LiteRT, as it is called since 2024."""


def load_runtime(name: str) -> Runtime:
    """The adapter of a runtime.

    Raises `UsageError` for a name that is none of them, `MissingPackageError`, which says how to
    install it, where a package is not there or cannot be imported.
    """
    entry = RUNTIMES.get(name)
    if entry is None:
        hint = did_you_mean(name, RUNTIMES) or f"there are {', '.join(RUNTIMES)}"
        message = f"networks cannot be measured with `{name}` here"
        raise UsageError(Problem(message, hint=hint))
    missing = [module for module in entry.packages if find_spec(module) is None]
    if missing:
        raise MissingPackageError(
            Problem(
                f"`{name}` needs the package `{missing[0]}`, which is not installed",
                hint=f"python -m pip install 'mnet-cost[{entry.extra}]'",
            )
        )
    try:
        adapter = import_module(f"mnet_cost.measure.runtimes.{entry.module}")
    except Exception as error:  # whatever a package raises, such as for a library that is not there
        said = first_line(error)
        raise MissingPackageError(
            Problem(
                f"a package that `{name}` needs is installed, but cannot be imported: {said}",
                hint=f"python -m pip install --force-reinstall 'mnet-cost[{entry.extra}]'",
            )
        ) from error
    return cast(Runtime, adapter.runtime(name))


def installed_runtimes() -> tuple[str, ...]:
    """Names of the runtimes whose packages are there."""
    return tuple(name for name, entry in RUNTIMES.items() if all(map(find_spec, entry.packages)))
