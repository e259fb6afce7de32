"""Published figures of a model file: what its sources print for which setting.

    published:
      "arXiv:1704.04861, Tables 6 and 7":
        - {top1: 70.6, mult_adds: 569 M, params: 4.2 M}
        - {at: {alpha: 0.75, resolution: 160}, top1: 65.3}
        - {variant: full, top1: 71.7, mult_adds: 4866 M, params: 29.3 M}

A row is for one variant and one value of every knob, defaults where `at` does not say. Loading
checks all rows and keeps their texts, which become numbers when asked for. Not here: whether our
counts are equal to the printed ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from mnet_cost.errors import UnitError, did_you_mean, one_of
from mnet_cost.models.problems import all_of, key_hint, shown
from mnet_cost.models.sections import Sections
from mnet_cost.models.types import BATCH
from mnet_cost.models.variants import (
    changes_nothing,
    patched_knobs,
    sets_knobs_alone,
    with_section,
)
from mnet_cost.printed import Printed, is_printed, parse_printed
from mnet_cost.yamlfile import Node

if TYPE_CHECKING:
    from mnet_cost.models.types import ModelSpec

COUNTS = {"mult_adds": "mult-adds", "params": "params"}
ACCURACIES = {
    "top1": "top-1",
    "top5": "top-5",
    "map": "AP",
    "miou": "mIoU",
    "accuracy": "accuracy",
    "auc": "AUC",
}
"""Figures in percent, and what people call them."""
FIGURES = {**ACCURACIES, **COUNTS}

MAX_ROWS = 1000
"""Most rows of a file: reports print those of a network."""

DATASETS = {"top1": "ImageNet", "top5": "ImageNet", "map": "COCO"}
"""What a figure is measured on where its row names no dataset."""

_BESIDE = ("variant", "at", "dataset", "note")
_EXAMPLE = "as in `{top1: 70.6, mult_adds: 569 M}`"


class PublishedRow(NamedTuple):
    """Figures that one source prints for one setting."""

    source: str
    variant: str | None
    """The variant that it names."""
    own: bool
    """Whether it is about the network of the file: no variant, or one that changes nothing but
    values of knobs."""
    at: Mapping[str, Any]
    """Values of knobs beside those of the variant; the others are at their defaults."""
    note: str
    texts: Mapping[str, str]
    """Each figure as written."""
    dataset: str = ""
    """What its accuracies are measured on, where the row names it."""
    setting: Mapping[str, Any] = MappingProxyType({})
    """Of the network of the file, if it is about that: `at`, and what the variant sets."""

    def measured_on(self, figure: str) -> str | None:
        """The dataset of an accuracy: the row's, else the usual one of such figures; None where
        neither is known."""
        return self.dataset or DATASETS.get(figure)

    @property
    def figures(self) -> dict[str, Printed]:
        """The figures by name, in the order of the file."""
        return {name: parse_printed(text) for name, text in self.texts.items()}


def published_at(spec: ModelSpec, knobs: Mapping[str, Any]) -> tuple[PublishedRow, ...]:
    """The rows about `spec` at these values of its knobs; the batch does not matter.

    With an option picked for a choice it is another network, and no row is about it.
    """
    if any("." in name for name in knobs):
        return ()
    return tuple(
        row
        for row in spec.published
        if row.own
        and all(
            knobs.get(name, knob.default) == row.setting.get(name, knob.default)
            for name, knob in spec.knobs.items()
        )
    )


def compile_published(root: Sections, variant: str | None = None) -> tuple[PublishedRow, ...]:
    """The rows of the file below `root`; with a variant only the rows about it.

    A variant that sets knobs alone is the network of the file at other values: its rows have them.
    Problems are found in all rows, whichever variant is asked for.
    """
    if root.get("published") is None:
        return ()
    compiler = _RowCompiler(root)
    rows = compiler.rows()
    if variant is None:
        return tuple([compiler.as_setting(row) for row in rows])
    wanted = compiler.changing(variant)
    return tuple(
        row._replace(variant=None, own=True, setting=row.at)
        for row in rows
        if compiler.changing(row.variant) == wanted
    )


def keep_own_rows(patched: Node, root: Node, variant: str) -> Node:
    """`patched`, which is `root` with its variant, with only the rows that are about it."""
    section = root.value.get("published")
    if section is None or not isinstance(section.value, dict):
        return patched
    wanted = None if changes_nothing(root, variant) else variant
    kept = section.like({})
    kept.keys = {}
    for source, rows in section.value.items():
        if not isinstance(rows.value, list):
            continue
        own = [row for row in rows.value if _named_variant(row, root) == wanted]
        if own:
            kept.keys[source] = section.keys[source]
            kept.value[source] = rows.like([_without_variant(row) for row in own])
    return with_section(patched, "published", kept if kept.value else None)


def _without_variant(row: Node) -> Node:
    return with_section(row, "variant", None) if isinstance(row.value, dict) else row


def _named_variant(row: Node, root: Node) -> str | None:
    """The variant that a row names, None for one that changes nothing."""
    node = row.value.get("variant") if isinstance(row.value, dict) else None
    if node is None or not isinstance(node.value, str):
        return None
    return None if changes_nothing(root, node.value) else node.value


class _Known(NamedTuple):
    """The default and the choices of a knob, with which its value in a row is compared."""

    default: Any
    choices: tuple[Any, ...]


class _RowCompiler:
    """Compiles the rows of one file."""

    def __init__(self, root: Sections) -> None:
        self.root = root
        self.problems = root.problems
        node = root.get("variants")
        variants = node.value if node is not None else None
        self.variants: Mapping[str, Node] = variants if isinstance(variants, dict) else {}
        self._knobs: dict[str | None, dict[str, _Known | None]] = {}

    def changing(self, variant: str | None) -> str | None:
        """The variant, None for one that changes nothing."""
        if variant is None or changes_nothing(self.root.root, variant):
            return None
        return variant

    def as_setting(self, row: PublishedRow) -> PublishedRow:
        """A row of a variant that sets knobs alone as a row of the file; any other row as it is."""
        if row.own or row.variant is None or not sets_knobs_alone(self.root.root, row.variant):
            return row
        plain, set_by_variant = self._defaults(None), self._defaults(row.variant)
        if plain.keys() != set_by_variant.keys():
            return row
        values = {name: known.default for name, known in set_by_variant.items()
                  if known is not None and known != plain.get(name)}  # fmt: skip
        return row._replace(own=True, setting={**values, **row.at})

    def rows(self) -> tuple[PublishedRow, ...]:
        """All rows without a problem."""
        rows: list[PublishedRow] = []
        keys = self.root.keys("published")
        form = '"SOURCE": [{top1: 70.6, mult_adds: 569 M}, ...]'
        for source, listed in self.root.mapping("published", form).items():
            if not source.strip():
                self.problems.add("a source is a text", keys[source])
            if not isinstance(listed.value, list) or not listed.value:
                hint = "start each row with a dash" if isinstance(listed.value, dict) else _EXAMPLE
                self.problems.add("a source needs a list of rows", listed, hint)
                continue
            first: dict[tuple[Any, ...], Node] = {}
            for node in listed.value:
                if len(rows) == MAX_ROWS:
                    self.problems.add(f"more than {MAX_ROWS:,} published rows", node)
                    return tuple(rows)
                row = self._row(source, node)
                if row is None:
                    continue
                rows.append(row)
                setting = self._setting(row)
                if setting in first:
                    line = first[setting].line
                    self.problems.add(
                        f"this source has a row of this setting already, at line {line}",
                        node,
                        "a `note` of its own tells what is different",
                    )
                first.setdefault(setting, node)
        return tuple(rows)

    def _row(self, source: str, node: Node) -> PublishedRow | None:
        if not isinstance(node.value, dict):
            self.problems.add("a published row is a mapping of figures", node, _EXAMPLE)
            return None
        before = len(self.problems)
        texts: dict[str, str] = {}
        for name, value in node.value.items():
            if name in FIGURES:
                texts[name] = value.text
                if not self._is_figure(name, value):
                    self._not_a_figure(name, value)
            elif name not in _BESIDE:
                known = (*_BESIDE, *FIGURES)
                hint = key_hint(name, known, f"a row has {all_of(known)}")
                if name[0].isdigit():
                    hint = "a comma ends a value: write digits without separators, as in `4866 M`"
                self.problems.add(f"there is no figure `{name}`", node.keys[name], hint)
        variant = self._variant(node.value.get("variant"))
        at = self._at(node.value.get("at"), variant)
        note, dataset = self._text(node, "note"), self._text(node, "dataset")
        if len(self.problems) > before:
            return None
        if not texts:
            self.problems.add("this row has no figure", node, f"give it {one_of(list(FIGURES))}")
            return None
        own = self.changing(variant) is None
        return PublishedRow(source, variant, own, at, note, texts, dataset, at)

    def _text(self, node: Node, key: str) -> str:
        """The text under a key of a row, empty where it has none."""
        value = node.value.get(key)
        if value is None:
            return ""
        if isinstance(value.value, str) and value.value.strip():
            text: str = value.value
            return text
        self.problems.add(f"`{key}` needs a text", value)
        return ""

    def _is_figure(self, name: str, node: Node) -> bool:
        if isinstance(node.value, (list, dict, bool, type(None))) or not is_printed(node.text):
            return False
        return name in COUNTS or (node.text[-1].isdigit() and float(node.text) <= 100)

    def _not_a_figure(self, name: str, node: Node) -> None:
        if isinstance(node.value, (list, dict, bool, type(None))):
            self.problems.add(f"`{name}` needs a number, not {shown(node)}", node)
        elif name in ACCURACIES:
            self.problems.add(
                f"`{name}` is in percent: a number from 0 to 100, not `{node.text}`",
                node,
                "write the digits alone, as in `70.6`",
            )
        else:
            try:
                parse_printed(node.text)
            except UnitError as error:
                self.problems += [problem._replace(span=node.span()) for problem in error.problems]

    def _variant(self, node: Node | None) -> str | None:
        if node is None:
            return None
        if isinstance(node.value, str) and node.value in self.variants:
            name: str = node.value
            return name
        hint = did_you_mean(node.text, self.variants) or (
            f"the file has {all_of(list(self.variants))}"
            if self.variants
            else "the file has no variants"
        )
        self.problems.add(f"there is no variant {shown(node)}", node, hint)
        return None

    def _at(self, node: Node | None, variant: str | None) -> dict[str, Any]:
        if node is None:
            return {}
        if not isinstance(node.value, dict):
            self.problems.add("`at` is a mapping: {KNOB: VALUE}", node)
            return {}
        knobs = self._defaults(variant)
        for name, value in node.value.items():
            if name not in knobs:
                hint = did_you_mean(name, knobs) or (
                    "published figures do not depend on the batch"
                    if name == BATCH
                    else f"the file has {all_of(list(knobs))}"
                    if knobs
                    else "the file has no knobs"
                )
                self.problems.add(f"there is no knob `{name}`", node.keys[name], hint)
            else:
                self._check_value(name, value, knobs[name])
        return {name: value.value for name, value in node.value.items()}

    def _check_value(self, name: str, node: Node, known: _Known | None) -> None:
        if known is None:  # the knob's own problem says more
            if not isinstance(node.value, (bool, int, float, str)):
                self.problems.add(f"the knob `{name}` needs one value, not {shown(node)}", node)
            return
        default, choices = known
        kind = (bool, str) if isinstance(default, (bool, str)) else (int, float)
        of_type = isinstance(default, bool) == isinstance(node.value, bool)
        if not of_type or not isinstance(node.value, kind):
            wanted = {bool: "true or false", str: "a word"}.get(type(default), "a number")
            self.problems.add(f"the knob `{name}` needs {wanted}, not {shown(node)}", node)
        elif choices and node.value not in choices:
            listed = ", ".join(map(str, choices))
            self.problems.add(f"the knob `{name}` is one of {listed}, not {shown(node)}", node)

    def _defaults(self, variant: str | None) -> dict[str, _Known | None]:
        """The knobs with `variant` applied; None for one that has a problem."""
        if variant not in self._knobs:
            knobs = patched_knobs(self.root.root, variant)
            self._knobs[variant] = {name: _known(node) for name, node in knobs.items()}
        return self._knobs[variant]

    def _setting(self, row: PublishedRow) -> tuple[Any, ...]:
        """The setting of a row: two rows of a source must not have the same."""
        knobs = self._defaults(row.variant)
        at = []
        for name, value in row.at.items():
            known = knobs[name]
            if known is None or value != known.default:
                at.append((name, value))
        return self.changing(row.variant), frozenset(at), row.dataset, row.note


def _known(knob: Node) -> _Known | None:
    default: Node | None = knob
    choices: tuple[Any, ...] = ()
    if isinstance(knob.value, dict):
        default = knob.value.get("default")
        listed = knob.value.get("choices")
        if listed is not None and isinstance(listed.value, list):
            choices = tuple(item.value for item in listed.value)
    if default is None or not isinstance(default.value, (bool, int, float, str)):
        return None
    return _Known(default.value, choices)
