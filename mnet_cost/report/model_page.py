"""The report of `models show`: what one model file holds, and its published figures beside ours."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping
from typing import Any

from mnet_cost.analysis import Analysis, analyze
from mnet_cost.errors import MnetCostError
from mnet_cost.metrics import named
from mnet_cost.models.library import variants_of
from mnet_cost.models.load import compile_spec
from mnet_cost.models.published import ACCURACIES, COUNTS, PublishedRow
from mnet_cost.models.types import Model, ModelSpec
from mnet_cost.network.types import Network
from mnet_cost.report.published import dataset_of, meet, number
from mnet_cost.report.schema_ids import schema_id
from mnet_cost.report.types import Column, Fact, Report, Table
from mnet_cost.yamlfile import Node


def model_report(reference: str, model: Model) -> Report:
    """Knobs, variants, inputs, outputs, counts and published figures of a model."""
    spec = model.spec
    analysis = analyze(model)
    root = spec.root
    compared = _Compared(root, analysis)
    return Report(
        title=spec.title + (f"  ({spec.source})" if spec.source else ""),
        subtitle=spec.path,
        facts=_facts(analysis),
        tables=(
            *(_published_table(source, rows, compared) for source, rows in _by_source(spec)),
            *_knob_tables(analysis.network),
            *_variant_tables(root, spec),
        ),
        notes=_next_commands(reference, spec),
        document=lambda: _document(analysis, root, compared),
    )


_COUNTED = named(("mult_adds", "params"))


def _facts(analysis: Analysis) -> tuple[Fact, ...]:
    network = analysis.network
    kinds = _kinds(network)
    most = ", ".join(f"{count} {kind}" for kind, count in list(kinds.items())[:6])
    rest = sum(list(kinds.values())[6:])
    more = f" and {rest} more" if rest else ""
    return (
        *(Fact(total.title, total.of(analysis), "count") for total in _COUNTED),
        Fact("layers", f"{len(network.steps):,}", "text", most + more),
        Fact("inputs", str(len(network.inputs)), "text", _tensors(network, network.inputs)),
        Fact("outputs", str(len(network.outputs)), "text", _tensors(network, network.outputs)),
    )


def _kinds(network: Network) -> dict[str, int]:
    """How many layers of each kind, most first."""
    return dict(Counter(step.layer.kind for step in network.steps).most_common())


def _tensors(network: Network, indices: tuple[int, ...]) -> str:
    shown = [f"{network.tensors[i].name} {network.tensors[i].type}" for i in indices]
    return ", ".join(shown)


# --- published figures


class _Compared:
    """Our counts at the settings of published rows, each counted once."""

    def __init__(self, root: Node, analysis: Analysis) -> None:
        self.root = root
        self.spec = analysis.network.spec
        self._specs: dict[str | None, ModelSpec] = {self.spec.variant: self.spec}
        self._found: dict[Any, Analysis | None] = {}

    def analysis(self, row: PublishedRow) -> Analysis | None:
        """The network of a row; None where it cannot be built at that setting."""
        variant = row.variant or self.spec.variant
        key = variant, tuple(row.at.items())
        if key not in self._found:
            try:
                if variant not in self._specs:
                    self._specs[variant] = compile_spec(self.root, self.spec.path, variant)
                self._found[key] = analyze(self._specs[variant], row.at)
            except MnetCostError:
                self._found[key] = None
        return self._found[key]


def _by_source(spec: ModelSpec) -> list[tuple[str, list[PublishedRow]]]:
    by_source: dict[str, list[PublishedRow]] = {}
    for row in spec.published:
        by_source.setdefault(row.source, []).append(row)
    return list(by_source.items())


def _published_table(source: str, rows: list[PublishedRow], compared: _Compared) -> Table:
    accuracies = [name for name in ACCURACIES if any(name in row.texts for row in rows)]
    counts = [name for name in COUNTS if any(name in row.texts for row in rows)]
    columns = [Column("setting", "setting")]
    columns += [Column(name, f"{ACCURACIES[name]} %", "number", 6) for name in accuracies]
    for name in counts:
        columns.append(Column(name, COUNTS[name], "number", 9))
        columns.append(Column(f"{name}_ours", "ours", "count", 7))
        columns.append(Column(f"{name}_way", "is that", "text", 8))
    if any(row.note for row in rows):
        columns.append(Column("note", "note", "prose", 5))
    shown = []
    for row in rows:
        cells: list[Any] = [_setting(row), *(row.texts.get(name) for name in accuracies)]
        for name in counts:
            if name not in row.texts:
                cells += [None, None, None]
                continue
            ours, way = _ours(name, row, compared)
            cells += [row.texts[name], ours, way]
        if any(other.note for other in rows):
            cells.append(row.note or None)
        shown.append(tuple(cells))
    return Table("published", f"Published in {source}", tuple(columns), tuple(shown))


def _ours(name: str, row: PublishedRow, compared: _Compared) -> tuple[int | None, str]:
    analysis = compared.analysis(row)
    if analysis is None:
        return None, "cannot be built"
    met = meet(name, row.figures[name], analysis)
    return (None, "unknown") if met is None else met


def _setting(row: PublishedRow) -> str:
    parts = [row.variant or "", *(f"{name} {_word(value)}" for name, value in row.at.items())]
    return ", ".join(part for part in parts if part) or "as it is"


# --- knobs and variants


def _knob_tables(network: Network) -> list[Table]:
    columns = (
        Column("knob", "knob"),
        Column("default", "default", "number"),
        Column("values", "values", "prose", 7),
        Column("help", "what it is", "prose", 8),
    )
    rows: list[tuple[Any, ...]] = []
    for name, knob in network.spec.knobs.items():
        values = [
            f"{what} {', '.join(map(_word, known))}"
            for what, known in (("only", knob.choices), ("published", knob.published))
            if known
        ]
        if knob.multiple_of > 1:
            values.insert(0, f"multiples of {knob.multiple_of}")
        rows.append((name, _word(knob.default), "; ".join(values) or None, knob.help or None))
    for name, options in network.choices.items():
        words = [_word(option) for option in options]
        rows.append((name, words[0], f"only {', '.join(words)}", "a choice, by its path"))
    return [Table("knobs", "Knobs", columns, tuple(rows))] if rows else []


def _variant_tables(root: Node, spec: ModelSpec) -> list[Table]:
    variants = variants_of(root)
    if not variants:
        return []
    columns = (Column("variant", "variant"), Column("changes", "what it changes", "prose"))
    rows = tuple((name, _changes(patch)) for name, patch in variants.items())
    title = f"Variants; this is {spec.variant}" if spec.variant else "Variants"
    return [Table("variants", title, columns, rows)]


def _changes(patch: Node) -> str:
    """What a variant changes, in words."""
    words: list[str] = []
    for section, change in (patch.value or {}).items():
        if not isinstance(change.value, dict):
            words.append(f"other {section}")
            continue
        for name, value in change.value.items():
            words.append(_change(section, name, value.plain()))
    return ", ".join(words) or "nothing: another name of the network as it is"


def _change(section: str, name: str, value: Any) -> str:
    if value is None:
        return f"without {name}"
    if section == "knobs":
        default = value.get("default", value) if isinstance(value, dict) else value
        return f"{name} {_word(default)}"
    if isinstance(value, str) and section in ("blocks", "layers"):
        return f"{name} is {value}"
    if isinstance(value, (dict, list)):
        return f"another {name}"
    return f"{name} = {_word(value)}"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- what to do next, and the document


def _next_commands(reference: str, spec: ModelSpec) -> tuple[str, ...]:
    """Commands that go on from here, with a knob and a variant that the model has."""
    name, at, _ = reference.partition("@")
    commands: list[tuple[str, ...]] = [("analyze", reference), ("explain", reference)]
    other = _another_value(spec)
    if other and not at:
        commands.append(("compare", reference, "vs", f"{name}@{other}"))
    if spec.variant is None and spec.variants:
        commands.append(("compare", reference, "vs", f"{name}:{spec.variants[-1]}"))
    return tuple(shlex.join(("mnet-cost", *words)) for words in commands)


def _another_value(spec: ModelSpec) -> str | None:
    """`knob=value` for a value that is published or allowed, and not the default."""
    for knob in spec.knobs.values():
        for value in (*knob.published, *knob.choices):
            if value != knob.default:
                return f"{knob.name}={_word(value)}"
    return None


def _document(analysis: Analysis, root: Node, compared: _Compared) -> dict[str, Any]:
    network, spec = analysis.network, analysis.network.spec

    def shapes(indices: tuple[int, ...]) -> dict[str, list[int]]:
        return {network.tensors[i].name: list(network.tensors[i].type.shape) for i in indices}

    return {
        "schema": schema_id("model"),
        "name": spec.name,
        "variant": spec.variant,
        "spec": spec.path,
        "source": spec.source or None,
        "knobs": [
            {
                "name": knob.name,
                "default": knob.default,
                "choices": list(knob.choices),
                "multiple_of": knob.multiple_of,
                "published": list(knob.published),
                "help": knob.help,
            }
            for knob in spec.knobs.values()
        ],
        "choices": {name: list(options) for name, options in network.choices.items()},
        "variants": {name: _changes(patch) for name, patch in variants_of(root).items()},
        "inputs": shapes(network.inputs),
        "outputs": shapes(network.outputs),
        "layers": len(network.steps),
        "kinds": _kinds(network),
        **{total.file_key: total.of(analysis) for total in _COUNTED},
        "published": [_row_document(row, compared) for row in spec.published],
    }


def _row_document(row: PublishedRow, compared: _Compared) -> dict[str, Any]:
    ours = {name: _ours(name, row, compared) for name in COUNTS if name in row.texts}
    at: Mapping[str, Any] = row.at
    return {
        "source": row.source,
        "variant": row.variant,
        "at": dict(at),
        "dataset": dataset_of(row),
        "note": row.note or None,
        "figures": {name: number(name, figure) for name, figure in row.figures.items()},
        "ours": {
            name: {"value": value, "way": way, "printed": row.texts[name]}
            for name, (value, way) in ours.items()
        },
    }
