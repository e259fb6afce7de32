"""Networks on ncnn. `pnnx.py` converts them.

ncnn reckons one example at a time. Its packing of numbers into 16 bits is turned off, so fp32 is
fp32. Its Python package has no times of layers, but it runs no more than is asked for: each layer
is timed by asking for the result of one after the other.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import ncnn
import numpy as np

from mnet_cost.errors import Problem
from mnet_cost.measure.runtimes.base import (
    Program,
    RunError,
    RunSettings,
    Runtime,
    RuntimeKernel,
    RuntimeProfile,
    refused,
)
from mnet_cost.measure.runtimes.pnnx import converted, refuse_unknown
from mnet_cost.measure.runtimes.same_values import Operation, Owners, owners_of, statistics_of

if TYPE_CHECKING:
    from mnet_cost.measure.runs.artifacts import Runnable

_AS_IT_IS = 1
"""For `extract`: the result in the layout and the precision in which ncnn has it."""

_BYTES = {"fp32": 4}
"""Bytes of a number, by the precisions that can be asked for."""


def runtime(name: str) -> Runtime:
    """The adapter."""
    return Ncnn(name)


class Ncnn:
    """ncnn on the processor."""

    packages: tuple[str, ...] = ("ncnn", "pnnx", "torch")
    takes: str | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def version(self) -> str:
        return str(ncnn.__version__)

    def environment(self, settings: RunSettings) -> Mapping[str, str]:
        _check(settings)
        return {"16-bit storage": "off", "Vulkan": "off", "light mode": "on"}

    def prepare(self, runnable: Runnable, settings: RunSettings) -> Program:
        _check(settings)
        if runnable.network.batch != 1:
            raise refused(
                runnable,
                f"ncnn runs one example at a time, not {runnable.network.batch}",
                hint="measure it with batch=1",
            )
        param = converted(runnable)
        refuse_unknown(runnable, param)
        return _NcnnProgram(runnable, settings, param)


def _check(settings: RunSettings) -> None:
    if settings.precision not in _BYTES:
        raise RunError(
            Problem(
                f"ncnn is not measured in {settings.precision} here",
                hint="measure it in fp32: 16 bits are storage in ncnn, which only some layers "
                "have, and int8 needs a table of ranges",
            )
        )
    if settings.device != "cpu":
        raise RunError(f"ncnn runs networks on `cpu` here, not on `{settings.device}`")


class _NcnnProgram:
    def __init__(self, runnable: Runnable, settings: RunSettings, param: Path) -> None:
        self._runnable = runnable
        self._net = _net(runnable, settings, param)
        self._inputs = {
            name: ncnn.Mat(np.ascontiguousarray(tensor[0].numpy()))
            for name, tensor in zip(self._net.input_names(), runnable.inputs(), strict=True)
        }
        self._results = tuple(self._net.output_names())
        blobs = self._net.blobs()
        self._names = [blob.name for blob in blobs]
        self._owners: list[Owners] | None = None
        self.precision = self._read_back()

    def time(self) -> float:
        start = time.perf_counter()
        extractor = self._fed()
        for name in self._results:
            extractor.extract(name)
        return time.perf_counter() - start

    def profile(self, runs: int) -> RuntimeProfile:
        """Each layer by itself. What it writes over its input otherwise, it copies here."""
        if self._owners is None:
            self._owners = self._owners_of_layers()
        layers = [layer for layer in self._net.layers() if layer.bottoms]
        times = []
        for _ in range(runs + 1):
            extractor = self._fed(keep=True)
            times.append([_seconds_of(extractor, layer.tops[0]) for layer in layers])
        return RuntimeProfile(
            kernels=tuple(
                RuntimeKernel(
                    name=layer.name,
                    operator=layer.type,
                    seconds=median(seconds),
                    nodes=owners.layers,
                    is_layout=owners.is_layout,
                )
                for layer, owners, seconds in zip(
                    layers, self._owners, zip(*times[1:], strict=True), strict=True
                )
            ),
            runs=runs,
        )

    def close(self) -> None:
        self._net.clear()

    def _fed(self, keep: bool = False) -> Any:
        """An extractor with the inputs; with `keep` it keeps each result."""
        extractor = self._net.create_extractor()
        extractor.set_light_mode(not keep)
        for name, matrix in self._inputs.items():
            extractor.input(name, matrix)
        return extractor

    def _read_back(self) -> str:
        """The precision, by the bytes of the numbers in all results."""
        extractor = self._fed(keep=True)
        for layer in self._net.layers():
            for blob in layer.tops:
                failed, matrix = extractor.extract(blob, _AS_IT_IS)
                if failed:
                    raise refused(
                        self._runnable, f"ncnn cannot run `{layer.name}` (operator `{layer.type}`)"
                    )
                size = matrix.elemsize // matrix.elempack
                if size != _BYTES["fp32"]:
                    raise refused(
                        self._runnable,
                        f"ncnn runs `{layer.name}` with {size} bytes a number, not in fp32",
                    )
        return "fp32"

    def _owners_of_layers(self) -> list[Owners]:
        extractor = self._fed(keep=True)
        values = {
            blob: statistics_of(np.array(extractor.extract(blob)[1]))
            for layer in self._net.layers()
            for blob in layer.tops
        }
        operations = [
            Operation(tuple(layer.bottoms), tuple(layer.tops), layer.type == "Split")
            for layer in self._net.layers()
            if layer.bottoms
        ]
        inputs = [self._names.index(name) for name in self._inputs]
        return owners_of(self._runnable, operations, inputs, values)


def _seconds_of(extractor: Any, blob: int) -> float:
    """What the layer takes that makes `blob`: asking for it a second time only copies it."""
    start = time.perf_counter()
    extractor.extract(blob, _AS_IT_IS)
    made = time.perf_counter()
    extractor.extract(blob, _AS_IT_IS)
    copied = time.perf_counter()
    return max(0.0, (made - start) - (copied - made))


def _net(runnable: Runnable, settings: RunSettings, param: Path) -> Any:
    net = ncnn.Net()
    options = net.opt
    options.num_threads = settings.threads
    options.use_vulkan_compute = False
    for option in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic",
                   "use_bf16_packed", "use_bf16_storage"):  # fmt: skip
        if hasattr(options, option):
            setattr(options, option, False)
    weights = param.with_suffix(".bin")
    if net.load_param(str(param)) or net.load_model(str(weights)):
        raise refused(runnable, "ncnn cannot load what pnnx has made of it")
    return net
