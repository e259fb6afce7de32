"""Networks that torch.compile has compiled, in its default mode. Compiling is not timed.

Inductor says which nodes of the graph a kernel was made of, by the lines of the graph's code. The
profiler of torch times the kernels. They come in the order in which they were written, so both
are joined in order, name by name.
"""

from __future__ import annotations

import json
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import SequenceMatcher
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import fx

from mnet_cost.errors import Problem
from mnet_cost.measure.runtimes import torch_modules
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
from mnet_cost.measure.runtimes.quiet import silenced
from mnet_cost.measure.runtimes.torch_modules import (
    Prepared,
    TimedModule,
    prepared_module,
    torch_set,
)

if TYPE_CHECKING:
    from mnet_cost.measure.runs.artifacts import Runnable

_OPTIONS = {
    "cpp.enable_kernel_profile": True,  # the profiler sees kernels, and without it nothing changes
    "trace.provenance_tracking_level": 1,
    "fx_graph_cache": False,  # what it keeps has the names of another network's layers
}
"""Of inductor, beside its default mode."""

_ASSIGNED = re.compile(r"<eval_with_key>[^\n]*\n\s*(\w+) = ")
"""A line of the code of a graph, in a stack trace: it assigns to the name of a node."""


def runtime(name: str) -> Runtime:
    """The adapter."""
    return TorchCompile(name)


class TorchCompile:
    """torch with inductor."""

    packages: tuple[str, ...] = ("torch",)
    takes: str | None = None

    def __init__(self, name: str) -> None:
        self.name = name

    def version(self) -> str:
        return str(torch.__version__)

    def environment(self, settings: RunSettings) -> Mapping[str, str]:
        found = {**torch_modules.environment(settings), "mode": "default"}
        if settings.device == "cpu":
            with _quiet():
                found["compiler"] = _compiler()
        return found

    def prepare(self, runnable: Runnable, settings: RunSettings) -> Program:
        with _quiet():
            if settings.device == "cpu":
                _compiler()
            return _compiled(runnable, prepared_module(runnable, settings), settings)


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # parts of torch warn about each other
        yield


def _compiler() -> str:
    """The C++ compiler that inductor uses. Raises `RunError` where there is none."""
    from torch._inductor.cpp_builder import get_cpp_compiler

    try:
        return str(get_cpp_compiler())
    except RuntimeError:
        raise RunError(
            Problem(
                "torch.compile needs a C++ compiler, and finds none",
                hint="install g++ or clang++, or name it in the environment variable CXX; "
                "`torch` needs none",
            )
        ) from None


def _compiled(runnable: Runnable, prepared: Prepared, settings: RunSettings) -> CompiledProgram:
    from torch._inductor.compile_fx import compile_fx, compile_fx_inner

    made = []

    def inner(graph: fx.GraphModule, inputs: Any, **options: Any) -> Any:
        made.append(compile_fx_inner(graph, inputs, **options))
        return made[-1]

    def backend(graph: fx.GraphModule, inputs: Any) -> Any:
        return compile_fx(graph, inputs, inner_compile=inner)

    call = torch.compile(prepared.module, backend=backend, fullgraph=True, dynamic=False)
    with torch_set(settings), _inductor_set():
        try:
            call(*prepared.inputs)
        except RuntimeError as error:
            raise refused(
                runnable,
                f"torch.compile cannot compile it: {first_line(error)}",
                hint="measure it with the runtime `torch`",
            ) from None
    return CompiledProgram(prepared, settings, call, _origins(prepared.module, made))


@contextmanager
def _inductor_set() -> Iterator[None]:
    from torch._functorch import config as autograd
    from torch._inductor import config as inductor

    with inductor.patch(_OPTIONS), autograd.patch(enable_autograd_cache=False):
        yield


class _Origin(NamedTuple):
    """A call of a kernel in what inductor wrote."""

    kernel: str
    """`cpp_fused_relu_3`, `extern_kernels.convolution`."""
    layers: tuple[str, ...]
    """Layers that it was made of."""


def _origins(module: fx.GraphModule, made: Sequence[Any]) -> tuple[_Origin, ...] | None:
    """The calls of kernels, in their order; None where this torch does not say their origins."""
    layer_of = {node.name: node.meta.get("layer") for node in module.graph.nodes}
    if len(made) != 1:
        return None
    written = getattr(made[0], "inductor_provenance_stack_traces_str", None)
    if not written:
        return None
    origins = []
    for call, traces in json.loads(written).items():
        found = [layer_of.get(name) for trace in traces for name in _ASSIGNED.findall(trace)]
        layers = {layer for layer in found if layer is not None}
        kernel = call.rpartition(":")[0]
        origins.append(_Origin(kernel, tuple(sorted(layers, key=list(layer_of.values()).index))))
    return tuple(origins)


class CompiledProgram(TimedModule):
    """A compiled module."""

    def __init__(
        self,
        prepared: Prepared,
        settings: RunSettings,
        call: Any,
        origins: tuple[_Origin, ...] | None,
    ) -> None:
        super().__init__(prepared, settings, call)
        self._origins = origins

    def profile(self, runs: int) -> RuntimeProfile | None:
        """None on a GPU, and where this torch does not say what its kernels were made of."""
        if self._origins is None or self.settings.device != "cpu":
            return None
        inferences, times = [], []
        events: list[tuple[str, float]] = []
        self.time()
        with torch_set(self.settings):
            for _ in range(runs):
                with silenced(), _profiler() as profiler:
                    start = time.perf_counter()
                    self._call(*self.prepared.inputs)
                    inferences.append(time.perf_counter() - start)
                events = _kernel_events(profiler.events())
                times.append([seconds for _, seconds in events])
        names = [name for name, _ in events]
        origins = _matched(names, self._origins)
        return RuntimeProfile(
            kernels=tuple(
                RuntimeKernel(
                    name=name,
                    operator=_operator(name),
                    seconds=median(seconds),
                    nodes=() if origin is None else origin.layers,
                )
                for name, origin, seconds in zip(
                    names, origins, zip(*times, strict=True), strict=True
                )
            ),
            runs=runs,
            inference_s=median(inferences),
        )


def _profiler() -> Any:
    return torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU])


def _kernel_events(events: Sequence[Any]) -> list[tuple[str, float]]:
    """(name, seconds) of what the compiled graph called itself, in order."""
    called = [
        event
        for event in events
        if event.cpu_parent is not None
        and event.cpu_parent.name.startswith("## Call CompiledFxGraph")
    ]
    called.sort(key=lambda event: event.time_range.start)
    return [(_plain(event.name), event.cpu_time_total / 1e6) for event in called]


def _plain(name: str) -> str:
    """`graph_0_cpp_fused_relu_3` -> `cpp_fused_relu_3`."""
    return re.sub(r"^graph_\d+_", "", name)


def _matched(names: Sequence[str], origins: Sequence[_Origin]) -> list[_Origin | None]:
    """The origin of each event, in order: an event that inductor did not write has none."""
    found: list[_Origin | None] = [None] * len(names)
    both = SequenceMatcher(
        None,
        [name.rpartition("::")[2] for name in names],
        [_called(origin.kernel) for origin in origins],
        autojunk=False,
    )
    for event, origin, length in both.get_matching_blocks():
        found[event : event + length] = origins[origin : origin + length]
    return found


def _called(kernel: str) -> str:
    """`extern_kernels.convolution`, `torch.ops.aten.convolution.default` -> `convolution`."""
    parts = kernel.removeprefix("torch.ops.").split(".")
    return parts[min(1, len(parts) - 1)]


def _operator(name: str) -> str:
    """`cpp_fused_relu_3` -> `cpp_fused_relu`; names of operators stay as they are."""
    return re.sub(r"_\d+$", "", name) if name.startswith("cpp_") else name
