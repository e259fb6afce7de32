"""Networks on LiteRT, the runtime of TensorFlow Lite files: a file that was given runs as it is,
other networks are converted by `litert-torch`. The interpreter runs them with its default delegate
for processors (XNNPACK).

Its Python package has no times of operators: those of `benchmark_model` are read elsewhere.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from mnet_cost.errors import MissingPackageError, Problem
from mnet_cost.measure.runs.artifacts import SEED
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
    takes: str | None = ".tflite"

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
        given = runnable.given(".tflite")
        if given is not None:
            return _GivenProgram(runnable, settings, given)
        return _ConvertedProgram(runnable, settings, _converted(runnable))


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


class _Program:
    """An interpreter and its inputs."""

    precision = "fp32"

    def __init__(self, interpreter: Any, inputs: list[tuple[int, Any]]) -> None:
        self._interpreter = interpreter
        self._inputs = inputs

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


class _ConvertedProgram(_Program):
    """A network that was converted."""

    def __init__(self, runnable: Runnable, settings: RunSettings, model: Path) -> None:
        with silenced():
            interpreter: Any = Interpreter(str(model), num_threads=settings.threads)
            interpreter.allocate_tensors()
        # The converter names inputs by their number: `serving_default_args_0:0`.
        details = sorted(
            interpreter.get_input_details(),
            key=lambda detail: (len(detail["name"]), detail["name"]),
        )
        inputs = [
            (detail["index"], tensor.numpy().astype(detail["dtype"]))
            for detail, tensor in zip(details, runnable.inputs(), strict=True)
        ]
        floats = {
            _NAMES[kind]
            for detail in interpreter.get_tensor_details()
            if (kind := detail["dtype"].__name__) in _NAMES
        }
        if floats - {"fp32"}:
            raise refused(runnable, f"LiteRT computes it in {' and '.join(sorted(floats))}")
        super().__init__(interpreter, inputs)
        self.time()


class _GivenProgram(_Program):
    """A file as it is, with numbers of the types and shapes of its inputs."""

    def __init__(self, runnable: Runnable, settings: RunSettings, model: Path) -> None:
        try:
            with silenced():
                interpreter: Any = Interpreter(str(model), num_threads=settings.threads)
                for detail, shape in zip(
                    interpreter.get_input_details(), _shapes(runnable, interpreter), strict=True
                ):
                    interpreter.resize_tensor_input(detail["index"], shape)
                interpreter.allocate_tensors()
                super().__init__(interpreter, _numbers(runnable, interpreter))
                self.time()
        except (RuntimeError, ValueError) as error:
            raise refused(runnable, f"LiteRT cannot run it: {first_line(error)}") from None
        if runnable.given_int8(".tflite"):
            self.precision = "int8"


def _shapes(runnable: Runnable, interpreter: Any) -> list[list[int]]:
    """The sizes of each input, of which those that the file leaves open are the network's."""
    network = runnable.network
    found = []
    for detail, index in zip(interpreter.get_input_details(), network.inputs, strict=True):
        own = network.tensors[index].type.shape
        known = (network.batch, *own)
        if len(own) == 3:  # images have channels last in a file
            known = (network.batch, *own[1:], own[0])
        shape = detail["shape"].tolist()
        is_open = [size < 0 for size in detail["shape_signature"]]
        if len(known) == len(shape) == len(is_open):
            shape = [
                int(size) if free else stated
                for size, stated, free in zip(known, shape, is_open, strict=True)
            ]
        if prod(shape) != prod(known):
            count = f"{shape[0]} example{'s' if shape[0] > 1 else ''}"
            raise refused(
                runnable,
                f"the file is of {count}, and cannot run {network.batch}",
                hint="leave the batch out, or measure a spec: `mnet-cost import`",
            )
        found.append(shape)
    return found


def _numbers(runnable: Runnable, interpreter: Any) -> list[tuple[int, Any]]:
    """Numbers for each input: of a normal distribution, of all that its type has where it is
    quantized, or indices."""
    numbers = np.random.default_rng(SEED)
    inputs = []
    for detail in interpreter.get_input_details():
        shape, kind = detail["shape"], np.dtype(detail["dtype"])
        if kind.kind == "f":
            values = numbers.standard_normal(shape)
        elif kind == np.bool_:
            values = numbers.integers(0, 2, shape)
        elif kind.itemsize == 1:
            limits = np.iinfo(kind)
            values = numbers.integers(limits.min, limits.max, shape, endpoint=True)
        else:
            values = numbers.integers(0, runnable.rows(), shape)
        inputs.append((detail["index"], values.astype(kind)))
    return inputs
