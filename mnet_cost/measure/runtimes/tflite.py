"""Networks on LiteRT, the runtime of TensorFlow Lite files: `litert-torch` converts, and the
interpreter runs them with its default delegate for processors (XNNPACK).

Its Python package has no times of operators: those of `benchmark_model` are read elsewhere.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ai_edge_litert.interpreter import Interpreter

from mnet_cost.errors import MissingPackageError, Problem
from mnet_cost.measure.runtimes.base import (
    Program,
    RunError,
    RunSettings,
    Runtime,
    RuntimeProfile,
    first_line,
    refused,
)
from mnet_cost.measure.runtimes.quiet import silenced

if TYPE_CHECKING:
    from mnet_cost.measure.runs.artifacts import Runnable

_NAMES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}


def runtime(name: str) -> Runtime:
    """The adapter."""
    return TfLite(name)


class TfLite:
    """LiteRT on the processor."""

    packages: tuple[str, ...] = ("ai-edge-litert", "litert-torch", "torch")

    def __init__(self, name: str) -> None:
        self.name = name

    def version(self) -> str:
        from importlib.metadata import version

        return version("ai-edge-litert")

    def environment(self, settings: RunSettings) -> Mapping[str, str]:
        _check(settings)
        return {"delegate": "XNNPACK"}

    def prepare(self, runnable: Runnable, settings: RunSettings) -> Program:
        _check(settings)
        return _TfLiteProgram(runnable, settings, _converted(runnable))


def _check(settings: RunSettings) -> None:
    if settings.precision != "fp32":
        raise RunError(
            Problem(
                f"LiteRT is not measured in {settings.precision} here",
                hint="measure it in fp32; `benchmark_model` measures files of other precisions",
            )
        )
    if settings.device != "cpu":
        raise RunError(f"LiteRT runs networks on `cpu` here, not on `{settings.device}`")


def _converted(runnable: Runnable) -> Path:
    """The .tflite file of a network."""
    if find_spec("litert_torch") is None:
        raise MissingPackageError(
            Problem(
                f"{runnable.reference}: to convert it for LiteRT needs the package "
                "`litert-torch`, which is not installed",
                hint="python -m pip install litert-torch (some 2 GB with what it needs)",
            )
        )
    path = runnable.file(".tflite")
    with silenced(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its packages warn about each other
        import litert_torch

        try:
            litert_torch.convert(runnable.module(), runnable.inputs()).export(str(path))
        except Exception as error:  # of torch, of jax, of its own
            raise refused(
                runnable,
                f"litert-torch cannot convert it: {first_line(error)}",
                hint="`--runtime torch` runs every layer",
            ) from None
    return path


class _TfLiteProgram:
    def __init__(self, runnable: Runnable, settings: RunSettings, model: Path) -> None:
        with silenced():
            self._interpreter: Any = Interpreter(str(model), num_threads=settings.threads)
            self._interpreter.allocate_tensors()
        # The converter names inputs by their number: `serving_default_args_0:0`.
        details = sorted(
            self._interpreter.get_input_details(),
            key=lambda detail: (len(detail["name"]), detail["name"]),
        )
        self._inputs = [
            (detail["index"], tensor.numpy().astype(detail["dtype"]))
            for detail, tensor in zip(details, runnable.inputs(), strict=True)
        ]
        floats = {
            _NAMES[kind]
            for detail in self._interpreter.get_tensor_details()
            if (kind := detail["dtype"].__name__) in _NAMES
        }
        if floats - {"fp32"}:
            raise refused(runnable, f"LiteRT computes it in {' and '.join(sorted(floats))}")
        self.precision = "fp32"
        self.time()

    def time(self) -> float:
        for index, values in self._inputs:
            self._interpreter.set_tensor(index, values)
        start = time.perf_counter()
        self._interpreter.invoke()
        return time.perf_counter() - start

    def profile(self, runs: int) -> RuntimeProfile | None:
        """None: the interpreter of the Python package does not say it."""
        return None

    def close(self) -> None:
        del self._interpreter
