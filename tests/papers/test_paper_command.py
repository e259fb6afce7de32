"""`mnet-cost paper`: formats, tables of one's own, and exit status."""

from __future__ import annotations

import csv
import json
import re
from io import StringIO
from pathlib import Path

import pytest

from mnet_cost.cli import main


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes are wrapped: what stands on one line depends on the terminal."""
    monkeypatch.setenv("COLUMNS", "100")


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
        "ours": 4_867_293_184,
        "counting": "conv + linear",
        "setting": "mobilenet_v1:full",
        "match": {
            "value": 4_866_269_184,
            "counting": "without linear layers",
            "setting": "mobilenet_v1:full",
            "way": "rounded",
        },
        "corrected": None,
        "right": None,
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
    flops = next(row for row in rows if row["printed"] == "1700 M")
    assert (flops["ours"], flops["match"], flops["way"]) == ("818924576", "1665335872", "rounded")
    assert flops["match_setting"] == "squeezenet:squeezenet1_0@resolution=227"
    assert flops["match_counting"] == "2 x mult-adds (FLOPs)"


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
        "mnet-cost: mobilenet_v1 has no table `44`\n"
        "hint: there are 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 4.4, 12, 13, 14, tf-slim\n"
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


def test_a_bad_row_does_not_hide_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.yaml").write_text("format: 1\nname: b\nlayers: [foo]\n")
    path = own(
        tmp_path,
        "{name: no pixels, model: mobilenet_v1@resolution=0, mult_adds: 569 M}",
        "{name: broken, model: broken.yaml, mult_adds: 569 M}",
        "{name: good, model: mobilenet_v1, mult_adds: 569 M}",
    )
    assert main(["paper", path]) == 1
    out, err = capsys.readouterr()
    first, second = err.splitlines()
    assert first.startswith("mnet-cost: table 1, no pixels, mult_adds 569 M: not computed: ")
    assert "must be at least 1, not 0" in first
    assert second == (
        "mnet-cost: table 1, broken, mult_adds 569 M: not computed: "
        f"{tmp_path}/broken.yaml:1:1: a model file needs `input`; and 1 more problem"
    )
    assert "good       mult-adds    569 M  568,740,352  rounded" in out
    assert "3 cells: 1 rounded, 2 not computed" in out
    assert "not computed: our figure is not known" in out


def test_a_network_of_ones_own_is_beside_the_tables(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub" / "nets").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "sub" / "nets" / "net.yaml").write_text(
        "format: 1\nname: net\ninput: {image: [3, 8, 8]}\nlayers:\n"
        "  - conv2d: {channels: 4, kernel: 1}\nvariants:\n  wide: {input: {image: [3, 8, 16]}}\n"
    )
    path = own(
        tmp_path / "sub",
        "{name: small, model: ./nets/net.yaml, mult_adds: 768}",
        '{name: large, model: "nets/net.yaml:wide@resolution=2", mult_adds: 768}',
        '{name: wide, model: "nets/net.yaml:wide", mult_adds: 1536}',
        f"{{name: absolute, model: {tmp_path}/sub/nets/net.yaml, mult_adds: 768}}",
    )
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert main(["paper", path, "--format", "json"]) == 1
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    verdicts = [row["cells"][0]["verdict"] for row in table["rows"]]
    assert verdicts == ["exact", "not computed", "exact", "exact"]
    monkeypatch.chdir(tmp_path / "sub")
    main(["paper", "mine.yaml", "--format", "json"])
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    assert [row["cells"][0]["verdict"] for row in table["rows"]] == verdicts


@pytest.mark.parametrize("columns", ["60", "80", "100", "160"])
@pytest.mark.parametrize("paper", ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3"])
def test_the_verdict_is_there_at_every_width(
    paper: str,
    columns: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert main(["paper", paper]) == 0
    blocks = capsys.readouterr().out.split("\n\n")
    judged = [block for block in blocks if re.search(r"^\d+ cells?: ", block, re.MULTILINE)]
    assert len(judged) > 3
    assert all(re.search(r"^row .*\bverdict\b", block, re.MULTILINE) for block in judged)
    for block in judged:
        marks = re.search(r"^row .*?(?=^\d+ cells?: )", block, re.MULTILINE | re.DOTALL)
        assert marks is not None
        for number in re.findall(r"^\[(\d+)\]", block, re.MULTILINE):
            assert re.search(rf"[\[ ]{number}[\],]", marks[0]), (number, block)


def test_published_figures_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["paper", "--table", "11"]) == 0
    out = capsys.readouterr().out
    assert "\npublished figures alone: there is nothing to compute\n" in out
    assert "all in all" not in out
    assert out.endswith(
        "\n* accuracies and times are as published: nothing is trained or measured here\n"
    )


def test_sums_of_layers_know_what_is_not_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        "{model: mobilenet_v1, layer: stem, stride: 2}",
        "{model: mobilenet_v1, layer: logits, stride: 1}",
    ]
    assert main(["paper", own(tmp_path, *rows)]) == 0
    total = "11,862,016 mult-adds, 1,024,864 weights"  # 10,838,016 + 1,024,000; 864 + 1,024,000
    assert f"\nall rows by our counting: {total}\n" in capsys.readouterr().out
    assert main(["paper", own(tmp_path, *rows, "{stride: 3}")]) == 0
    assert f"\nall rows but the quoted by our counting: {total}\n" in capsys.readouterr().out
    assert main(["paper", own(tmp_path, *rows, "{model: vgg, layer: no, stride: 3}")]) == 1
    assert f"\nby our counting at least {total}: 1 of 3 rows not known\n" in capsys.readouterr().out
    assert main(["paper", own(tmp_path, "{model: vgg, layer: no, stride: 3}")]) == 1
    assert "by our counting" not in capsys.readouterr().out


def test_a_typo_shows_ours_and_what_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["paper", "--table", "tf-slim", "--table", "13"]) == 0
    out = capsys.readouterr().out
    assert "MobileNet_v1_0.75_224        mult-adds    317 M  325,401,216  typo [1]" in out
    assert (
        "\n[1] should be 325 M; printed is 317,272,704: without the first convolution, rounded\n"
    ) in out
    assert "\n18 cells: 9 rounded, 7 fitted, 2 not reproducible\n" in out
    assert "7 fitted, 10 typo" in out
    assert "fitted: the same, of settings chosen to give it, not stated" in " ".join(out.split())


def test_a_network_out_of_the_folder_is_not_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error of a spec would quote its first line."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "secret").write_text("root:x:0:0:root\n")
    (tmp_path / "sub" / "link.yaml").symlink_to("../secret")
    path = own(
        tmp_path / "sub",
        "{name: above, model: ../secret, mult_adds: 768}",
        f"{{name: absolute, model: {tmp_path}/secret, mult_adds: 768}}",
        "{name: link, model: link.yaml, mult_adds: 768}",
    )
    assert main(["paper", path]) == 1
    captured = capsys.readouterr()
    assert "root:x" not in captured.out + captured.err
    for name in ("../secret", f"{tmp_path}/secret", "link.yaml"):
        assert (
            f"not computed: `{name}` is not in the folder of {path}, nor below it" in captured.err
        )
