"""What is swept: networks, values of their knobs, devices, metrics; all of it checked beforehand.

`plan_sweep` makes a `SweepRequest` of what a user asks for, or raises what is wrong with it. The
request knows the columns that a sweep has. Not here: the points (`sweep.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import prod
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mnet_cost.analysis.conventions import find_convention
from mnet_cost.analysis.work import settle_precision
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import Problem, UsageError
from mnet_cost.metrics import Metric
from mnet_cost.models.types import Model
from mnet_cost.search.accuracies import PRECISION, Accuracy, Surface, surfaces_of
from mnet_cost.search.blocks import COMPUTED, COSTS, column_of, cost_columns
from mnet_cost.search.limits import Limit, parse_limits
from mnet_cost.search.networks import with_knobs
from mnet_cost.search.objectives import Objective, default_objectives, parse_objectives
from mnet_cost.search.single import knob_type

if TYPE_CHECKING:
    from mnet_cost.search.selection import Candidates, Selection
    from mnet_cost.search.space_costs import SpaceScores

MAX_POINTS = 10**11
"""More points would take days at any rate that was measured."""

Kind = Literal["word", "bool", "int64", "float64"]


class Column(NamedTuple):
    """A column of a sweep: its name in files, and what its cells are. Any cell may be missing."""

    name: str
    kind: Kind
    metric: Metric | None = None
    device: DeviceProfile | None = None
    """Of a metric, and where that is of a device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One of the networks of a sweep."""

    name: str
    """As it was asked for."""
    model: Model
    axes: Mapping[str, tuple[Any, ...]]
    """The swept knobs that it has."""
    surfaces: tuple[Surface, ...]
    precisions: tuple[str, ...]
    """Those of the sweep; where nobody asked for one, its own."""
    space: SpaceScores | None = None
    """Where it is a design space, of which not all networks are evaluated."""
    candidates: Candidates | None = None
    """Those that are; a search finds them."""

    @property
    def settings(self) -> int:
        """Combinations of knob values."""
        return prod(map(len, self.axes.values()))

    @property
    def points(self) -> int:
        """Settings that are evaluated."""
        if self.space is None:
            return self.settings
        return self.candidates.count if self.candidates is not None else 0


@dataclass(frozen=True, kw_only=True)
class SweepRequest:
    """What is swept; everything in it was checked."""

    networks: tuple[Network, ...]
    axes: Mapping[str, tuple[Any, ...]]
    devices: tuple[DeviceProfile, ...]
    precisions: tuple[str, ...]
    """Of all networks together."""
    convention: str
    metrics: tuple[Metric, ...]
    accuracies: tuple[Accuracy, ...]
    objectives: tuple[Objective, ...]
    lower_bound: bool = False
    """Whether sums are given although some layers have no cost rule."""
    front_only: bool = False
    """Whether only points of the front are written."""
    limits: tuple[Limit, ...] = ()
    selection: Selection | None = None
    """How candidates of design spaces are chosen; None where all settings are evaluated."""

    @property
    def points(self) -> int:
        """Points of the sweep, those that will break among them."""
        return sum(len(network.precisions) * network.points for network in self.networks)

    @property
    def decisive(self) -> tuple[Objective, ...]:
        """The columns that decide what is on the front: objectives and limits."""
        limited = [objective for limit in self.limits for objective in limit.objectives]
        return (*self.objectives, *limited)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """All columns but the flags, in the order of files."""
        columns = [Column("model", "word"), Column("precision", "word")]
        columns += [Column(knob, _kind(values)) for knob, values in self.axes.items()]
        for metric in self.metrics:
            if metric.of_network:
                columns.append(Column(column_of(metric), _kind_of(metric), metric))
        for device in self.devices:
            for metric in self.metrics:
                if metric.of_device:
                    name = column_of(metric, device)
                    columns.append(Column(name, _kind_of(metric), metric, device))
        for accuracy in self.accuracies:
            columns.append(Column(accuracy.column, "float64", accuracy.metric))
            columns.append(Column(accuracy.basis_column, "word"))
        return tuple(columns)


FLAGS = (Column("front", "bool"), Column("near_tie", "bool"))
"""Whether a point is on the front; whether it is off by less than the error of a ratio of times."""


def _kind(values: Sequence[Any]) -> Kind:
    kind = knob_type(values)
    return "word" if kind == "str" else kind  # type: ignore[return-value]


def _kind_of(metric: Metric) -> Kind:
    return "int64" if metric.unit in ("", "bytes") else "float64"


def plan_sweep(
    names: Sequence[str],
    models: Sequence[Model],
    axes: Mapping[str, Sequence[Any]],
    devices: Sequence[DeviceProfile] = (),
    *,
    precisions: Sequence[str] | None = None,
    convention: str = "paper",
    metrics: Sequence[Metric] | None = None,
    objectives: str | Sequence[Objective] | None = None,
    lower_bound: bool = False,
    front_only: bool = False,
    limits: Sequence[str | Limit] = (),
    selection: Selection | None = None,
) -> SweepRequest:
    """A sweep of `models`, each with the knobs of `axes` that it has.

    `precisions` are those of each network; where it is None, the one that its spec states, else
    fp32. `metrics` are all costs where it is None; of design spaces, all that tables can have.
    `objectives` are those of the front, on which only points within the `limits` are. With a
    `selection` the models are design spaces; those of a search have no candidates yet. Raises
    `ModelReferenceError` for a knob that no network has, `UsageError` for what else cannot be.
    """
    if not models:
        raise UsageError(Problem("a sweep needs a network", hint="mnet-cost sweep mobilenet_v1"))
    find_convention(convention)
    for precision in precisions or ():
        if list(precisions or ()).count(precision) > 1:
            raise UsageError(f"the precision {precision} is asked for twice")
    settled = with_knobs(models, axes)
    networks = tuple(
        _network(name, model, plain, axes, precisions)
        for name, model, plain in zip(names, settled, models, strict=True)
    )
    refuse_twins(networks)
    precisions = tuple(dict.fromkeys(each for network in networks for each in network.precisions))
    costs = tuple(metric for metric in metrics or COSTS if metric in COMPUTED)
    if selection is not None:
        from mnet_cost.search.space_requests import described, usual_costs

        networks = tuple([described(network) for network in networks])
        axes = {knob: values for network in networks for knob, values in network.axes.items()}
        if metrics is None and convention == "paper":
            costs = usual_costs(devices, precisions)
    if not costs:
        raise UsageError(Problem("a sweep needs a cost", hint="name one, such as mult_adds"))
    accuracies = tuple(
        dict.fromkeys(surface.accuracy for network in networks for surface in network.surfaces)
    )
    if PRECISION not in precisions:
        accuracies = ()
    searched = selection is not None and selection.is_search  # by costs alone
    asked = (
        default_objectives(costs, devices, () if searched else accuracies)
        if objectives is None
        else parse_objectives(objectives, devices, accuracies)
        if isinstance(objectives, str)
        else tuple(objectives)
    )
    if objectives is None and selection is not None and len(asked) > 1:
        # Costs alone all go down with the network; mult-adds stand for what it can learn.
        asked = tuple([aim._replace(direction="more") if aim.metric.name == "mult_adds" else aim
                       for aim in asked])  # fmt: skip
    bounds = parse_limits(limits, devices, accuracies)
    wanted = [objective.metric for objective in asked] + [
        limit.objective.metric for limit in bounds
    ]
    request = SweepRequest(
        networks=networks,
        axes={knob: tuple(values) for knob, values in axes.items()},
        devices=tuple(devices),
        precisions=precisions,
        convention=convention,
        metrics=_with_needed(costs, wanted),
        accuracies=accuracies,
        objectives=asked,
        lower_bound=lower_bound,
        front_only=front_only,
        limits=bounds,
        selection=selection,
    )
    if selection is not None:
        from mnet_cost.search.space_requests import with_scores

        named = [limit.column for limit in bounds] + cost_columns(metrics or (), devices)
        if objectives is not None:
            named += [objective.column for objective in asked]
        request = with_scores(request, named)
    if request.points > MAX_POINTS:
        raise UsageError(
            Problem(
                f"these are {request.points:,} points, of {MAX_POINTS:,} at most",
                hint="take larger steps, or fewer knobs",
            )
        )
    _refuse_clashes(request)
    return request


def _network(
    name: str,
    model: Model,
    plain: Model,
    axes: Mapping[str, Sequence[Any]],
    precisions: Sequence[str] | None,
) -> Network:
    """A network with its own axes; its knobs are those that its reference sets."""
    own = {knob: tuple(values) for knob, values in axes.items()
           if model.knobs.get(knob) is values}  # fmt: skip
    for knob in own:
        if knob in plain.knobs:
            hint = f"leave it out of `{name}`"
            raise UsageError(Problem(f"the knob `{knob}` is set in `{name}` and swept", hint=hint))
    fixed = plain._replace(
        knobs={knob: value for knob, value in plain.knobs.items() if knob not in own}
    )
    asked = (None,) if precisions is None else precisions
    return Network(
        name=name,
        model=fixed,
        axes=own,
        surfaces=surfaces_of(fixed, own),
        precisions=tuple([settle_precision(model.spec, each).name for each in asked]),
    )


def refuse_twins(networks: Sequence[Network]) -> None:
    """`UsageError` for a network that is there twice, and for two of the same name."""
    for first, other in combinations(networks, 2):
        if first.model.spec == other.model.spec and first.model.knobs == other.model.knobs:
            if first.name == other.name:
                raise UsageError(f"{first.name} is swept already: name it once")
            hint = "with the knobs of this sweep" if first.axes else None
            raise UsageError(
                Problem(f"{other.name} and {first.name} are the same network", hint=hint)
            )
        if first.name == other.name:
            raise UsageError(f"two networks are called {first.name}")


def _with_needed(metrics: tuple[Metric, ...], wanted: Sequence[Metric]) -> tuple[Metric, ...]:
    """`metrics` with those of the front and of limits; a latency and an energy with their
    ranges."""
    names = {metric.name for metric in (*metrics, *wanted)}
    if "latency" in names:
        names |= {"latency_low", "latency_high"}
    if "energy" in names:
        names |= {"energy_low", "energy_high"}
    return tuple(metric for metric in COMPUTED if metric.name in names)


def _refuse_clashes(request: SweepRequest) -> None:
    """`UsageError` for a knob that is called as another column."""
    names = Counter(column.name for column in (*request.columns, *FLAGS))
    for knob in request.axes:
        if names[knob] > 1:
            raise UsageError(
                Problem(
                    f"the knob `{knob}` is called as a column of every sweep",
                    hint="give it another name in the spec",
                )
            )
