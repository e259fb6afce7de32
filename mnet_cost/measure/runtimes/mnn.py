"""Networks on MNN: its converter reads the ONNX file, a session runs the result at high precision.

The converter is called as the native module of its package, in a process of its own: the Python
around it, `MNN.tools`, installs packages and reports its use. MNN names an operation after the ONNX
value that it makes, so kernels are joined by names.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mnet_cost.errors import Problem
from mnet_cost.measure.runtimes.base import (
    Program,
    RunError,
    RunSettings,
    Runtime,
    RuntimeKernel,
    RuntimeProfile,
    first_line,
    refused,
)
from mnet_cost.measure.runtimes.onnx_kernels import read_file
from mnet_cost.measure.runtimes.quiet import silenced

with silenced():  # it greets
    import MNN

if TYPE_CHECKING:
    from mnet_cost.measure.runs.artifacts import Runnable

_CONVERT = "import sys, _tools; _tools.mnnconvert(sys.argv)"
_CONVERSION_S = 600
_ELSE = "`--runtime torch` runs every layer"

_MOVES = frozenset(
    {"Concat", "Transpose", "Reshape", "Slice", "Split", "Pad", "Expand", "Gather", "Squeeze",
     "Unsqueeze", "Flatten", "DepthToSpace", "SpaceToDepth", "Tile", "Identity"}
)  # fmt: skip
"""Operators of ONNX that MNN does by copying (`Raster`): for others such a copy is layout."""


def runtime(name: str) -> Runtime:
    """The adapter."""
    return Mnn(name)


class Mnn:
    """MNN on the processor."""

    packages: tuple[str, ...] = ("MNN", "onnx", "torch", "onnxscript")
    takes: str | None = ".onnx"

    def __init__(self, name: str) -> None:
        self.name = name

    def version(self) -> str:
        return str(MNN.version())

    def environment(self, settings: RunSettings) -> Mapping[str, str]:
        _check(settings)
        return {"precision": "high", "backend": "CPU"}

    def prepare(self, runnable: Runnable, settings: RunSettings) -> Program:
        _check(settings)
        return _MnnProgram(runnable, settings, _converted(runnable))


def _check(settings: RunSettings) -> None:
    if settings.precision != "fp32":
        raise RunError(
            Problem(
                f"MNN is not measured in {settings.precision} here",
                hint="measure it in fp32: its low precision is fp16 on some processors only",
            )
        )
    if settings.device != "cpu":
        raise RunError(f"MNN runs networks on `cpu` here, not on `{settings.device}`")


def _converted(runnable: Runnable) -> Path:
    """The .mnn file of a network. Raises `RunError` with what the converter says."""
    # The converter runs in another folder, where a relative path would lead elsewhere.
    model, converted = runnable.onnx().resolve(), runnable.file(".mnn")
    # With -P, no module is imported from the folder of the files.
    files = ["--modelFile", str(model), "--MNNModel", str(converted)]
    command = [sys.executable, "-P", "-c", _CONVERT, "-f", "ONNX", *files, "--bizCode", "none"]
    try:
        run = subprocess.run(
            command, cwd=runnable.folder, capture_output=True, timeout=_CONVERSION_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise refused(runnable, f"MNN did not convert it: {first_line(error)}") from None
    said = (run.stdout + run.stderr).decode(errors="replace")
    if run.returncode or "Converted Success" not in said:
        lines = [line for line in said.splitlines() if re.search("(un|not )support|rror|ail", line)]
        reason = lines[0].strip() if lines else f"its converter ended with {run.returncode}"
        raise refused(runnable, f"MNN cannot convert it: {reason}", hint=_ELSE)
    return converted


class _Call(NamedTuple):
    """An operation that a session runs."""

    name: str
    operator: str


class _MnnProgram:
    precision = "fp32"
    """What MNN's manual says of high precision: its package has no way to ask."""

    def __init__(self, runnable: Runnable, settings: RunSettings, model: Path) -> None:
        self._runnable = runnable
        options = {"backend": "CPU", "numThread": settings.threads, "precision": "high"}
        with silenced():
            self._net = MNN.Interpreter(str(model))
            self._session = self._net.createSession(options)
        inputs = self._net.getSessionInputAll(self._session)
        names, _ = read_file(runnable.onnx())
        self._inputs = []
        for name, tensor in zip(names, runnable.inputs(), strict=True):
            values = np.ascontiguousarray(tensor.numpy())
            values = values if tensor.is_floating_point() else values.astype(np.int32)
            if name not in inputs:  # nothing reads it
                continue
            if tuple(inputs[name].getShape()) != values.shape:  # the file leaves sizes open
                self._net.resizeTensor(inputs[name], values.shape)
            self._inputs.append((inputs[name], _host_tensor(values)))
        self._net.resizeSession(self._session)
        outputs = self._net.getSessionOutputAll(self._session).values()
        self._results = [
            (tensor, _host_tensor(np.zeros(tensor.getShape(), np.float32))) for tensor in outputs
        ]
        self.time()

    def _fill(self) -> None:
        """Set the inputs: MNN writes other tensors to their memory when they have been read. Run
        after run on what is left there, numbers would become denormal in the end."""
        for tensor, host in self._inputs:
            tensor.copyFrom(host)

    def time(self) -> float:
        self._fill()
        start = time.perf_counter()
        failed = self._net.runSession(self._session)
        for tensor, host in self._results:
            tensor.copyToHostTensor(host)
        seconds = time.perf_counter() - start
        if failed:
            raise refused(self._runnable, f"MNN fails with error {failed}", hint=_ELSE)
        return seconds

    def profile(self, runs: int) -> RuntimeProfile:
        """Each operation between two calls of Python, which cost a few microseconds."""
        calls: list[_Call] = []
        times, inferences = [], []
        for _ in range(runs):
            calls = []
            seconds: list[float] = []
            before = 0.0

            def begin(tensors: Any, info: Any) -> bool:
                nonlocal before
                calls.append(_Call(info.getName(), info.getType()))  # noqa: B023
                before = time.perf_counter()
                return True

            def end(tensors: Any, info: Any) -> bool:
                seconds.append(time.perf_counter() - before)  # noqa: B023
                return True

            self._fill()
            start = time.perf_counter()
            self._net.runSessionWithCallBackInfo(self._session, begin, end)
            inferences.append(time.perf_counter() - start)
            times.append(seconds)
        shortest_s = min((median(of_runs) for of_runs in zip(*times, strict=True)), default=0.0)
        added_s = median(inferences) - median(self.time() for _ in range(runs))
        owners = _Names(self._runnable).owners(calls)
        return RuntimeProfile(
            kernels=tuple(
                RuntimeKernel(
                    name=call.name,
                    operator=call.operator,
                    seconds=median(of_runs),
                    nodes=nodes,
                    is_layout=is_layout,
                )
                for call, (nodes, is_layout), of_runs in zip(
                    calls, owners, zip(*times, strict=True), strict=True
                )
            ),
            runs=runs,
            # Of what two calls add, about the half is between the clocks.
            overhead_s=max(min(shortest_s, added_s / max(2 * len(calls), 1)), 0.0),
            inference_s=median(inferences),
        )

    def close(self) -> None:
        del self._inputs, self._results, self._session, self._net


def _host_tensor(values: np.ndarray[Any, Any]) -> Any:
    kind = MNN.Halide_Type_Int if values.dtype == np.int32 else MNN.Halide_Type_Float
    return MNN.Tensor(values.shape, kind, values, MNN.Tensor_DimensionType_Caffe)


class _Names:
    """The nodes of the ONNX file that operations of MNN do the work of."""

    def __init__(self, runnable: Runnable) -> None:
        import onnx

        self._nodes = onnx.load(str(runnable.onnx()), load_external_data=False).graph.node
        self._maker = {name: node for node in self._nodes for name in node.output}

    def owners(self, calls: list[_Call]) -> list[tuple[tuple[str, ...], bool]]:
        """(names of nodes, whether it is layout) for each call."""
        made = [self._maker.get(re.sub(r"_raster_\d+$", "", call.name)) for call in calls]
        for number in reversed(range(len(made) - 1)):
            if made[number] is None:  # a step on the way to the next that has a name
                made[number] = made[number + 1]
        fused = self._fused({node.name for node in made if node is not None})
        return [self._owner(call, node, fused) for call, node in zip(calls, made, strict=True)]

    def _owner(
        self, call: _Call, node: Any, fused: Mapping[str, list[str]]
    ) -> tuple[tuple[str, ...], bool]:
        if node is None:
            return (), False
        if call.operator == "Raster" and node.op_type not in _MOVES:
            before = self._maker.get(node.input[0])
            return ((before.name,) if before is not None else ()), True
        return (node.name, *fused.get(node.name, ())), False

    def _fused(self, run: set[str]) -> dict[str, list[str]]:
        """Nodes that no operation is named after, by the node that they were fused into: the one
        whose result they read."""
        into: dict[str, str] = {name: name for name in run}
        fused: dict[str, list[str]] = {}
        for node in self._nodes:
            if node.name in run:
                continue
            makers = [self._maker[name].name for name in node.input if name in self._maker]
            root = next((into[name] for name in makers if name in into), None)
            if root is not None:
                into[node.name] = root
                fused.setdefault(root, []).append(node.name)
        return fused
