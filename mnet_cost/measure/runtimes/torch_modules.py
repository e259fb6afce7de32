"""What eager and compiled torch share: how torch is set for a run, a module in the precision of the
run, and clocks of the processor and of a GPU.

Not here: what runs the module (`torch_eager.py`, `torch_compile.py`).
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import fx

from mnet_cost.errors import Problem
from mnet_cost.measure.runtimes.base import RunError, RunSettings, first_line, refused

if TYPE_CHECKING:
    from mnet_cost.measure.runs.artifacts import Runnable

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
"""By the name of the precision."""

Inputs = tuple[torch.Tensor, ...]

_IDLE_S = 0.5
_WARM_S = 0.3
"""A GPU lowers its clocks when it has nothing to do. So after `_IDLE_S` it runs the network for
`_WARM_S` before the next run is timed."""


# --- settings


def check_settings(settings: RunSettings) -> None:
    """Raise `RunError` for settings that torch cannot have here."""
    if settings.precision not in DTYPES:
        raise RunError(
            Problem(
                f"torch does not run networks in {settings.precision} here",
                hint=f"there are {', '.join(DTYPES)}; onnxruntime and OpenVINO have int8",
            )
        )
    if settings.device not in ("cpu", "cuda"):
        raise RunError(f"torch runs networks on `cpu` or `cuda` here, not on `{settings.device}`")
    if settings.device == "cuda" and not torch.cuda.is_available():
        raise RunError(
            Problem(
                f"torch {torch.__version__} finds no GPU with CUDA",
                hint="a build of torch for CUDA is needed, and a driver: see `nvidia-smi`",
            )
        )


@contextmanager
def torch_set(settings: RunSettings) -> Iterator[None]:
    """torch with the threads of `settings`, without TF32 and without gradients; then as before."""
    threads = torch.get_num_threads()
    products = torch.get_float32_matmul_precision()
    with ExitStack() as stack:
        if settings.device == "cuda":
            cudnn = torch.backends.cudnn
            stack.enter_context(
                cudnn.flags(
                    enabled=True,
                    benchmark=cudnn.benchmark,
                    deterministic=cudnn.deterministic,
                    allow_tf32=False,
                )
            )
        stack.callback(torch.set_num_threads, threads)
        stack.callback(torch.set_float32_matmul_precision, products)
        torch.set_num_threads(settings.threads)
        torch.set_float32_matmul_precision("highest")
        stack.enter_context(torch.inference_mode())
        yield


def environment(settings: RunSettings) -> Mapping[str, str]:
    """What of torch decides times, besides its version. Raises as `check_settings` does."""
    check_settings(settings)
    if settings.device == "cuda":
        return {
            "GPU": torch.cuda.get_device_name(),
            "CUDA": str(torch.version.cuda),
            "cuDNN": str(torch.backends.cudnn.version()),
            "cuDNN benchmark": "on" if torch.backends.cudnn.benchmark else "off",
            "TF32": "off",
        }
    return {
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "oneDNN": "on" if torch.backends.mkldnn.is_available() else "not there",
        "fp32 products": "in fp32",
    }


# --- a module that is ready to run


@dataclass(frozen=True, slots=True)
class Prepared:
    """A module with inputs, in the precision and on the device of a run."""

    module: fx.GraphModule
    inputs: Inputs
    precision: str
    """In which all layers compute."""


def prepared_module(
    runnable: Runnable, settings: RunSettings, channels_last: bool = False
) -> Prepared:
    """The module of `runnable` as `settings` want it; it has run once.

    With `channels_last`, weights and inputs of four axes are stored with channels innermost.
    Raises `RunError` for a layer that torch does not run so, by its name.
    """
    check_settings(settings)
    module, inputs = runnable.module(), runnable.inputs()
    dtype = DTYPES[settings.precision]
    if settings.device != "cpu" or dtype is not torch.float32 or channels_last:
        module = copy.deepcopy(module).to(settings.device, dtype)
        inputs = tuple(
            tensor.to(settings.device, dtype if tensor.is_floating_point() else None)
            for tensor in inputs
        )
    if channels_last:
        for parameter in module.parameters():
            parameter.data = _channels_last(parameter.data)
        inputs = tuple(map(_channels_last, inputs))
    trial = _Trial(module, runnable, settings.precision)
    with torch_set(settings):
        trial.run(*inputs)
    return Prepared(module, inputs, settings.precision)


def _channels_last(tensor: torch.Tensor) -> torch.Tensor:
    if tensor.dim() != 4:
        return tensor
    return tensor.contiguous(memory_format=torch.channels_last)


class _Trial(fx.Interpreter):  # type: ignore[misc]
    """Runs a module node by node: which layer fails, and which computes in another precision."""

    def __init__(self, module: fx.GraphModule, runnable: Runnable, precision: str) -> None:
        super().__init__(module)
        self.extra_traceback = False
        self._runnable = runnable
        self._precision = precision

    def run_node(self, node: fx.Node) -> Any:
        try:
            result = super().run_node(node)
        except (RuntimeError, TypeError, ValueError) as error:
            raise self._refused(node, first_line(error)) from None
        if (
            isinstance(result, torch.Tensor)
            and result.is_floating_point()
            and result.dtype is not DTYPES[self._precision]
        ):
            raise self._refused(node, f"its result is {result.dtype}")
        return result

    def _refused(self, node: fx.Node, reason: str) -> RunError:
        layer = node.meta.get("layer", node.name)
        operator = operator_of(self.module, node)
        message = f"torch cannot run `{layer}` ({operator}) in {self._precision}: {reason}"
        hint = None if self._precision == "fp32" else "measure it in fp32"
        return refused(self._runnable, message, layer=layer, hint=hint)


def operator_of(module: fx.GraphModule, node: fx.Node) -> str:
    """What a node calls: `Conv2d`, `relu`."""
    if node.op == "call_module":
        return type(module.get_submodule(str(node.target))).__name__
    return getattr(node.target, "__name__", str(node.target))


# --- clocks


class Clock(Protocol):
    """Marks of time on the device that a network runs on."""

    def mark(self) -> Any:
        """Now, or when the device has done what it was asked to do before."""

    def wait(self) -> None:
        """Until the device has done everything that it was asked to do."""

    def seconds(self, start: Any, end: Any) -> float:
        """Between two marks, after `wait`."""


class HostClock:
    """Of the processor."""

    def mark(self) -> float:
        return time.perf_counter()

    def wait(self) -> None:
        pass

    def seconds(self, start: float, end: float) -> float:
        return end - start


class CudaClock:
    """Of a GPU: events among its kernels, which it stamps when it comes to them."""

    def mark(self) -> Any:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def wait(self) -> None:
        torch.cuda.synchronize()

    def seconds(self, start: Any, end: Any) -> float:
        return float(start.elapsed_time(end)) / 1000


class TimedModule:
    """A module, or what was compiled of it, that is timed. The half of a `Program` that eager and
    compiled torch share."""

    def __init__(self, prepared: Prepared, settings: RunSettings, call: Any = None) -> None:
        """`call` runs `prepared.module`; without it the module itself is called."""
        self.precision = prepared.precision
        self.prepared = prepared
        self.settings = settings
        self.clock: Clock = CudaClock() if settings.device == "cuda" else HostClock()
        self._call = prepared.module if call is None else call
        self._idle_since: float | None = None

    def time(self) -> float:
        """Run one inference; seconds until its result is there."""
        with torch_set(self.settings):
            if self.settings.device == "cuda":
                self._warm()
            self.clock.wait()
            start = self.clock.mark()
            result = self._call(*self.prepared.inputs)
            end = self.clock.mark()
            self.clock.wait()
            del result
            self._idle_since = time.perf_counter()
            return self.clock.seconds(start, end)

    def close(self) -> None:
        """Give its memory back."""
        del self.prepared, self._call

    def _warm(self) -> None:
        now = time.perf_counter()
        if self._idle_since is not None and now - self._idle_since < _IDLE_S:
            return
        while time.perf_counter() - now < _WARM_S:
            self._call(*self.prepared.inputs)
            self.clock.wait()
