"""Fits of cost coefficients under a setting, and which setting measured times speak for.

A setting is tried where the times are clearly more probable under it, and taken where it clearly
errs less on what is left out. Small graphs are rows of a fit, but say nothing of an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mnet_cost.analysis.terms import network_amounts
from mnet_cost.devices.coefficients import SharedCoefficients, of_another_runtime
from mnet_cost.devices.terms import moved_together
from mnet_cost.measure.arrays import Array, Mask
from mnet_cost.measure.coefficient_solver import NOISE, Solution, shown_seconds, solve
from mnet_cost.measure.fit_rows import Measured, once
from mnet_cost.measure.settings import Setting

_FEWEST_TO_CHOOSE = 4
"""Networks that can tell one setting from another."""
_MORE_PROBABLE = 2.0
"""Difference of the logarithms of evidence that another setting must have: seven times as
probable."""
_CLEARLY_LESS = 0.85
"""Part of the left-out error that it must not exceed. Both were chosen on published tables of ten
runtimes: with less, what four networks gain on some tables they lose on others."""
_MOST_OFF = 0.5
"""Logarithm that an error counts at most, so that one odd network does not decide."""
TELLS = 0.2
"""Part of the time of a small graph that a term must take, so that the graph tells its
coefficient."""
WIDER = 2.0
"""How many times as wide the prior of such a coefficient is."""
SMALL_GRAPH_NOISE = 0.2
"""Scale of the errors of small graphs, in natural logarithms. A network has many kernels, whose
errors cancel; a small graph has one kind."""


class Trial(NamedTuple):
    """A setting, and what a fit to the measured networks under it is made of."""

    setting: Setting
    shared: SharedCoefficients
    tile: int
    parts: Sequence[Array]
    """Of each row, the amounts of each kernel."""
    lower_bounds: Sequence[Array]
    amounts: Array
    """[rows, terms]"""
    small: Mask
    """Which rows are small graphs."""
    is_of_another_runtime: bool = False
    """Whether spreads are those of runtimes, not of devices."""

    @property
    def coefficients(self) -> Array:
        return np.array(self.shared.coefficients)

    @property
    def spreads(self) -> Array:
        """Of the prior: wide where small graphs tell."""
        return spreads_beside(self.amounts[self.small], self.shared)

    @property
    def noise(self) -> Array:
        """Scale of the errors of each row."""
        return np.where(self.small, SMALL_GRAPH_NOISE, NOISE)

    def of_another_runtime(self) -> Trial:
        """Of a runtime that the shared coefficients are not of, before anything is left out."""
        shared = of_another_runtime(self.shared)
        return self._replace(shared=shared, is_of_another_runtime=shared is not self.shared)

    def solved(self, seconds: Array, seen: Mask) -> Solution:
        """The fit to the rows of a mask."""
        return solve(
            self.amounts[seen],
            seconds[seen],
            self.coefficients,
            self.spreads,
            together=np.array(moved_together(self.shared.together)),
            noise=self.noise[seen],
        )

    def predicted(self, solution: Solution, rows: Mask) -> Array:
        """Times of the rows of a mask, as reports show them."""
        places = np.flatnonzero(rows)
        return shown_seconds(
            [self.parts[int(i)] for i in places],
            [self.lower_bounds[int(i)] for i in places],
            self.coefficients,
            solution.parameters,
        )


def trial_of(measured: Measured, setting: Setting, tile: int, shared: SharedCoefficients) -> Trial:
    """`measured` has the kernels of the setting's rules."""
    parts = once(
        measured.kernels,
        lambda kernels: np.array(network_amounts(kernels, setting.rules, tile, shared.caches)),
    )
    amounts = np.array([kernel_rows.sum(0) for kernel_rows in parts])
    return Trial(setting, shared, tile, parts, measured.lower_bounds, amounts, measured.small)


def spreads_beside(small_graphs: Array, shared: SharedCoefficients) -> Array:
    """Spreads of the prior [terms] beside the amounts of small graphs [graphs, terms]: wide of the
    terms that take a part of one of them, so that the graph tells, not other devices."""
    spreads = np.array(shared.spreads)
    if not len(small_graphs):
        return spreads
    times = small_graphs * np.array(shared.coefficients)
    told = (times / times.sum(1)[:, None]).max(0) >= TELLS
    return np.where(told, WIDER * spreads, spreads)


class Choice(NamedTuple):
    """Which setting rows speak for."""

    place: int
    """0 is the runtime's own."""
    solution: Solution
    """The fit to these rows."""
    error: float = 0.0
    """Mean error of what was left out under it, each at most `_MOST_OFF`."""
    own_error: float = 0.0
    """The same under the runtime's own."""


def choose_trial(trials: Sequence[Trial], measured: Measured, seen: Mask) -> Choice:
    """The first setting, or one under which the rows of the mask are clearly more probable and are
    predicted clearly better when they are left out: a few networks agree with many by chance."""
    own = trials[0].solved(measured.seconds, seen)
    networks = seen & np.logical_not(measured.small)
    models = {
        row.model for row, is_network in zip(measured.rows, networks, strict=True) if is_network
    }
    if len(trials) == 1 or len(models) < _FEWEST_TO_CHOOSE:
        return Choice(0, own)
    probable = [
        (index, solution)
        for index, trial in enumerate(trials[1:], start=1)
        if (solution := trial.solved(measured.seconds, seen)).evidence
        > own.evidence + _MORE_PROBABLE
    ]
    if not probable:
        return Choice(0, own)
    own_error = _left_out_error(trials[0], measured, seen)
    for index, solution in sorted(probable, key=lambda pair: -pair[1].evidence):
        error = _left_out_error(trials[index], measured, seen)
        if error < _CLEARLY_LESS * own_error:
            return Choice(index, solution, error, own_error)
    return Choice(0, own)


def _left_out_error(trial: Trial, measured: Measured, seen: Mask) -> float:
    """Mean error of the rows of the mask, each group predicted from the others."""
    groups = np.array(measured.groups)
    networks = seen & np.logical_not(measured.small)
    if len(set(groups[networks])) < 2:  # one family: each network from the others
        groups = np.array([row.model for row in measured.rows])
    errors = np.zeros(0)
    for group in dict.fromkeys(groups[networks]):
        out = seen & (groups == group)
        solution = trial.solved(measured.seconds, seen & (groups != group))
        predicted = trial.predicted(solution, out)
        errors = np.append(errors, np.abs(np.log(predicted / measured.seconds[out])))
    return float(np.minimum(errors, _MOST_OFF).mean())
