"""What the networks of a design space cost, many samples at once.

By tables of blocks where these are exact (`block_tables.py`), else network by network, which takes
milliseconds for each: `why_whole` says why. Both give the same numbers. Not here: which samples to
look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.analysis.costs import NetworkCosts, network_costs
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import MnetCostError
from mnet_cost.metrics import Metric
from mnet_cost.search.block_rows import MAX_NETWORKS
from mnet_cost.search.block_sums import columns_for, costs_of_sums, why_not
from mnet_cost.search.block_tables import BlockTables
from mnet_cost.search.blocks import COSTS, Block, column_of, cost_columns, cost_values
from mnet_cost.search.observations import NotSeparable
from mnet_cost.search.spaces import Samples, Space
from mnet_cost.search.tracing import trace

Doubles = npt.NDArray[np.float64]

_LOOKS = 32
"""Samples that are looked at together to fill rows: as long as they show anything new."""
_TOGETHER = 1 << 13
"""Samples whose costs are worked out of sums together, in arrays that stay in a cache."""


class SpaceCosts:
    """Costs of samples of a space on some devices, at one precision and by one convention."""

    def __init__(
        self,
        space: Space,
        devices: Sequence[DeviceProfile] = (),
        precision: str = "fp32",
        convention: str = "paper",
        *,
        metrics: Sequence[Metric] | None = None,
        asked: Collection[str] | None = None,
        lower_bound: bool = False,
        evaluations: int = MAX_NETWORKS,
    ) -> None:
        """`metrics` are what to work out, all that tables can have where it is None. Columns that
        are `asked` for (all where it is None) are had by analyses one by one where tables cannot
        have them; the others are unknown then. `lower_bound` gives sums although some layers have
        no cost rule. Tables that take more networks than the `evaluations` do not pay."""
        self.devices = tuple(devices)
        self.precision = precision
        self.convention = convention
        self.space = space
        self.lower_bound = lower_bound
        self.metrics = table_metrics(devices, precision) if metrics is None else tuple(metrics)
        self.tables: BlockTables | None = None
        self.why_whole = ""
        """Why networks are analyzed one by one; empty where tables say what they cost."""
        self.whole = 0
        """Samples that were analyzed one by one."""
        self.broken: Counter[str] = Counter()
        """By cause, how many samples did not hold."""
        self.left_out: dict[str, str] = {}
        """Columns that nobody has asked for and tables cannot have, and why."""
        self.keys = tuple(cost_columns(self.metrics, self.devices))
        """Names of what is known, as files have them and in their units."""
        self._columns = columns_for(self.metrics, self.devices)
        needed = () if metrics is None else self.keys if asked is None else asked
        try:
            self._refuse_needed(needed)
            self.tables = BlockTables(
                space, devices, precision, sums=self._columns.sums, peaks=self._columns.peaks,
                most=evaluations,
            )  # fmt: skip
            self.space = self.tables.space  # it may have found more choices
        except NotSeparable as reason:
            self.why_whole = str(reason)
        except MnetCostError as error:  # no network of many has held
            self.why_whole = f"networks break: {error.problems[0].message}"

    def _refuse_needed(self, needed: Collection[str]) -> None:
        """Raise `NotSeparable` for what tables cannot have and `needed` has."""
        if self.convention != "paper":
            raise NotSeparable("what other conventions count can depend on neighbouring layers")
        for device in self.devices:
            for metric in self.metrics:
                reason = why_not(metric, device, self.precision) if metric.per_device else ""
                column = column_of(metric, device)
                if reason and column in needed:
                    raise NotSeparable(reason)
                if reason:
                    self.left_out[column] = reason

    @property
    def is_exact(self) -> bool:
        """Whether all networks of the space add up from tables of blocks."""
        return self.tables is not None

    def costs(self, samples: Samples) -> dict[str, Doubles]:
        """By column, one number for each sample: NaN where its network does not hold."""
        return self._costs(samples)[0]

    def _costs(self, samples: Samples) -> tuple[dict[str, Doubles], npt.NDArray[np.bool_]]:
        """(costs by column, which samples hold)."""
        count = samples.shape[1]
        costs = {key: np.full(count, np.nan) for key in self.keys}
        holds = np.zeros(count, bool)
        rest = np.arange(count)
        apart = []
        while self.tables is not None and len(rest):
            rest, uncertain = self._from_tables(samples, rest, costs, holds)
            apart.append(uncertain)
            try:
                if not len(rest) or not self.tables.look_at(samples[:, rest[:_LOOKS]]):
                    break
            except NotSeparable as reason:
                self.tables, self.why_whole = None, str(reason)
        self._one_by_one(samples, np.concatenate([*apart, rest]), costs, holds)
        return costs, holds

    def block(self, samples: Samples) -> Block:
        """Costs and options of samples whose networks hold, as files have them. A choice of a
        block that is left out has no value."""
        before = self.broken.copy()
        costs, holds = self._costs(samples)
        if not holds.all():
            samples = samples[:, holds]
            costs = {key: numbers[holds] for key, numbers in costs.items()}
        knobs = self.space.columns(samples, self.reached(samples))
        broken = dict(self.broken - before)
        return Block(self.space.reference, self.precision, knobs, costs, broken)

    def reached(self, samples: Samples) -> npt.NDArray[np.bool_]:
        """(axes, samples): whether networks, which hold, have each choice."""
        if self.tables is not None:
            return self.tables.reached(samples)
        result = np.ones(samples.shape, bool)
        names = [axis.name for axis in self.space.axes]
        for number, sample in enumerate(samples.T):
            choices = trace(self.space.model, self.space.setting(sample)).network.choices
            result[:, number] = ["." not in name or name in choices for name in names]
        return result

    def _from_tables(
        self,
        samples: Samples,
        places: npt.NDArray[np.int64],
        costs: dict[str, Doubles],
        holds: npt.NDArray[np.bool_],
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Fill in what tables know of the samples at `places`; returns those that meet unseen rows,
        and those of which sums do not tell all."""
        assert self.tables is not None
        found = self.tables.costs(
            samples if len(places) == samples.shape[1] else samples[:, places]
        )
        known = ~np.isnan(found.sums[:, 0])
        breaks = found.causes >= 0
        for number, times in enumerate(np.bincount(found.causes[breaks])):
            if times:
                self.broken[self.tables.causes[number]] += int(times)
        unseen = places[~known & ~breaks]
        known &= ~breaks
        at = np.flatnonzero(known)
        uncertain = []
        for start in range(0, len(at), _TOGETHER):
            chunk = at[start : start + _TOGETHER]
            whole = len(chunk) and chunk[-1] - chunk[0] == len(chunk) - 1
            rows = slice(chunk[0], chunk[-1] + 1) if whole else chunk
            summed = costs_of_sums(
                found.sums[rows], found.peaks[rows], self._columns, self.metrics, self.devices,
                self.precision,
            )  # fmt: skip
            sure = ~summed.uncertain
            into = places[chunk]
            holds[into] = sure
            for key, numbers in zip(self.keys, self._values(summed.costs), strict=True):
                if numbers is not None:
                    costs[key][into] = numbers
            if not sure.all():
                uncertain.append(into[~sure])
        return unseen, np.concatenate([np.empty(0, np.int64), *uncertain])

    def _values(self, costs: NetworkCosts) -> list[Doubles | None]:
        return cost_values(self.metrics, costs, self.lower_bound)

    def _one_by_one(
        self,
        samples: Samples,
        places: npt.NDArray[np.int64],
        costs: dict[str, Doubles],
        holds: npt.NDArray[np.bool_],
    ) -> None:
        for place in places.tolist():
            self.whole += 1
            try:
                network = trace(self.space.model, self.space.setting(samples[:, place])).network
                counted = network_costs(network, self.devices, self.precision, self.convention)
            except MnetCostError as error:
                self.broken[error.problems[0].message.partition("\n")[0]] += 1
                continue
            holds[place] = True
            for key, number in zip(self.keys, self._values(counted), strict=True):
                costs[key][place] = np.nan if number is None else number

    def analysis(self, sample: Samples | Sequence[int]) -> Analysis:
        """All that is known of the network of one sample."""
        return analyze(
            self.space.model,
            self.space.reached(sample),
            self.devices,
            precision=self.precision,
            convention=self.convention,
        )


def table_metrics(devices: Sequence[DeviceProfile], precision: str) -> tuple[Metric, ...]:
    """The costs that tables can have: of the network, or of one of `devices` at least."""
    return tuple(
        [
            metric
            for metric in COSTS
            if any(not why_not(metric, device, precision) for device in devices or (None,))
        ]
    )


class SpaceScores:
    """A space with its costs at each precision, whose tables are made once."""

    def __init__(
        self,
        space: Space,
        devices: Sequence[DeviceProfile],
        convention: str,
        metrics: Sequence[Metric],
        asked: Collection[str],
        lower_bound: bool = False,
        evaluations: int = MAX_NETWORKS,
    ) -> None:
        """As `SpaceCosts`."""
        self.space = space
        self._options: dict[str, Any] = {
            "metrics": metrics, "asked": asked, "lower_bound": lower_bound,
            "evaluations": evaluations,
        }  # fmt: skip
        self._devices = devices
        self._convention = convention
        self._by_precision: dict[str, SpaceCosts] = {}

    def at(self, precision: str) -> SpaceCosts:
        """The costs at one precision. The first call may find more choices for `space`."""
        if precision not in self._by_precision:
            costs = SpaceCosts(
                self.space, self._devices, precision, self._convention, **self._options
            )
            self.space = costs.space
            self._by_precision[precision] = costs
        return self._by_precision[precision]


def sample_blocks(costs: SpaceCosts, count: int, seed: int) -> Iterator[Block]:
    """`count` random samples in blocks, as `Space.draw` draws them."""
    for samples in costs.space.draws(count, seed):
        yield costs.block(samples)
