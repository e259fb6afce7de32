"""Changes of settings that are tried for advice: knobs, variants, precision, order of layers.

A knob goes a step down; one that is a width also goes to the next values whose channels fill the
tile of a device. Which knobs are widths, their networks say, and no name. Each candidate makes the
changed network when it is asked to. Not here: changes of the text of a spec (`candidates.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from math import ceil, log
from typing import Any, Literal, NamedTuple

from mnet_cost.analysis import Analysis, analyze_network
from mnet_cost.analysis.latency import basis_of
from mnet_cost.changes.sensitivity import tile_of
from mnet_cost.changes.spec_edits import Edits
from mnet_cost.devices import DeviceProfile
from mnet_cost.errors import MnetCostError
from mnet_cost.layers.axes import channel_axis
from mnet_cost.models.library import model_path
from mnet_cost.models.load import compile_spec
from mnet_cost.models.published import ACCURACIES, PublishedRow, published_at
from mnet_cost.models.types import BATCH, Knob, ModelSpec
from mnet_cost.network import Network, Step, elaborate
from mnet_cost.search.single import word_of
from mnet_cost.search.usual_values import RESOLUTION, TASK, is_number
from mnet_cost.tensors import PRECISIONS, TensorType

Kind = Literal["knob", "variant", "precision", "order", "activation", "kernel", "channels"]

_PIXELS = 32
_WIDTH = "alpha"
_STEP = 0.05
_MOST_VARIANTS = 8
"""Variants of a file that are looked at, in its order."""
_MOST_TILES = 4
"""Tiles up and down in which a value that fills them is sought."""
_MOST_LAYERS = 50_000
"""Layers that are elaborated to find the values of one knob."""


class Candidate(NamedTuple):
    kind: Kind
    subject: object
    """What changes: of several changes of it the best is taken."""
    change: str
    make: Callable[[], Analysis | None]
    """The changed network; None where the change does not do what was meant."""
    setting: str | None = None
    edits: Edits | None = None
    published: tuple[PublishedRow, ...] = ()
    """What sources print of the changed network."""


def setting_candidates(analysis: Analysis) -> Iterator[Candidate]:
    """Settings that could be changed; each setting once."""
    seen = set()
    for candidate in (*_knobs(analysis), *_variants(analysis), *_precisions(analysis),
                      *_order(analysis), *_filling_knobs(analysis)):  # fmt: skip
        if candidate.setting not in seen:
            seen.add(candidate.setting)
            yield candidate


def _precisions(analysis: Analysis) -> Iterator[Candidate]:
    """Each precision of which the device has a time of the same basis: a lower bound tells nothing
    beside an estimate. None where the spec states one."""
    estimate = analysis.devices[0]
    if analysis.network.spec.precision is not None:
        return
    for precision in PRECISIONS:
        basis = basis_of(estimate.device, precision)
        same_basis = (basis == "bound") == (estimate.basis == "bound")
        if precision != analysis.precision and basis is not None and same_basis:
            yield Candidate(
                "precision",
                precision,
                f"{precision} instead of {analysis.precision}",
                partial(analyzed, analysis, analysis.network, precision=precision),
                f"--precision {precision}",
            )


def _order(analysis: Analysis) -> Iterator[Candidate]:
    network = analysis.network
    if analysis.schedule is None and any(len(step.inputs) > 1 for step in network.steps):
        yield Candidate(
            "order",
            None,
            "an order of layers with less memory",
            partial(analyzed, analysis, network, best_order=True),
            "--schedule best",
        )


def analyzed(
    analysis: Analysis, network: Network, *, precision: str | None = None, best_order: bool = False
) -> Analysis:
    """Another network as the first one was analyzed, on its first device alone."""
    device = analysis.devices[0].device
    return analyzed_on(analysis, network, device, precision=precision, best_order=best_order)


def analyzed_on(
    analysis: Analysis,
    network: Network,
    device: DeviceProfile,
    *,
    precision: str | None = None,
    best_order: bool = False,
) -> Analysis:
    """Another network as the first one was analyzed, on one device."""
    return analyze_network(
        network,
        [device],
        precision=precision or analysis.precision,
        convention=analysis.convention,
        schedule="best" if best_order or analysis.schedule is not None else "spec",
    )


def settings_of(network: Network) -> dict[str, Any]:
    """Values of knobs, and of choices those for which another option than the first is picked."""
    return {
        name: value
        for name, value in network.knobs.items()
        if name not in network.choices or value != network.choices[name][0]
    }


def _knobs(analysis: Analysis) -> Iterator[Candidate]:
    """Each knob a step down; together those that are published together, and none alone."""
    network = analysis.network
    now, settings = network.knobs, settings_of(network)

    def is_published(name: str, value: Any) -> bool:
        return bool(published_at(network.spec, {**settings, name: value}))

    lower = {
        name: value
        for name, knob in network.spec.knobs.items()
        if (value := step_down(knob, now[name], partial(is_published, name))) is not None
    }
    alone = [name for name, value in lower.items() if is_published(name, value)]
    together = _published_below(network, alone) if published_at(network.spec, settings) else {}
    if together:
        yield _knob_candidate(analysis, together)
    for name, value in lower.items():
        if name not in together:
            yield _knob_candidate(analysis, {name: value})


def _published_below(network: Network, alone: Collection[str]) -> dict[str, Any]:
    """The other values of two knobs or more in the published setting next below this one; nothing
    where there is none. None of the knobs is among `alone`."""
    below = []
    for row in network.spec.published:
        at = {
            name: row.setting.get(name, knob.default) for name, knob in network.spec.knobs.items()
        }
        other = {name: value for name, value in at.items() if value != network.knobs[name]}
        if not row.own or len(other) < 2 or not other.keys().isdisjoint({*alone, *TASK}):
            continue
        numbers = [(value, network.knobs[name]) for name, value in other.items()]
        if all(is_number(a) and is_number(b) and a < b for a, b in numbers):
            below.append((sum([log(a / b) for a, b in numbers if a > 0]), other))
    return max(below, key=lambda item: item[0])[1] if below else {}


def _knob_candidate(analysis: Analysis, knobs: Mapping[str, Any]) -> Candidate:
    now = analysis.network.knobs
    changes = [f"{name} {_text(value)}" for name, value in knobs.items()]
    olds = [_text(now[name]) for name in knobs]
    options = [
        f"--{name} {_text(value)}"
        if name in (_WIDTH, RESOLUTION)
        else f"--set {name}={_text(value)}"
        for name, value in knobs.items()
    ]
    return Candidate(
        "knob",
        tuple(knobs),
        f"{', '.join(changes)} instead of {', '.join(olds)}",
        partial(_with_knobs, analysis, knobs),
        " ".join(options),
        published=published_at(analysis.network.spec, {**settings_of(analysis.network), **knobs}),
    )


def _text(value: float) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def step_down(knob: Knob, now: Any, is_published: Callable[[Any], bool]) -> float | int | None:
    """The value of a knob next below `now`.

    Of a resolution and of a multiplier it is the next published value, else the next usual one, in
    steps of 32 pixels and of 0.05. Another number may be no size (groups, a depth): it has to be
    published with all other knobs as they are. None where there is none.
    """
    if knob.name in TASK or not is_number(now):
        return None
    published = [value for value in knob.published if is_number(value) and value < now]
    is_multiplier = any(isinstance(value, float) for value in (knob.default, *knob.published))
    is_size = knob.name == RESOLUTION or is_multiplier
    for value in sorted(published, reverse=True):
        if is_size or is_published(value):
            return float(value) if is_multiplier else int(value)
    if knob.name == RESOLUTION:
        pixels = (ceil(now / _PIXELS) - 1) * _PIXELS
        return pixels if pixels > 0 else None
    if is_multiplier and (knob.published or knob.name == _WIDTH):
        below = round((ceil(round(now / _STEP, 6)) - 1) * _STEP, 6)
        return below if below > 0 else None
    return None


def _with_knobs(analysis: Analysis, knobs: Mapping[str, Any]) -> Analysis | None:
    network = analysis.network
    other = _elaborated(network.spec, {**network.knobs, **knobs})
    return None if other is None else analyzed(analysis, other)


def _variants(analysis: Analysis) -> Iterator[Candidate]:
    """Other variants of the file, of which a source prints an accuracy at the same settings."""
    network = analysis.network
    spec = network.spec
    if not spec.root.source.is_file:  # no reference leads to it
        return
    knobs = {
        name: value
        for name, value in settings_of(network).items()
        if name not in spec.knobs or value != spec.knobs[name].default
    }
    names = [name for name in (None, *spec.variants) if name != spec.variant]
    for name in names[:_MOST_VARIANTS]:
        try:
            other = compile_spec(spec.root, spec.path, name)
        except MnetCostError:
            continue
        rows = published_at(other, {**_defaults(other), **knobs})
        if not any(row.texts.keys() & ACCURACIES.keys() for row in rows):
            continue
        change = f"variant {name}" if name else "no variant"
        yield Candidate(
            "variant",
            name,
            f"{change} instead of {spec.variant}" if spec.variant else change,
            partial(_with_variant, analysis, other, knobs),
            _reference(other, knobs),
            published=rows,
        )


def _defaults(spec: ModelSpec) -> dict[str, Any]:
    return {name: knob.default for name, knob in spec.knobs.items()}


def _reference(spec: ModelSpec, knobs: Mapping[str, Any]) -> str:
    """What leads to a spec: its name where it is shipped, else its path."""
    place = spec.name if spec.path == model_path(spec.name) else spec.path
    variant = f":{spec.variant}" if spec.variant else ""
    settings = ",".join(f"{n}={word_of(v)}" for n, v in knobs.items() if n != BATCH)
    return place + variant + (f"@{settings}" if settings else "")


def _with_variant(analysis: Analysis, spec: ModelSpec, knobs: Mapping[str, Any]) -> Analysis | None:
    """The network of another variant; None where it reads or makes something else."""
    other = _elaborated(spec, knobs)
    if other is None or _ends(other) != _ends(analysis.network):
        return None
    return analyzed(analysis, other)


def _ends(network: Network) -> list[TensorType]:
    return [network.tensors[index].type for index in (*network.inputs, *network.outputs)]


def _filling_knobs(analysis: Analysis) -> Iterator[Candidate]:
    """Knobs that are widths: the next values down and up with which the channels that they change
    fill the tile of the device, where those of now do not."""
    tile = tile_of(analysis.devices[0])
    if tile is None:
        return
    for name in analysis.network.spec.knobs:
        for value in filling_values(analysis.network, name, tile):
            candidate = _knob_candidate(analysis, {name: value})
            is_wider = value > analysis.network.knobs[name]
            yield candidate._replace(kind="channels", subject=(name, is_wider))


def filling_values(network: Network, name: str, tile: int) -> Iterator[int]:
    """The next values of a knob down and up with which all channels that it changes are multiples
    of `tile`; none where they are so already, and where the knob is no width.

    A knob is a width if the channels of a tensor change with it one to one, and neither the
    layers nor what the network reads and makes.
    """
    now = network.knobs[name]
    if isinstance(now, bool) or not isinstance(now, int) or name in network.choices:
        return

    def alike(value: int) -> list[int] | None:
        """Channels of each tensor at another value; None where it is another network."""
        other = _elaborated(network.spec, {**network.knobs, name: value})
        is_alike = (
            other is not None and same_kinds(network, other) and _ends(other) == _ends(network)
        )
        return _channels(other) if other is not None and is_alike else None

    channels, wider = _channels(network), alike(now + tile)
    if wider is None:
        return
    changed = [i for i, (a, b) in enumerate(zip(channels, wider, strict=True)) if a != b]
    if all(wider[i] - channels[i] != tile for i in changed):
        return
    if all(channels[i] % tile == 0 for i in changed):
        return
    most = min(_MOST_TILES * tile, _MOST_LAYERS // len(network.steps))
    for values in (range(now - 1, max(now - most, 1) - 1, -1), range(now + 1, now + most + 1)):
        for value in values:
            at = alike(value)
            if at is not None and all(at[i] % tile == 0 for i in changed):
                yield value
                break


def _channels(network: Network) -> list[int]:
    """Channels or features of each tensor; 1 of one without axes."""
    return [_channels_of(tensor.type) for tensor in network.tensors]


def _channels_of(tensor: TensorType) -> int:
    return int(tensor.shape[channel_axis(tensor)]) if tensor.shape else 1


def _elaborated(spec: ModelSpec, knobs: Mapping[str, Any]) -> Network | None:
    """The network of a spec; None where these values give none."""
    try:
        return elaborate(spec, knobs)
    except MnetCostError:
        return None


def same_kinds(network: Network, other: Network) -> bool:
    """Whether both have the same kinds of layers, which read the same tensors."""
    return len(network.steps) == len(other.steps) and all(
        _wiring(a) == _wiring(b) for a, b in zip(network.steps, other.steps, strict=True)
    )


def _wiring(step: Step) -> tuple[object, ...]:
    return type(step.layer), step.inputs, step.outputs, step.shares, step.tied_to
