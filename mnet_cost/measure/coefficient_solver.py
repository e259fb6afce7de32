"""Cost coefficients of terms from measured times of whole networks.

    T(network) = exp(s) * sum over terms of coefficient * exp(deviation) * amount

with shared coefficients, a scale s for the device, and deviations that a normal prior keeps small:
so two measurements are never asked for twenty numbers, and every coefficient is positive. The
likelihood is Student's t on logarithms, since published tables have outliers. Solved by iteratively
reweighted least squares; what it returns beside the answer is the inverse Hessian, from which bands
are made. Not here: where amounts come from, and files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mnet_cost.measure.arrays import Array

NOISE = 0.12
"""Scale of the errors of a measurement and of the model, in natural logarithms."""
FREEDOM = 4.0
"""Degrees of freedom of Student's t."""
SCALE_SPREAD = 2.0
"""Prior of the scale: nothing is known of it but its order of magnitude."""
_STEPS = 40
_STEP = 0.5
"""Largest change of a parameter in one step: keeps a poor start from running away."""


class Solution(NamedTuple):
    """What a device's measurements say: s and the deviations, and their covariance."""

    parameters: Array
    """[1 + terms]"""
    covariance: Array
    """[1 + terms, 1 + terms]"""
    evidence: float = 0.0
    """Logarithm of how probable the times are under the prior, of all parameters, but for a
    constant that depends on the number of times alone. By Laplace's approximation."""


def solve(
    amounts: Array,
    seconds: Array,
    coefficients: Array,
    spreads: Array,
    scale: float | None = None,
    scale_spread: float = SCALE_SPREAD,
    steps: int = _STEPS,
    together: Array | None = None,
    noise: Array | float = NOISE,
) -> Solution:
    """Maximum a posteriori of scale and deviations.

    amounts [networks, terms]; seconds [networks]; coefficients, spreads (of the prior of the
    deviations) [terms]; `together` is how far the prior moves deviations by a number that they have
    in common, as standard deviations [terms]. `scale` is the prior's middle; without it, that of
    the measurements. A single measurement moves the scale and hardly a deviation: its residual can
    be zero without them. `noise` is the scale of errors, of all or of each [networks].
    """
    by_coefficients = amounts * coefficients
    measured = np.log(seconds)
    middle = float(np.median(measured - np.log(by_coefficients.sum(1)))) if scale is None else scale
    start = np.zeros(1 + len(coefficients))
    start[0] = middle
    precision = np.diag(1 / np.concatenate([[scale_spread], spreads]) ** 2)
    if together is not None:
        variances = np.diag(np.concatenate([[scale_spread], spreads]) ** 2)
        moved = np.concatenate([[0.0], together])
        precision = np.linalg.inv(variances + np.outer(moved, moved))
    now = start.copy()
    for _ in range(steps):
        expected, shares = _expected(by_coefficients, now)
        residuals = measured - expected
        weights = (FREEDOM + 1) / (FREEDOM + (residuals / noise) ** 2) / noise**2
        hessian = (shares * weights[:, None]).T @ shares + precision
        gradient = shares.T @ (weights * residuals) - precision @ (now - start)
        step = np.clip(np.linalg.solve(hessian, gradient), -_STEP, _STEP)
        now = now + step
        if np.abs(step).max() < 1e-5:
            break
    covariance = np.asarray(np.linalg.inv(hessian), dtype=np.float64)
    residuals = (measured - _expected(by_coefficients, now)[0]) / noise
    likelihood = -(FREEDOM + 1) / 2 * np.log1p(residuals**2 / FREEDOM).sum()
    evidence = likelihood - (now - start) @ precision @ (now - start) / 2
    evidence += (np.linalg.slogdet(precision)[1] - np.linalg.slogdet(hessian)[1]) / 2
    return Solution(now, covariance, float(evidence))


def _expected(by_coefficients: Array, parameters: Array) -> tuple[Array, Array]:
    """Logarithm of the time of each network, and its derivatives: 1, then shares of terms."""
    parts = by_coefficients * np.exp(parameters[1:])
    total = parts.sum(1)
    shares = np.concatenate([np.ones((len(total), 1)), parts / total[:, None]], axis=1)
    return parameters[0] + np.log(total), shares


def term_shares(amounts: Array, coefficients: Array) -> Array:
    """How the logarithm of each time [networks] changes with the logarithms of the scale and of
    each coefficient: 1, then the shares of the terms, [networks, 1 + terms]."""
    return _expected(amounts * coefficients, np.zeros(1 + len(coefficients)))[1]


def expected_seconds(amounts: Array, coefficients: Array, parameters: Array) -> Array:
    """Times of networks [networks]."""
    return np.exp(_expected(amounts * coefficients, parameters)[0])


def shown_seconds(
    amounts: Sequence[Array], lower_bounds: Sequence[Array], coefficients: Array, parameters: Array
) -> Array:
    """Times of networks [networks] as reports show them: no kernel takes less than its lower bound.

    Of each network, amounts [kernels + 1, terms], those of the inference last, and lower bounds
    [kernels].
    """
    each = coefficients * np.exp(parameters[0] + parameters[1:])
    return np.array(
        [
            np.maximum(network_amounts @ each, np.append(lower_bound, 0.0)).sum()
            for network_amounts, lower_bound in zip(amounts, lower_bounds, strict=True)
        ]
    )


def deviation(amounts: Array, coefficients: Array, solution: Solution, noise: float) -> Array:
    """Standard deviation of the logarithm of each time [networks]: of the parameters, and noise."""
    shares = _expected(amounts * coefficients, solution.parameters)[1]
    variance = np.einsum("ij,jk,ik->i", shares, solution.covariance, shares)
    return np.asarray(np.sqrt(variance + noise**2), dtype=np.float64)


def share_coefficients(
    runs: Sequence[tuple[Array, Array]],
    start: Array,
    spreads: Array,
    rounds: int = 12,
    start_spread: float = 1.0,
    together: Array | None = None,
) -> Array:
    """Coefficients that devices have in common: the middle of what each run (amounts, seconds)
    says.

    `start` is the prior of the coefficients themselves, with `start_spread`: a term that no network
    of the runs has keeps it. Cost coefficients are relative to the first term, which stays 1.
    """
    coefficients = start.copy()
    seen = np.any([amounts.any(0) for amounts, _ in runs], axis=0)
    for _ in range(rounds):
        said = [
            solve(a, t, coefficients, spreads, steps=8, together=together).parameters[1:]
            for a, t in runs
        ]
        # Deviations are zero on average where shared coefficients are right; the prior pulls as
        # hard as one device whose deviation is start_spread.
        pull = np.log(start / coefficients) / start_spread**2
        mean = (np.sum(said, axis=0) / spreads**2 + pull) / (
            len(said) / spreads**2 + 1 / start_spread**2
        )
        # What a prior has shrunk is less than what was there: steps of half as much again.
        coefficients = coefficients * np.exp(1.5 * mean)
        coefficients = np.where(seen, coefficients / coefficients[0], start)
        if np.abs(mean).max() < 0.005:
            break
    return coefficients
