"""`mnet-cost paper`: formats, tables of one's own, and exit status."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import pytest

from mnet_cost.cli import main

MINE = """\
format: 1
name: mine
title: My tables
source: a notebook
counting: {mult_adds: conv + linear, params: weights}
tables:
  - table: 1
    title: Mine
    rows:
"""


def own(tmp_path: Path, *rows: str) -> str:
    """A file of one table with these rows."""
    path = tmp_path / "mine.yaml"
    path.write_text(MINE + "".join(f"      - {row}\n" for row in rows))
    return str(path)


def test_json_has_every_cell(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "--table", "4", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == "mnet-cost/paper/1"
    assert document["verdicts"] == {"rounded": 3, "convention": 1}
    (table,) = document["tables"]
    full = table["rows"][0]
    assert full["published"] == {"ImageNet top-1 %": "71.7"}
    assert full["cells"][0] == {
        "what": "mult_adds",
        "printed": "4866 M",
        "printed_value": 4_866_000_000,
        "verdict": "convention",
        "ours": 4_866_269_184,
        "counting": "without linear layers",
        "setting": "mobilenet_v1:full",
        "way": "rounded",
        "corrected": None,
        "note": None,
    }


def test_csv_has_one_line_a_cell_of_all_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "--format", "csv"]) == 0
    rows = list(csv.DictReader(StringIO(capsys.readouterr().out)))
    tables = {row["table"] for row in rows}
    assert tables == {*map(str, (*range(1, 11), *range(12, 15))), "4.4", "tf-slim"}
    typo = next(row for row in rows if row["printed"] == "1.19 %")
    assert typo["verdict"] == "typo"
    assert typo["note"] == "should be 1.91 %"
    assert round(float(typo["ours"]), 6) == 0.019056


@pytest.mark.parametrize("form", ["markdown", "html"])
def test_notes_keep_their_lines(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "--table", "2", "--format", form]) == 0
    out = capsys.readouterr().out
    broken = {"markdown": "1 typo  \nmult-adds:", "html": "1 typo<br>\nmult-adds:"}
    assert broken[form] in out


def test_a_figure_that_nothing_explains_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = own(
        tmp_path,
        "{name: right, model: mobilenet_v1, mult_adds: 569 M}",
        "{name: wrong, model: mobilenet_v1, mult_adds: 570 M}",
        "{name: denied, model: mobilenet_v1, params: {printed: 4.2 M, why: lost}}",
        "{name: absent, model: mobilenet_v11, mult_adds: 1 M}",
        "{name: no layer, model: mobilenet_v1, layer: stam, mult_adds: 1 M}",
    )
    assert main(["paper", path]) == 1
    assert capsys.readouterr().err == (
        "mnet-cost: table 1, wrong, mult_adds 570 M: unexplained\n"
        "mnet-cost: table 1, denied, params 4.2 M: refuted: it is ours; the file says: lost\n"
        "mnet-cost: table 1, absent, mult_adds 1 M: not computed: there is no model "
        "`mobilenet_v11`; did you mean `mobilenet_v1`?\n"
        "mnet-cost: table 1, no layer, mult_adds 1 M: not computed: `mobilenet_v1` has no layer "
        "`stam`; did you mean `stem`?\n"
    )


def test_an_unknown_cost_is_not_computed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "net.yaml"
    model.write_text(
        "format: 1\nname: net\ninput: {image: [3, 8, 8]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 1}\n  - opaque: {operation: magic, shape: [4, 8, 8]}\n"
    )
    path = own(tmp_path, f'{{name: net, model: "{model}", mult_adds: 768}}')
    assert main(["paper", path]) == 1
    assert "not computed: the cost of `opaque`" in capsys.readouterr().err


def test_an_unknown_table_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "--table", "44"]) == 2
    assert capsys.readouterr().err == (
        "mnet-cost: mobilenet_v1 has no table `44`\nhint: did you mean `4.4`?\n"
    )


def test_a_table_that_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "mobilenet_v3", "--table", "4"]) == 2
    assert capsys.readouterr().err == (
        "mnet-cost: table `4` of mobilenet_v3 is left out: accuracies and times of 8-bit networks; "
        "there are no counts in it\nhint: there are 1, 2, 3, 6, 7, 8, tf-slim\n"
    )


def test_what_is_left_out_is_said_with_the_whole_paper(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "mobilenet_v2", "--format", "markdown"]) == 0
    assert "left out: Table 1, a bottleneck in symbols" in capsys.readouterr().out
    assert main(["paper", "mobilenet_v2", "--table", "4"]) == 0
    assert "left out: Table" not in capsys.readouterr().out
    assert main(["paper", "mobilenet_v2", "--format", "json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["left_out"]) == ["1", "3"]
    assert main(["paper", "--table", "4", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["left_out"] == {}
