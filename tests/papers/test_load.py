"""Files of tables: what is read from them, and the whole message of each error in them."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest

from mnet_cost.errors import PaperError
from mnet_cost.papers import load_paper, paper_names, tables_of
from mnet_cost.papers.types import NetworkPart
from mnet_cost.printed import Printed

GOOD = """\
format: 1
name: mine
title: My tables
source: a notebook
counting: {mult_adds: conv + linear, params: weights}
left_out: {2: times alone}
tables:
  - table: 1
    title: Two networks
    published: [top-1 %, ms]
    rows:
      - {name: V1, model: a.yaml, published: [70.60, 9], mult_adds: 569 M, params: 4.20 M}
      - name: one block
        model: mobilenet_v1
        layer: [middle.1, "middle.*.relu"]
        tried: [mobilenet_v1@alpha=0.5]
        meant: mobilenet_v1@alpha=0.75
        mult_adds: {printed: 1500 M, to: 100 M, why: a guess}
        params: {printed: 1 M, typo: 0.3 M}
      - {name: theirs, mult_adds: 25557032, params: 3 M}
    truncated: [params]
  - table: shapes
    title: Layers
    model: mobilenet_v1
    source: another notebook
    rows:
      - {layer: stem, input: 224 x 224 x 3, stride: 2, channels: 32}
      - {kind: linear, mult_adds_share: 0.18 %}
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def message(text: str) -> str:
    """What loading tables of that text says."""
    Path("mine.yaml").write_text(text)
    with pytest.raises(PaperError) as caught:
        load_paper("mine.yaml")
    return str(caught.value)


def test_figures_keep_their_digits() -> None:
    Path("mine.yaml").write_text(
        GOOD.replace("      - {kind: linear, mult_adds_share: 0.18 %}\n", "")
    )
    paper = load_paper("mine.yaml")
    first, second, third = paper.tables[0].rows
    assert first.published == ("70.60", "9")
    assert [cell.printed for cell in first.cells] == [
        Printed("569 M", Fraction(569_000_000), Fraction(1_000_000)),
        Printed("4.20 M", Fraction(4_200_000), Fraction(10_000)),
    ]
    assert second.part == NetworkPart(("middle.1", "middle.*.relu"))
    assert (second.tried, second.meant) == (("mobilenet_v1@alpha=0.5",), "mobilenet_v1@alpha=0.75")
    assert second.cells[0].printed == Printed("1500 M", Fraction(1_500_000_000), Fraction(10**8))
    assert second.cells[0].why == "a guess"
    assert str(second.cells[1].typo) == "0.3 M"
    assert third.model is None
    assert paper.tables[0].truncated == {"params"}
    assert paper.left_out == {"2": "times alone"}
    layers = paper.tables[1]
    assert layers.source == "another notebook"
    assert [(cell.what, cell.printed) for cell in layers.rows[0].cells] == [
        ("input", "224 x 224 x 3"), ("stride", "2"), ("channels", "32"),
    ]  # fmt: skip


def test_settings_that_were_chosen_are_of_a_row_or_of_a_cell() -> None:
    text = GOOD.replace("      - {kind: linear, mult_adds_share: 0.18 %}\n", "")
    text = text.replace("name: V1,", "name: V1, chosen: heads of 1x1,")
    Path("mine.yaml").write_text(text.replace("typo: 0.3 M", "chosen: by hand"))
    first, second, _ = load_paper("mine.yaml").tables[0].rows
    assert [cell.chosen for cell in first.cells] == ["heads of 1x1", "heads of 1x1"]
    assert [cell.chosen for cell in second.cells] == ["", "by hand"]


def test_a_share_is_in_percent() -> None:
    text = GOOD.replace("input: 224 x 224 x 3, stride: 2, channels: 32", "params_share: 0.02 %")
    Path("mine.yaml").write_text(text)
    (cell,) = load_paper("mine.yaml").tables[1].rows[1].cells
    assert cell.printed == Printed("0.18 %", Fraction(18, 10_000), Fraction(1, 10_000))


def test_figures_and_words_do_not_mix() -> None:
    assert (
        message(GOOD)
        == """\
mine.yaml:28:24: a table holds figures or properties of layers, not both
   28 |       - {kind: linear, mult_adds_share: 0.18 %}
      |                        ^^^^^^^^^^^^^^^"""
    )


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            "name: V1, model:",
            "name: V1, modell:",
            """\
mine.yaml:12:20: a row has no `modell`
   12 |       - {name: V1, modell: a.yaml, published: [70.60, 9], mult_adds: 569 M, params: 4.20 M}
      |                    ^^^^^^
hint: did you mean `model`?""",
            id="unknown key",
        ),
        pytest.param(
            "model: a.yaml, published: [70.60, 9]",
            "model: a.yaml, published: [70.60]",
            """\
mine.yaml:12:46: 1 published figures under 2 titles
   12 |       - {name: V1, model: a.yaml, published: [70.60], mult_adds: 569 M, params: 4.20 M}
      |                                              ^
hint: `published: [...]` of the table has the titles""",
            id="published figures without a title",
        ),
        pytest.param(
            "params: 4.20 M",
            "params: 4.20",
            """\
mine.yaml:12:84: `4.20` is no whole number
   12 |       - {name: V1, model: a.yaml, published: [70.60, 9], mult_adds: 569 M, params: 4.20}
      |                                                                                    ^^^^
hint: write its unit: `4.20 M`""",
            id="no unit",
        ),
        pytest.param(
            "mult_adds: 25557032",
            "mult_adds: 25.6 GB",
            """\
mine.yaml:20:35: `25.6 GB` is not a printed figure
   20 |       - {name: theirs, mult_adds: 25.6 GB, params: 3 M}
      |                                   ^^^^^^^
hint: write digits and at most one of k, M, G, T: `569 M`, `4.2 M`, `25557032`""",
            id="no figure",
        ),
        pytest.param(
            "mult_adds: 25557032",
            "mult_adds: {printed: 25 M, why: lost}",
            """\
mine.yaml:20:51: a row without `model` is quoted: nothing is to be explained
   20 |       - {name: theirs, mult_adds: {printed: 25 M, why: lost}, params: 3 M}
      |                                                   ^^^""",
            id="a reason for a quoted figure",
        ),
        pytest.param(
            "name: theirs,",
            "name: theirs, layer: stem,",
            """\
mine.yaml:20:24: `layer` is of a network, and this row has no `model`
   20 |       - {name: theirs, layer: stem, mult_adds: 25557032, params: 3 M}
      |                        ^^^^^""",
            id="a layer of no network",
        ),
        pytest.param(
            "to: 100 M, why: a guess",
            "to: 400 M, why: a guess, typo: 2 G",
            """\
mine.yaml:18:42: `1500 M` is not a multiple of this
   18 |         mult_adds: {printed: 1500 M, to: 400 M, why: a guess, typo: 2 G}
      |                                          ^^^^^

mine.yaml:18:49: a cell is a typo or has a reason, not both
   18 |         mult_adds: {printed: 1500 M, to: 400 M, why: a guess, typo: 2 G}
      |                                                 ^^^""",
            id="two problems of a cell",
        ),
        pytest.param(
            "params: weights}\n",
            "params: wieghts}\n",
            """\
mine.yaml:5:46: `params` are not counted as `wieghts`
    5 | counting: {mult_adds: conv + linear, params: wieghts}
      |                                              ^^^^^^^
hint: did you mean `weights`?""",
            id="unknown counting",
        ),
        pytest.param(
            ", params: weights}\n",
            "}\n",
            """\
mine.yaml:12:76: nothing says how `params` are counted
   12 |       - {name: V1, model: a.yaml, published: [70.60, 9], mult_adds: 569 M, params: 4.20 M}
      |                                                                            ^^^^^^
hint: add `counting: {params: ...}` with `weights`, `weights + bias`, `params` or \
`weights + bias + shift, mean and variance of norms`""",
            id="no counting",
        ),
        pytest.param(
            "truncated: [params]",
            "truncated: [parms]",
            """\
mine.yaml:21:17: the table does not count `parms`
   21 |     truncated: [parms]
      |                 ^^^^^
hint: `counting` has `mult_adds` or `params`""",
            id="what is truncated is not counted",
        ),
        pytest.param(
            "name: theirs,",
            "name: theirs, chosen: all,",
            """\
mine.yaml:20:24: `chosen` is of a network, and this row has no `model`
   20 |       - {name: theirs, chosen: all, mult_adds: 25557032, params: 3 M}
      |                        ^^^^^^""",
            id="settings of no network",
        ),
        pytest.param(
            "tried: [mobilenet_v1@alpha=0.5]",
            "tried: [mobilenet_v1@alpha]",
            """\
mine.yaml:16:17: `alpha` does not set a knob
   16 |         tried: [mobilenet_v1@alpha]
      |                 ^^^^^^^^^^^^^^^^^^
hint: write knob=value, as in alpha=0.5""",
            id="bad reference",
        ),
        pytest.param(
            "table: shapes",
            "table: 1",
            """\
mine.yaml:22:12: table `1` is already there
   22 |   - table: 1
      |            ^""",
            id="the same table twice",
        ),
        pytest.param(
            "left_out: {2: ",
            "left_out: {shapes: ",
            """\
mine.yaml:6:12: table `shapes` is there, and left out
    6 | left_out: {shapes: times alone}
      |            ^^^^^^""",
            id="there and left out",
        ),
        pytest.param(
            "left_out: {2: times alone}",
            "left_out: [2, {3: 4}]",
            """\
mine.yaml:6:11: `left_out` must be a mapping
    6 | left_out: [2, {3: 4}]
      |           ^""",
            id="left out without a reason",
        ),
        pytest.param(
            "format: 1\n",
            "format: 2\n",
            """\
mine.yaml:1:9: this version reads `format: 1` only
    1 | format: 2
      |         ^""",
            id="another format",
        ),
        pytest.param(
            "title: My tables\n",
            "",
            """\
mine.yaml:1:1: a paper must state `title`
    1 | format: 1
      | ^""",
            id="no title",
        ),
    ],
)
def test_errors(old: str, new: str, expected: str) -> None:
    text = GOOD.replace("      - {kind: linear, mult_adds_share: 0.18 %}\n", "")
    assert text.count(old) >= 1
    problems = message(text.replace(old, new, 1)).split("\n\n")
    assert problems[: expected.count("\n\n") + 1] == expected.split("\n\n")


@pytest.mark.parametrize("text", ["[]", "3", "format: 1\ntables: 3", "tables: [3, {rows: [3]}]"])
def test_other_yaml_is_refused_with_a_place(text: str) -> None:
    assert re.match(r"mine\.yaml:\d+:\d+: ", message(text))


def test_names() -> None:
    assert paper_names() == ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3")
    with pytest.raises(PaperError) as caught:
        load_paper("mobilenet_v4")
    assert str(caught.value) == (
        "there is no paper `mobilenet_v4`; there are `mobilenet_v1`, `mobilenet_v2`, "
        "`mobilenet_v3`\nhint: did you mean `mobilenet_v3`?"
    )
    with pytest.raises(PaperError) as caught:
        tables_of(load_paper("mobilenet_v2"), ["9"])
    assert str(caught.value) == (
        "mobilenet_v2 has no table `9`\nhint: there are 2, 4, 5, 6, 7, tf-slim"
    )


@pytest.mark.parametrize(("paper", "numbers"), [("mobilenet_v2", 7), ("mobilenet_v3", 8)])
def test_every_table_is_here_or_left_out(paper: str, numbers: int) -> None:
    loaded = load_paper(paper)
    ids = [*(table.id for table in loaded.tables if table.id != "tf-slim"), *loaded.left_out]
    assert sorted(ids) == [str(i + 1) for i in range(numbers)]
    assert all(loaded.left_out.values())
