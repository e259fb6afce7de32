"""What the networks of a design space cost, many samples at once.

By tables of blocks where these are exact (`block_tables.py`), else network by network, which takes
milliseconds for each: `why_whole` says why. Both give the same numbers. Not here: which samples to
look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import MnetCostError, SpecError
from mnet_cost.metrics import find_metric
from mnet_cost.search.block_tables import BlockTables
from mnet_cost.search.blocks import Block
from mnet_cost.search.observations import COUNTS, NotSeparable
from mnet_cost.search.spaces import Samples, Space

Doubles = npt.NDArray[np.float64]

_MOST_LOOKS = 64
"""Samples of one call that are looked at to fill rows, before the rest is done one by one."""


class SpaceCosts:
    """Costs of samples of a space on some devices, at one precision and by one convention."""

    def __init__(
        self,
        space: Space,
        devices: Sequence[DeviceProfile] = (),
        precision: str = "fp32",
        convention: str = "paper",
    ) -> None:
        self.devices = tuple(devices)
        self.precision = precision
        self.convention = convention
        self.space = space
        self.tables: BlockTables | None = None
        self.why_whole = ""
        """Why networks are analyzed one by one; empty where tables say what they cost."""
        self.whole = 0
        """Samples that were analyzed one by one."""
        self.broken: Counter[str] = Counter()
        """By cause, how many samples did not hold."""
        self.keys = (
            *COUNTS,
            "peak_memory_bytes",
            *[f"latency_s@{device.name}" for device in self.devices],
        )
        """Names of what is known, in units of the program: seconds and bytes."""
        try:
            if convention != "paper":
                raise NotSeparable("what other conventions count can depend on neighbouring layers")
            self.tables = BlockTables(space, devices, precision)
            self.space = self.tables.space  # it may have found more choices
        except NotSeparable as reason:
            self.why_whole = str(reason)
        except SpecError as error:
            self.why_whole = f"some networks do not hold: {error.problems[0].message}"

    def costs(self, samples: Samples) -> dict[str, Doubles]:
        """By key, one number for each sample: NaN where its network does not hold."""
        if self.tables is None:
            return self._one_by_one(samples)
        costs = self._from_tables(samples)
        (missing,) = np.nonzero(np.isnan(costs["mult_adds"]))
        looks = 0
        while len(missing) and looks < _MOST_LOOKS:
            try:
                self.tables.look_at(samples[:, missing[0]])
            except MnetCostError:
                break
            except NotSeparable as reason:
                self.tables, self.why_whole = None, str(reason)
                return self.costs(samples)
            looks += 1
            again = self._from_tables(samples[:, missing])
            for key, numbers in again.items():
                costs[key][missing] = numbers
            missing = missing[np.isnan(again["mult_adds"])]
        if len(missing):
            for key, numbers in self._one_by_one(samples[:, missing]).items():
                costs[key][missing] = numbers
        return costs

    def block(self, samples: Samples) -> Block:
        """Costs and options of samples whose networks hold, as files have them."""
        before = self.broken.copy()
        costs = self.costs(samples)
        holds = ~np.isnan(costs["mult_adds"])
        metrics = {}
        for key, numbers in costs.items():
            name, at, device = key.partition("@")
            metric = find_metric(name)
            metrics[metric.file_key + at + device] = numbers[holds] * metric.file_factor
        return Block(
            self.space.reference, self.precision, self.space.columns(samples[:, holds]), metrics,
            dict(self.broken - before),
        )  # fmt: skip

    def _from_tables(self, samples: Samples) -> dict[str, Doubles]:
        assert self.tables is not None
        sums, peaks = self.tables.costs(samples)
        columns = [*sums.T[: len(COUNTS)], peaks, *sums.T[len(COUNTS) :]]
        return dict(zip(self.keys, columns, strict=True))

    def _one_by_one(self, samples: Samples) -> dict[str, Doubles]:
        rows = np.full((samples.shape[1], len(self.keys)), np.nan)
        for row, sample in zip(rows, samples.T, strict=True):
            self.whole += 1
            try:
                row[:] = self._row(self.analysis(sample))
            except MnetCostError as error:
                self.broken[error.problems[0].message] += 1
        return dict(zip(self.keys, rows.T, strict=True))

    def analysis(self, sample: Samples | Sequence[int]) -> Analysis:
        """All that is known of the network of one sample."""
        return analyze(
            self.space.model,
            self.space.reached(sample),
            self.devices,
            precision=self.precision,
            convention=self.convention,
        )

    def _row(self, analysis: Analysis) -> list[float]:
        totals = analysis.totals
        times = [estimate.latency_s for estimate in analysis.devices]
        return [
            *[float(getattr(totals, name)) for name in COUNTS],
            float(analysis.memory.peak_bytes),
            *[np.nan if seconds is None else seconds for seconds in times],
        ]


def sample_blocks(costs: SpaceCosts, count: int, seed: int) -> Iterator[Block]:
    """`count` random samples in blocks, as `Space.draw` draws them."""
    for samples in costs.space.draws(count, seed):
        yield costs.block(samples)
