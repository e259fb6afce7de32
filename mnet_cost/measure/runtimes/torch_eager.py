"""Networks on torch, operator by operator, as `module(x)` runs them.

`torch-channels-last` stores images with channels innermost. Kernels are the nodes of the graph of
torch.fx: one for each call of a module or function, so each belongs to one layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median
from typing import TYPE_CHECKING, Any

import torch
from torch import fx

from mnet_cost.measure.runtimes import torch_modules
from mnet_cost.measure.runtimes.base import (
    Program,
    RunSettings,
    Runtime,
    RuntimeKernel,
    RuntimeProfile,
)
from mnet_cost.measure.runtimes.torch_modules import (
    Clock,
    TimedModule,
    operator_of,
    prepared_module,
    torch_set,
)

if TYPE_CHECKING:
    from mnet_cost.measure.runs.artifacts import Runnable

_EMPTY_KERNELS = 100


def runtime(name: str) -> Runtime:
    """The adapter: `torch` or `torch-channels-last`."""
    return TorchEager(name)


class TorchEager:
    """torch without a compiler."""

    packages: tuple[str, ...] = ("torch",)
    takes: str | None = None

    def __init__(self, name: str) -> None:
        self.name = name
        self._channels_last = name == "torch-channels-last"

    def version(self) -> str:
        return str(torch.__version__)

    def environment(self, settings: RunSettings) -> Mapping[str, str]:
        layout = "channels last" if self._channels_last else "channels first"
        return {**torch_modules.environment(settings), "layout": layout}

    def prepare(self, runnable: Runnable, settings: RunSettings) -> Program:
        return EagerProgram(prepared_module(runnable, settings, self._channels_last), settings)


class EagerProgram(TimedModule):
    """A module of torch that is called as it is."""

    def profile(self, runs: int) -> RuntimeProfile:
        """The time of each node. A node's time on a GPU has the wait for the processor in it, where
        that is slower."""
        module, inputs, clock = self.prepared.module, self.prepared.inputs, self.clock
        nodes = _TimedNodes(module, clock)
        times: dict[fx.Node, list[float]] = {}
        inferences = []
        self.time()  # caches and clocks are warm then
        with torch_set(self.settings):
            for _ in range(runs):
                start = clock.mark()
                nodes.run(*inputs)
                end = clock.mark()
                clock.wait()
                inferences.append(clock.seconds(start, end))
                for node, marks in nodes.marks.items():
                    times.setdefault(node, []).append(clock.seconds(*marks))
            overhead_s = _overhead_s(clock)
        return RuntimeProfile(
            kernels=tuple(
                RuntimeKernel(
                    name=str(node.target) if node.op == "call_module" else node.name,
                    operator=operator_of(module, node),
                    seconds=median(seconds),
                    nodes=(node.meta["layer"],) if "layer" in node.meta else (),
                )
                for node, seconds in times.items()
            ),
            runs=runs,
            overhead_s=overhead_s,
            inference_s=median(inferences),
        )


class _TimedNodes(fx.Interpreter):  # type: ignore[misc]
    """Runs a module node by node, with a mark before and after each call."""

    def __init__(self, module: fx.GraphModule, clock: Clock) -> None:
        super().__init__(module)
        self.marks: dict[fx.Node, tuple[Any, Any]] = {}
        self._clock = clock
        self._modules = dict(module.named_modules())

    def run_node(self, node: fx.Node) -> Any:
        if node.op not in ("call_module", "call_function"):
            return super().run_node(node)
        inputs, options = self.fetch_args_kwargs_from_env(node)
        call = self._modules[node.target] if node.op == "call_module" else node.target
        start = self._clock.mark()
        result = call(*inputs, **options)
        self.marks[node] = start, self._clock.mark()
        return result


def _overhead_s(clock: Clock) -> float:
    """Seconds between two marks with nothing in between."""
    marks = [(clock.mark(), clock.mark()) for _ in range(_EMPTY_KERNELS)]
    clock.wait()
    return median(clock.seconds(*pair) for pair in marks)
