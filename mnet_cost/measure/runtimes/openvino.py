"""OpenVINO on the CPU: how a network is compiled, and what its counters say of kernels.

OpenVINO keeps the names of the nodes of the ONNX file, and says of each kernel which of them it
does. It computes in bf16 where the processor has it, unless another precision is asked for.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import openvino

from mnet_cost.errors import Problem
from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runtimes.base import (
    Program,
    RunError,
    RunSettings,
    Runtime,
    RuntimeKernel,
    RuntimeProfile,
    middle_mean,
)
from mnet_cost.measure.runtimes.onnx_kernels import Operation, Work, read_file, works
from mnet_cost.measure.runtimes.refusals import refused_file

_DEVICE = "CPU"
_PRECISIONS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
_RUNS_OF_ONE = 8
"""Profiled runs of one compiled network: its counters tell the mean of all of its runs in whole
microseconds, so what the eighth took is known to 8 us."""
_NO_KERNELS = frozenset({"Input", "Const"})


class OpenVino:
    """The adapter."""

    name = "openvino"
    packages: tuple[str, ...] = ("openvino", "onnx", "torch", "onnxscript")
    takes: str | None = ".onnx"

    def version(self) -> str:
        """Of the package: `2026.4.1`."""
        return str(openvino.__version__).partition("-")[0]

    def environment(self, settings: RunSettings) -> Mapping[str, str]:
        """The build, what the processor can do, and how networks are compiled."""
        core = openvino.Core()
        capabilities = core.get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")
        return {
            "build": str(openvino.get_version()),
            "device": str(core.get_property(_DEVICE, "FULL_DEVICE_NAME")),
            "capabilities": " ".join(map(str, capabilities)),
            **{key: str(value) for key, value in _properties(settings).items()},
        }

    def prepare(self, runnable: Runnable, settings: RunSettings) -> Program:
        """The network's ONNX file, compiled. See `Runtime.prepare`."""
        _refuse(settings)
        return _Program(runnable, settings)


def runtime(name: str) -> Runtime:
    """The adapter of that name."""
    return OpenVino()


def _refuse(settings: RunSettings) -> None:
    if settings.precision not in _PRECISIONS:
        raise RunError(
            Problem(
                f"OpenVINO runs networks in {', '.join(_PRECISIONS)} here, not in "
                f"{settings.precision}: that takes weights of its own",
                hint="leave --precision out",
            )
        )
    if settings.device != "cpu":
        raise RunError(
            Problem(
                f"OpenVINO runs networks on the CPU here, not on `{settings.device}`",
                hint="measure with `--runtime torch`",
            )
        )


def _properties(settings: RunSettings) -> dict[str, Any]:
    return {
        "INFERENCE_PRECISION_HINT": _PRECISIONS[settings.precision],
        "INFERENCE_NUM_THREADS": settings.threads,
        "NUM_STREAMS": "1",
        "PERFORMANCE_HINT": "LATENCY",
        # Threads are pinned before (`runs/pinning.py`). Were they pinned by OpenVINO as well, to a
        # CPU of its own choice, each inference would move there and back: some 80 us.
        "ENABLE_CPU_PINNING": False,
    }


class _Program:
    """A compiled network and its inputs."""

    def __init__(self, runnable: Runnable, settings: RunSettings) -> None:
        self._runnable = runnable
        self._settings = settings
        self._compiled: Any = compiled_network(runnable, settings)
        self.precision = _precision(self._compiled)
        if self.precision != settings.precision:
            raise RunError(
                Problem(
                    f"OpenVINO computes in {self.precision} on this processor where "
                    f"{settings.precision} is asked for",
                    hint=f"measure with `--precision {self.precision}`",
                )
            )
        if runnable.given_int8(".onnx"):  # what it says is of layers that are not quantized
            self.precision = "int8"
        self._request = _request(self._compiled, runnable)
        with _refusing(runnable):
            self._request.infer()

    def time(self) -> float:
        """Seconds of one inference."""
        start = time.perf_counter()
        self._request.infer()
        return time.perf_counter() - start

    def profile(self, runs: int) -> RuntimeProfile:
        """What kernels took, by OpenVINO's counters: `seconds` is the mean of the middle half of
        the runs."""
        taken: dict[tuple[str, str], list[float]] = {}
        whole: list[float] = []
        done: dict[str, Work] = {}
        left = runs
        while left > 0:
            compiled = compiled_network(self._runnable, self._settings, PERF_COUNT=True)
            request = _request(compiled, self._runnable)
            done = done or _works(compiled, self._runnable)
            request.infer()
            before = _totals(request, 1)
            for number in range(2, 2 + min(left, _RUNS_OF_ONE)):
                start = time.perf_counter()
                request.infer()
                whole.append(time.perf_counter() - start)
                totals = _totals(request, number)
                for key, total in totals.items():
                    taken.setdefault(key, []).append(max(total - before.get(key, 0.0), 0.0))
                before = totals
            left -= _RUNS_OF_ONE
        kernels = [
            RuntimeKernel(
                name=name,
                operator=operator,
                seconds=middle_mean(times),
                nodes=done.get(name, Work(())).nodes,
                is_layout=done.get(name, Work(())).is_layout,
            )
            for (name, operator), times in taken.items()
        ]
        return RuntimeProfile(
            kernels=tuple(kernels), runs=runs, inference_s=statistics.median(whole)
        )

    def close(self) -> None:
        """Let the network go."""
        self._compiled = self._request = None


def compiled_network(runnable: Runnable, settings: RunSettings, **properties: Any) -> Any:
    """The `openvino.CompiledModel` of a network.

    Raises `RunError` where OpenVINO refuses it, and what `Runnable.onnx` raises.
    """
    with _refusing(runnable):
        return openvino.compile_model(
            str(runnable.onnx()), _DEVICE, {**_properties(settings), **properties}
        )


@contextmanager
def _refusing(runnable: Runnable) -> Iterator[None]:
    """Within it, errors of OpenVINO are `RunError`."""
    try:
        yield
    except RuntimeError as error:
        raise refused_file(runnable, "OpenVINO", error) from None


def _precision(compiled: Any) -> str:
    """The precision of a compiled network, by its own word."""
    said = compiled.get_property("INFERENCE_PRECISION_HINT").to_string()
    named = {short: ours for ours, short in _PRECISIONS.items()}
    return str(named.get(said, said))


def _request(compiled: Any, runnable: Runnable) -> Any:
    request = compiled.create_infer_request()
    for number, value in enumerate(runnable.inputs()):
        request.set_input_tensor(number, openvino.Tensor(value.numpy()))
    return request


def _totals(request: Any, runs: int) -> dict[tuple[str, str], float]:
    """Seconds of each kernel in all runs together: the counters have their mean."""
    return {
        (kernel.node_name, kernel.node_type): kernel.real_time.total_seconds() * runs
        for kernel in request.get_profiling_info()
        if kernel.status == kernel.Status.EXECUTED
    }


def _works(compiled: Any, runnable: Runnable) -> dict[str, Work]:
    """What each kernel does, by its name."""
    inputs, file = read_file(runnable.onnx())
    kernels = kernels_of(compiled, [operation.name for operation in file])
    found = works(inputs, file, kernels)
    return {kernel.name: work for kernel, work in zip(kernels, found, strict=True)}


def kernels_of(compiled: Any, known: Sequence[str]) -> list[Operation]:
    """The kernels of a compiled network, in order; `known` are the names of the file's
    nodes, in order.

    OpenVINO says of most kernels which nodes of the file they do. Others are parts of a node that
    it took apart, or copies. Outputs of the network are operations without a name.
    """
    place = {name: number for number, name in enumerate(known)}
    kernels: list[Operation] = []
    for kernel in compiled.get_runtime_model().get_ordered_ops():
        information = kernel.get_rt_info()
        operator = _text(information, "layerType")
        if operator in _NO_KERNELS:
            continue
        names = _text(information, "originalLayersNames").split(",")
        nodes = sorted((name for name in names if name in place), key=place.__getitem__)
        name = kernel.get_friendly_name()
        outputs = [f"{name}:{port.get_index()}" for port in kernel.outputs()]
        if operator == "Output":  # no kernel, but its name is that of a tensor
            outputs, name = [name.rpartition("/sink_port_")[0]], ""
        inputs = tuple(_source(port) for port in kernel.inputs())
        kernels.append(Operation(name, operator, inputs, tuple(outputs), nodes=tuple(nodes)))
    return kernels


def _source(port: Any) -> str:
    """A name for the tensor that an input reads: of the file where it is an input of the network,
    else of the kernel that makes it."""
    output = port.get_source_output()
    node = output.get_node()
    if _text(node.get_rt_info(), "layerType") == "Input":
        return str(node.get_friendly_name())
    return f"{node.get_friendly_name()}:{output.get_index()}"


def _text(information: Any, key: str) -> str:
    return str(information[key].astype(str)) if key in information else ""
