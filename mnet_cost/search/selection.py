"""Which networks of design spaces a sweep evaluates: random samples, or what a search finds.

A request says how they are chosen (`Selection`); then each network of the request has candidates,
which can be gone through as often as needed. The same seed draws the same samples, each combination
of options as likely as any other; one that is drawn twice is there twice. Not here: searches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from mnet_cost.errors import Problem, UsageError, did_you_mean, one_of
from mnet_cost.search.spaces import Samples, Space

Method = Literal["evolution", "exact", "optuna"]
METHODS: tuple[Method, ...] = get_args(Method)

MAX_SAMPLES = 10**10
MAX_EVALUATIONS = 10**8
"""Networks that a search found are kept in memory."""
_MAX_SEED = 2**32 - 1
_PIECE = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """How candidates are chosen; everything in it was checked."""

    method: Literal["sample"] | Method
    count: int
    """Samples or evaluations of each network; 0 for an exact search."""
    seed: int = 0
    storage: str | None = None
    """A database of Optuna."""

    @property
    def is_search(self) -> bool:
        return self.method != "sample"


def plan_selection(
    *,
    sample: int | None = None,
    search: str | None = None,
    evaluations: int | None = None,
    seed: int | None = None,
    storage: str | None = None,
) -> Selection | None:
    """How a user chooses candidates; None where all points of a grid are asked for.

    Raises `UsageError` for numbers that cannot be, and for what excludes or needs each other.
    """
    if sample is not None and search is not None:
        hint = "a search draws samples of its own"
        raise UsageError(Problem("--sample and --search exclude each other", hint=hint))
    for option, value in (("--evaluations", evaluations), ("--storage", storage)):
        if value is not None and search is None:
            hint = f"add --search {one_of(METHODS)}"
            raise UsageError(Problem(f"{option} belongs to --search", hint=hint))
    if seed is not None and sample is None and search is None:
        hint = "a grid has all of its points: nothing is drawn"
        raise UsageError(Problem("--seed belongs to --sample or --search", hint=hint))
    _whole("--seed", seed, 0, _MAX_SEED)
    if sample is not None:
        _whole("--sample", sample, 1, MAX_SAMPLES)
        return Selection(method="sample", count=sample, seed=seed or 0)
    if search is None:
        return None
    method = next((method for method in METHODS if method == search), None)
    if method is None:
        hint = did_you_mean(search, METHODS) or f"there are {', '.join(METHODS)}"
        raise UsageError(Problem(f"there is no search `{search}`", hint=hint))
    if storage is not None and method != "optuna":
        raise UsageError(
            Problem(f"--search {method} keeps nothing", hint="--storage is of --search optuna")
        )
    if method == "exact":
        for option, value in (("--evaluations", evaluations), ("--seed", seed)):
            if value is not None:
                hint = "leave it out: an exact search draws nothing, and looks at all networks"
                raise UsageError(Problem(f"--search exact has no {option}", hint=hint))
        return Selection(method=method, count=0)
    if evaluations is None:
        raise UsageError(
            Problem(f"--search {method} needs a number of evaluations", hint="--evaluations 10000")
        )
    _whole("--evaluations", evaluations, 1, MAX_EVALUATIONS)
    return Selection(method=method, count=evaluations, seed=seed or 0, storage=storage)


def _whole(option: str, value: Any, least: int, most: int) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int):
        raise UsageError(f"{option} is a whole number, not {value!r}")
    if not least <= value <= most:
        raise UsageError(f"{option} is a whole number from {least} to {most:,}, not {value:,}")


class Candidates(Protocol):
    """Samples of a space that are evaluated."""

    @property
    def count(self) -> int: ...

    def pieces(self) -> Iterator[Samples]:
        """All of them, the same each time."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Random samples, drawn anew each time."""

    space: Space
    samples: int
    seed: int

    @property
    def count(self) -> int:
        return self.samples

    def pieces(self) -> Iterator[Samples]:
        """All samples."""
        return self.space.draws(self.samples, self.seed)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Samples that a search has chosen."""

    samples: Samples

    @property
    def count(self) -> int:
        return int(self.samples.shape[1])

    def pieces(self) -> Iterator[Samples]:
        """All samples."""
        for start in range(0, self.count, _PIECE):
            yield self.samples[:, start : start + _PIECE]
