"""What a runtime is here: it prepares a network, runs it, and may say what its kernels took.

One adapter a file; a package of a runtime is imported by its adapter alone, when it is asked for.
Not here: how times are taken so that they can be believed (`runs/rounds.py`), and which layers a
kernel belongs to in the spec (`runs/joining.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Protocol

from mnet_cost.errors import MnetCostError, Problem

if TYPE_CHECKING:
    from mnet_cost.measure.runs.artifacts import Runnable


class RunError(MnetCostError):
    """A network that a runtime cannot run, or a run that failed."""


def refused(
    runnable: Runnable, message: str, *, layer: str | None = None, hint: str | None = None
) -> RunError:
    """The error that a runtime cannot run the network of `runnable`, at the line of `layer`."""
    lines = {step.name: step.node for step in runnable.network.steps}
    span = lines[layer].span() if layer in lines else None
    return RunError(Problem(f"{runnable.reference}: {message}", span, hint))


def first_line(error: BaseException) -> str:
    """The first line of what an exception of a runtime says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How a runtime is asked to run. The batch is that of the network."""

    threads: int = 1
    precision: str = "fp32"
    device: str = "cpu"
    """`cpu`, or `cuda` where the runtime has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeKernel:
    """One kernel as the runtime reports it."""

    name: str
    """As the runtime calls it."""
    operator: str
    """The kind of its operation, in the runtime's words: `Conv`, `ReorderInput`."""
    seconds: float
    """Per inference: the median over the profiled runs; `middle_mean` where a clock is coarse."""
    nodes: tuple[str, ...]
    """Names of the nodes of the prepared model whose work it does; empty where nothing says it.
    `Runnable.layers_of_node` leads from these to layers."""
    is_layout: bool = False
    """Whether it only copies a tensor into another layout: `nodes` then make that tensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeProfile:
    """What the kernels of one inference took. Profiling itself takes time: the sum of the kernels
    is not the latency of a run without it."""

    kernels: tuple[RuntimeKernel, ...]
    """In the order in which they run."""
    runs: int
    """Profiled inferences, of which each time is the median."""
    overhead_s: float = 0.0
    """What profiling adds to the time of each kernel, where that is known; not subtracted yet."""
    inference_s: float | None = None
    """Median of a whole profiled inference, where the runtime says it."""


def middle_mean(times: Sequence[float]) -> float:
    """The mean of the middle half of some times: neither what else ran on the machine nor a clock
    of whole microseconds decides it."""
    quarter = len(times) // 4
    return fmean(sorted(times)[quarter : len(times) - quarter])


class Program(Protocol):
    """A network that is ready to run, with inputs of its own."""

    precision: str
    """The precision in which it computes, as the runtime says: not what was asked for."""

    def time(self) -> float:
        """Run one inference; seconds until its result is there."""

    def profile(self, runs: int) -> RuntimeProfile | None:
        """What the kernels took, over so many inferences; None where the runtime cannot tell."""

    def close(self) -> None:
        """Give its memory back. It cannot run afterwards."""


class Runtime(Protocol):
    """An adapter."""

    name: str
    """As `runtime` in profiles: `onnxruntime`, `torch-compile`."""
    packages: tuple[str, ...]
    """What has to be installed, as pip names it."""
    takes: str | None
    """The ending of the model files that it runs as they are, `.onnx`; None: it runs none."""

    def version(self) -> str:
        """Of the runtime that is installed."""

    def environment(self, settings: RunSettings) -> Mapping[str, str]:
        """What else of the runtime decides times: providers, options, instruction sets."""

    def prepare(self, runnable: Runnable, settings: RunSettings) -> Program:
        """The network of `runnable`, ready to run.

        Raises `RunError` for an operator that the runtime does not have (its name, the layer, and
        what to do) and for settings that it cannot have, `MissingPackageError` for a package.
        """
