"""Energy of a series of runs, from a counter of the machine or the log of a meter.

RAPL counts joules of processor and memory (`/sys/class/powercap`, Linux kernel documentation,
power/powercap/powercap). The INA3221 of Jetson boards measures the watts of the whole module
(NVIDIA Jetson Linux developer guide, "Jetson module power monitors"). A meter's log is a CSV file
that another program writes. What cannot be told is None: unknown is not zero.
"""

from __future__ import annotations

import csv
import math
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from itertools import pairwise
from typing import Protocol

from mnet_cost.errors import MeasurementError, Problem, Span, UsageError, did_you_mean
from mnet_cost.measure.runs.machine import Machine
from mnet_cost.yamlfile import read_text

WORDS = ("auto", "rapl", "jetson")
"""What `--energy` takes beside the path of a log."""

_READ_EVERY_S = 0.02
"""Watts are read no more often: it takes a bus some milliseconds."""
_FEWEST_READINGS = 3
"""Of watts, in a series whose energy they tell."""
_WAIT_S = 3.0
"""How long a log may take to have what is over."""
_STEP_S = 0.2
_WHOLE_MODULE = ("VDD_IN", "POM_5V_IN")
"""Names of the rail that feeds all of a Jetson module."""


class Meter(Protocol):
    """Tells the energy between `start` and `stop`."""

    name: str
    """What is measured, for readers."""

    def start(self) -> None:
        """A series begins."""

    def read(self) -> None:
        """A run of it is over: time for a reading."""

    def stop(self) -> float | None:
        """Joules since `start`; None where they are not known."""


def find_meter(word: str, machine: Machine) -> Meter | None:
    """The meter that `word` stands for; for `auto` None where the machine has none.

    Raises `UsageError` for a counter that is not there or may not be read, `MeasurementError` for a
    log that is none.
    """
    if word not in WORDS:
        if os.sep not in word and not os.path.exists(word) and not word.endswith(".csv"):
            hint = did_you_mean(word, WORDS) or "it is auto, rapl, jetson, or a meter's log (CSV)"
            raise UsageError(Problem(f"energy is not read from `{word}`", hint=hint))
        read_log(word)
        return Log(word, machine)
    found: list[Meter] = []
    problems: list[Problem] = []
    for name, find in (("rapl", _rapl), ("jetson", _jetson)):
        meter = find(machine) if word in ("auto", name) else None
        if isinstance(meter, Problem):
            problems.append(meter)
        elif meter is not None:
            found.append(meter)
    if found:
        return found[0]
    if word == "auto":
        return None
    hint = "a log of a meter: `--energy watts.csv`, with the columns time and watts"
    raise UsageError(problems or Problem(f"this machine has no counter `{word}`", hint=hint))


def _rapl(machine: Machine) -> Meter | Problem | None:
    zones = []
    for zone in machine.paths("sys/class/powercap/intel-rapl:*"):
        name = machine.text(f"{zone}/name") or ""
        # What has two colons is a part: of those only memory is not in its package.
        is_part = zone.rpartition("/")[2].count(":") > 1
        if name == "dram" if is_part else name.startswith("package"):
            zones.append(zone)
    if not zones:
        return None
    if any(machine.number(f"{zone}/energy_uj") is None for zone in zones):
        hint = "sudo chmod a+r /sys/class/powercap/intel-rapl:*/energy_uj, until the next start"
        return Problem("the counter of energy (RAPL) may not be read", hint=hint)
    return Rapl(zones, machine)


def _jetson(machine: Machine) -> Meter | None:
    for label in machine.paths("sys/bus/i2c/drivers/ina3221/*/hwmon/hwmon*/in*_label"):
        if machine.text(label) in _WHOLE_MODULE:
            number = re.sub(r"\D", "", label.rpartition("/")[2])
            folder = label.rpartition("/")[0]
            return Watts([(f"{folder}/in{number}_input", 1e-3),
                          (f"{folder}/curr{number}_input", 1e-3)], machine)  # fmt: skip
    for label in machine.paths("sys/bus/i2c/drivers/ina3221x/*/iio:device*/rail_name_*"):
        if machine.text(label) in _WHOLE_MODULE:
            folder, number = label.rsplit("/rail_name_", 1)
            return Watts([(f"{folder}/in_power{number}_input", 1e-3)], machine)
    return None


class Rapl:
    """The counters of processor packages and their memory."""

    name = "processor packages and memory, counted by RAPL"

    def __init__(self, zones: Sequence[str], machine: Machine) -> None:
        self._zones, self._machine = zones, machine
        self._before: list[int | None] = []

    def start(self) -> None:
        self._before = self._counters()

    def read(self) -> None:
        pass

    def stop(self) -> float | None:
        total = 0
        for zone, before, after in zip(self._zones, self._before, self._counters(), strict=True):
            if before is None or after is None:
                return None
            if after < before:  # it began anew
                most = self._machine.number(f"{zone}/max_energy_range_uj")
                if most is None:
                    return None
                after += most
            total += after - before
        return total * 1e-6 if total else None  # it counts a thousand times a second

    def _counters(self) -> list[int | None]:
        return [self._machine.number(f"{zone}/energy_uj") for zone in self._zones]


class Watts:
    """Watts that are read between runs: the product of some readings, each with its factor."""

    name = "the whole module, watts read between runs"

    def __init__(self, factors: Sequence[tuple[str, float]], machine: Machine) -> None:
        self._factors, self._machine = factors, machine
        self._readings: list[tuple[float, float]] = []

    def start(self) -> None:
        self._readings = []
        self._take()

    def read(self) -> None:
        if self._machine.now() - self._readings[-1][0] >= _READ_EVERY_S:
            self._take()

    def stop(self) -> float | None:
        self._take()
        if len(self._readings) < _FEWEST_READINGS:
            return None
        joules = _integral(self._readings, self._readings[0][0], self._readings[-1][0])
        return None if joules is None or math.isnan(joules) else joules

    def _take(self) -> None:
        watts = 1.0
        for path, factor in self._factors:
            number = self._machine.number(path)
            watts *= math.nan if number is None else number * factor
        self._readings.append((self._machine.now(), watts))


class Log:
    """The log of a meter, which another program goes on writing."""

    def __init__(self, path: str, machine: Machine) -> None:
        self.name = f"the meter's log {os.path.basename(path)}"
        self._path, self._machine = path, machine
        self._start = 0.0

    def start(self) -> None:
        self._start = self._machine.wall()

    def read(self) -> None:
        pass

    def stop(self) -> float | None:
        end = self._machine.wall()
        waited = 0.0
        while True:
            readings = read_log(self._path)
            if readings[-1][0] >= end or waited >= _WAIT_S:
                break
            self._machine.sleep(_STEP_S)
            waited += _STEP_S
        inside = sum(self._start <= at <= end for at, _ in readings)
        return _integral(readings, self._start, end) if inside >= _FEWEST_READINGS else None


def _integral(readings: Sequence[tuple[float, float]], start: float, end: float) -> float | None:
    """Joules from `start` to `end` of (seconds, watts), with straight lines between; None where
    the readings do not reach from one to the other."""
    if not readings or readings[0][0] > start or readings[-1][0] < end:
        return None
    joules = 0.0
    for (at, watts), (then, after) in pairwise(readings):
        low, high = max(at, start), min(then, end)
        if high <= low:
            continue
        slope = (after - watts) / (then - at)
        joules += (high - low) * (watts + slope * ((low + high) / 2 - at))
    return joules


def read_log(path: str) -> list[tuple[float, float]]:
    """(seconds since 1970, watts) of a CSV file with the columns `time` and `watts`, in order.

    A time is a number of seconds, or a date and time (`2026-03-27T10:15:00.5`), which is local
    where it says no offset. A last line that is not finished is left out. Raises
    `MeasurementError` at the user's own line.
    """
    source = read_text(path, error=MeasurementError)
    lines = source.lines()
    whole = lines if source.text.endswith("\n") else lines[:-1]
    header = [cell.strip().lower() for cell in next(csv.reader(whole[:1]), [])]
    if "time" not in header or "watts" not in header:
        span = Span(source, 1, 1, len(lines[0]) + 1)
        hint = "a header is `time,watts`: seconds since 1970, or dates with times"
        raise MeasurementError(Problem("a meter's log has the columns time and watts", span, hint))
    readings: list[tuple[float, float]] = []
    for number, line in enumerate(whole[1:], start=2):
        if not line.strip():
            continue
        cells = dict(zip(header, next(csv.reader([line]), []), strict=False))
        at, watts = _seconds(cells.get("time", "")), _plain(cells.get("watts", ""))
        span = Span(source, number, 1, len(line) + 1)
        if at is None or watts is None:
            raise MeasurementError(Problem("this line has no time and watts", span, line[:80]))
        if readings and at <= readings[-1][0]:
            hint = "a log goes forward; take out what is older"
            raise MeasurementError(Problem("this line is not later than the one above", span, hint))
        readings.append((at, watts))
    if not readings:
        raise MeasurementError(Problem(f"{path}: there are no readings yet", hint="start the log"))
    return readings


def _seconds(text: str) -> float | None:
    number = _plain(text)
    if number is not None:
        return number
    with suppress(ValueError, OverflowError, OSError):
        return datetime.fromisoformat(text.strip()).timestamp()
    return None


def _plain(text: str) -> float | None:
    with suppress(ValueError):
        number = float(text)
        return number if math.isfinite(number) else None
    return None
