"""Published figures: rows, the settings they are about, the digits as printed."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from mnet_cost.errors import SpecError
from mnet_cost.models.dump import dump_spec
from mnet_cost.models.load import parse_spec
from mnet_cost.models.published import FIGURES, published_at
from mnet_cost.models.schema import json_schema

TEXT = """\
format: 1
name: x
knobs:
  alpha: 1.0
  size: 32
  act: relu
  deep: true
input: {image: [3, size, size]}
layers:
  - {id: first, conv2d: {channels: floor(8 * alpha), kernel: 1}}
  - {id: relu, relu: {}, when: deep}
variants:
  plain: {}
  bare:
  wide: {knobs: {alpha: 2.0}}
  other: {knobs: {act: null, beta: 3, deep: false}, layers: {relu: null}}
"""

PUBLISHED = """\
published:
  "a paper: Table 1":
    - {top1: 70.0, mult_adds: 569 M, params: "4.20 M"}
    - {at: {alpha: 0.75, size: 16}, top1: 65}
    - {variant: wide, top1: 71.70}
    - {variant: wide, at: {alpha: 1}, top1: 70.1}
  weights:
    - {variant: plain, top5: 90.286, params: 3504872, note: "V1, new"}
    - {variant: other, at: {beta: 4}, map: 22.1, miou: 0, accuracy: 100, auc: 87.50}
"""


def at(text: str, variant: str | None = None, **knobs: Any) -> list[dict[str, str]]:
    """The figures that are printed for a setting."""
    return [dict(row.texts) for row in published_at(parse_spec(text, variant), knobs)]


def test_rows_keep_the_digits_as_printed() -> None:
    rows = parse_spec(TEXT + PUBLISHED).published
    assert [row.source for row in rows] == ["a paper: Table 1"] * 4 + ["weights"] * 2
    first, narrow, *_, other = rows
    assert {name: str(figure) for name, figure in first.figures.items()} == {
        "top1": "70.0",
        "mult_adds": "569 M",
        "params": "4.20 M",
    }
    assert first.figures["top1"].step == Fraction(1, 10)
    assert first.figures["params"].step == 10_000
    assert first.figures["mult_adds"].value == 569_000_000
    assert (narrow.variant, narrow.own, narrow.at) == (None, True, {"alpha": 0.75, "size": 16})
    assert narrow.figures["top1"].step == 1
    assert (other.variant, other.own, other.at) == ("other", False, {"beta": 4})
    assert dict(other.texts) == {"map": "22.1", "miou": "0", "accuracy": "100", "auc": "87.50"}
    assert rows[4].own
    assert rows[4].note == "V1, new"


def test_a_file_without_figures() -> None:
    assert parse_spec(TEXT).published == ()
    assert parse_spec(TEXT + "published:\n").published == ()
    assert parse_spec(TEXT + "published: {}\n", "wide").published == ()


def test_rows_of_a_setting() -> None:
    text = TEXT + PUBLISHED
    base = [
        {"top1": "70.0", "mult_adds": "569 M", "params": "4.20 M"},
        {"top1": "70.1"},
        {"top5": "90.286", "params": "3504872"},
    ]
    plain = [base[0], base[2]]
    assert at(text) == base
    assert at(text, alpha=1, batch=8) == base
    assert at(text, "plain") == plain
    assert at(text, "bare") == plain
    assert at(text, alpha=2) == [{"top1": "71.70"}], "a variant that sets knobs alone"
    assert at(text, alpha=0.75) == []
    assert at(text, alpha=0.75, size=16) == [{"top1": "65"}]
    assert at(text, alpha=0.75, size=16, deep=False) == []
    assert at(text, "plain", alpha=0.75, size=16) == [{"top1": "65"}]
    assert at(text, "wide") == [{"top1": "71.70"}]
    assert at(text, "wide", alpha=2) == [{"top1": "71.70"}]
    assert at(text, "wide", alpha=1.0) == [{"top1": "70.1"}]
    assert at(text, "wide", alpha=0.75, size=16) == []
    assert at(text, "other") == []
    assert len(at(text, "other", beta=4)) == 1
    assert published_at(parse_spec(text), {"body.kernel": 5}) == ()


def test_a_variant_has_its_own_rows_alone() -> None:
    wide = parse_spec(TEXT + PUBLISHED, "wide")
    assert [(row.variant, row.own, row.at) for row in wide.published] == [
        (None, True, {}),
        (None, True, {"alpha": 1}),
    ]
    assert wide.data["published"] == {
        "a paper: Table 1": [{"top1": 71.7}, {"at": {"alpha": 1}, "top1": 70.1}]
    }
    none = parse_spec(TEXT + PUBLISHED.replace("variant: other, at: {beta: 4}, ", ""), "other")
    assert none.published == ()
    assert "published" not in none.data


@pytest.mark.parametrize("variant", [None, "plain", "bare", "wide", "other"])
def test_figures_come_back_with_their_digits(variant: str | None) -> None:
    spec = parse_spec(TEXT + PUBLISHED, variant)
    text = dump_spec(spec)
    again = parse_spec(text)
    assert again == spec
    assert dump_spec(again) == text
    assert [row.texts for row in again.published] == [row.texts for row in spec.published]
    assert ("71.70" in text) == (variant in (None, "wide"))


def test_the_form_of_a_dumped_file() -> None:
    text = dump_spec(parse_spec(TEXT + PUBLISHED))
    assert text[text.index("\npublished:") :] == (
        """
published:
  "a paper: Table 1":
    - {top1: 70.0, mult_adds: 569 M, params: 4.20 M}
    - {at: {alpha: 0.75, size: 16}, top1: 65}
    - {variant: wide, top1: 71.70}
    - {variant: wide, at: {alpha: 1}, top1: 70.1}
  weights:
    - {variant: plain, note: "V1, new", top5: 90.286, params: 3504872}
    - {variant: other, at: {beta: 4}, map: 22.1, miou: 0, accuracy: 100, auc: 87.50}
"""
    )


def test_problems_of_all_rows_are_found_whatever_the_variant() -> None:
    text = TEXT + "published: {p: [{top1: 101}, {variant: wide, top1: -1}, {variant: other}]}\n"
    for variant in (None, "plain", "wide", "other"):
        with pytest.raises(SpecError) as caught:
            parse_spec(text, variant)
        assert len(caught.value.problems) == 3


def test_a_knob_that_a_variant_adds_or_takes_away() -> None:
    good = "published: {p: [{variant: other, at: {beta: 1}, top1: 1}]}\n"
    assert parse_spec(TEXT + good).published[0].at == {"beta": 1}
    for bad in ("{at: {beta: 1}, top1: 1}", "{variant: other, at: {act: relu}, top1: 1}"):
        with pytest.raises(SpecError, match="there is no knob"):
            parse_spec(TEXT + f"published: {{p: [{bad}]}}\n")


def test_the_schema_knows_every_figure() -> None:
    row = json_schema()["$defs"]["published"]
    assert set(row["properties"]) == {"variant", "at", "dataset", "note", *FIGURES}
    assert [option["required"] for option in row["anyOf"]] == [[name] for name in FIGURES]
