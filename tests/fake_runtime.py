"""A runtime and a machine of which tests decide everything: times, the clock, who uses the CPUs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from mnet_cost.measure.runs.artifacts import Runnable
from mnet_cost.measure.runs.machine import Machine, Usage
from mnet_cost.measure.runtimes.base import RunError, RunSettings, RuntimeProfile


class FakeMachine(Machine):
    """A machine of `count` CPUs whose clock goes on only when something runs or waits."""

    def __init__(self, root: Path, count: int = 4, others: float = 0.0) -> None:
        (root / "proc").mkdir(parents=True, exist_ok=True)
        (root / "proc" / "cpuinfo").write_text("model name\t: Fake CPU\n", encoding="ascii")
        super().__init__(root)
        self.clock, self.count, self.others = 0.0, count, others
        self.busy = self.own = 0.0
        self.taken = 0
        """How often another program got the CPU."""
        self.quiet_after_s: float | None = None
        """When the others end."""

    def run(self, seconds: float) -> None:
        """This process computes with one CPU."""
        self.own += seconds
        self.busy += seconds
        self._pass(seconds)

    def sleep(self, seconds: float) -> None:
        self._pass(seconds)

    def _pass(self, seconds: float) -> None:
        self.clock += seconds
        if self.quiet_after_s is not None and self.clock > self.quiet_after_s:
            self.others = 0.0
        self.busy += self.others * seconds

    def now(self) -> float:
        return self.clock

    def wall(self) -> float:
        return 1e9 + self.clock

    def today(self) -> str:
        return "2026-03-27"

    def cpus(self) -> tuple[int, ...]:
        return tuple(range(self.count))

    def usage(self) -> Usage:
        busy = dict.fromkeys(self.cpus(), self.busy / self.count)
        return Usage(self.clock, self.own, busy, dict.fromkeys(self.cpus(), 0.0), self.taken)

    def switches(self) -> int | None:
        return self.taken

    def memory(self) -> int | None:
        return 8_000_000_000

    def free_memory(self) -> int | None:
        return 7_000_000_000


class FakeRuntime:
    """Takes `seconds[reference]` for a run, times what `slow(machine)` says of the moment."""

    packages: tuple[str, ...] = ("fake",)
    takes: str | None = None

    def __init__(
        self,
        machine: FakeMachine,
        seconds: Mapping[str, float],
        slow: Callable[[FakeMachine, str], float] = lambda machine, name: 1.0,
        name: str = "onnxruntime",
    ) -> None:
        self.name, self.machine, self.seconds, self.slow = name, machine, seconds, slow
        self.prepared: list[str] = []
        self.runs: list[str] = []
        self.interrupt_after: int | None = None

    def version(self) -> str:
        return "1.32.0"

    def environment(self, settings: RunSettings) -> Mapping[str, str]:
        return {"provider": "fake"}

    def prepare(self, runnable: Runnable, settings: RunSettings) -> FakeProgram:
        self.prepared.append(runnable.reference)
        if runnable.reference not in self.seconds:
            raise RunError(f"{runnable.reference}: the operator `Fake` is not there")
        return FakeProgram(self, runnable.reference, settings.precision)


class FakeProgram:
    """A network of the fake runtime."""

    def __init__(self, runtime: FakeRuntime, reference: str, precision: str) -> None:
        self._runtime, self._reference, self.precision = runtime, reference, precision
        self.is_open = True

    def time(self) -> float:
        assert self.is_open
        runtime = self._runtime
        if runtime.interrupt_after is not None and len(runtime.runs) >= runtime.interrupt_after:
            raise KeyboardInterrupt
        runtime.runs.append(self._reference)
        seconds = runtime.seconds[self._reference]
        seconds *= runtime.slow(runtime.machine, self._reference)
        runtime.machine.run(seconds)
        return seconds

    def profile(self, runs: int) -> RuntimeProfile | None:
        return None

    def close(self) -> None:
        self.is_open = False
