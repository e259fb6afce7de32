"""What a reconciliation gives: for each number the reading that gives it, cause by cause."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from mnet_cost.analysis.conventions import CONVENTIONS
from mnet_cost.network import Network
from mnet_cost.reconciliation.figures import Figure

Verdict = Literal["exact", "rounded", "truncated", "rounded twice", "possible", "unexplained"]
"""How a number and a reading meet. exact: to the last unit. rounded, truncated, rounded twice: to
the digits that are printed. possible: to the last unit, but by parts left out or counted in a way
that no tool is known for. unexplained: no reading gives it."""

UNPRINTED, UNEXPLAINED = "digits that are not printed", "not explained"
"""The last cause, where a number is rounded, and where something is left."""

STATED, STATED_AT_NOTHING = "costs stated by the spec", "costs stated by the spec, at nothing"
"""Mult-adds of layers whose work the spec states, and the same where a tool counts nothing."""
ALL_TOOLS = "all tools: they count what they know"

EXPLAINED = frozenset(("exact", "rounded", "truncated", "rounded twice", "possible"))


class Cause(NamedTuple):
    """One part of the gap between a number and ours."""

    what: str
    mult_adds: int
    """What it adds to our count; negative where it takes away."""
    layers: tuple[str, ...] = ()
    """The layers that it is about, where it is about some and not about all of a kind."""
    known: str = ""
    """The tools that are known to count so, where it is a defect."""


class Explanation(NamedTuple):
    """A reading of a network beside a number."""

    verdict: Verdict
    conventions: tuple[str, ...]
    """Conventions that give this total by these causes."""
    causes: tuple[Cause, ...]
    """They add up to the number less our mult-adds."""
    total: int
    """What the reading gives, without rounding."""
    setting: Mapping[str, Any]
    """Knobs, the batch among them, that have other values than was asked for; `input` is the size
    of the image where no knob sets it."""
    choices: int = 0
    """Forms and defects that it takes beside the convention itself."""
    factor: int = 1
    """2 where the number is of FLOPs, with 2 for each mult-add."""
    uncounted: tuple[Cause, ...] = ()
    """Choices by which layers add nothing to our count; they are no causes."""


class Suspect(NamedTuple):
    """Layers whose count is about as large as a gap that nothing explains."""

    what: str
    mult_adds: int


class Reconciled(NamedTuple):
    """A number and what explains it."""

    figure: Figure
    explanations: tuple[Explanation, ...]
    """The best first; at least one. Of a number that nothing explains, the closest readings."""
    suspects: tuple[Suspect, ...] = ()
    """Where nothing explains it: layers whose count is close to the gap."""
    uncovered: tuple[str, ...] = ()
    """Where nothing explains it: layers of which it is not known what the tool counts."""

    @property
    def best(self) -> Explanation:
        return self.explanations[0]

    @property
    def is_explained(self) -> bool:
        return self.best.verdict in EXPLAINED

    @property
    def is_other(self) -> bool:
        """Whether the number is not what the named tool counts, but what another one does."""
        tool = self.figure.tool
        with_rules = {convention.name for convention in CONVENTIONS}
        return self.is_explained and tool in with_rules and tool not in self.best.conventions


class ReconciliationResult(NamedTuple):
    """Numbers of others beside the mult-adds of a network."""

    network: Network
    mult_adds: int
    """Ours, by the convention of the paper: a lower bound while `unmodelled` is not empty."""
    unmodelled: tuple[str, ...]
    """Layers of unknown work, which our number leaves out."""
    figures: tuple[Reconciled, ...]
    stated: int = 0
    """What of our mult-adds the spec states for layers of no known rule."""
