"""What notebooks show of results: compact, with styles at the elements alone."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

import mnet_cost
from mnet_cost.report import Column, Report, Table
from mnet_cost.report.notebook import framed, to_notebook
from mnet_cost.report.types import Marked
from mnet_cost.results import Result

PI = "raspberry_pi_4_ncnn"


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    pytest.importorskip("numpy")
    sizes = {"alpha": "0.25:1.0:0.25", "resolution": [128, 224], "devices": [PI]}
    return {
        "analysis": mnet_cost.analyze("mobilenet_v1", devices=[PI, "stm32h743"]),
        "comparison": mnet_cost.compare("full", "separable", devices=[PI]),
        "sweep": mnet_cost.sweep("mobilenet_v1", **sizes),  # type: ignore[arg-type]
        "fit": mnet_cost.fit("mobilenet_v1", devices=[PI], limits="latency<=40ms"),
    }


KINDS = ("analysis", "comparison", "sweep", "fit")


@pytest.mark.parametrize("kind", KINDS)
def test_a_cell_is_small_and_has_neither_script_nor_style_sheet(
    kind: str, results: dict[str, Result]
) -> None:
    shown = results[kind]._repr_html_()
    assert shown.isascii()
    assert len(shown) < 32_000
    tags = "div|b|span|table|thead|tbody|tr|th|td|details|summary|ul|li|br"
    assert all(re.fullmatch(tags, tag) for tag in re.findall(r"<(\w+)", shown))
    assert set(re.findall(r"<\w+ (\w+)=", shown)) <= {"style", "scope"}
    # The colours of the theme, but for the bars and what does not fit.
    assert set(re.findall(r"#\w{6}", shown)) <= {"#4a81d6", "#d0443a"}
    assert 1 <= shown.count("<table") <= 10


def test_numbers_are_there_without_any_style(results: dict[str, Result]) -> None:
    shown = results["analysis"]._repr_html_()
    plain = " ".join(re.sub("<[^>]+>", " ", shown).split())
    for said in (
        "mobilenet_v1 (arXiv:1704.04861, Table 1) alpha 1",
        "mult-adds 568.7 M &#183; params 4.232 M (16.9 MB)",
        f"{PI} 127 ms 110-146 ms ncnn 1 yes 443 mJ fitted",
        "stm32h743 unknown",
        "middle x5 512x14x14 261,416,960 46.0",
        "all 14 rows",
    ):
        assert said in plain


def test_the_rows_of_most_time_come_first(results: dict[str, Result]) -> None:
    shown = results["analysis"]._repr_html_()
    first = shown[shown.index("Blocks;") : shown.index("all 14 rows")]
    assert re.findall(r"width:(\d+)%", first)[1::2] == ["93", "23", "20", "19", "15", "13"]
    assert shown.count("middle x5") == 2  # and in its place among all


def test_hostile_names_are_text() -> None:
    hostile = '<script>x</script>" onclick=" \u202e'
    columns = (Column("a", hostile), Column("b", "b", "share"))
    table = Table(hostile, hostile, columns, ((hostile, Marked(0.5, "bad")),) * 9, note=hostile)
    report = Report(hostile, hostile, (), (table,) * 3, (hostile,), dict, more_notes=(hostile,))
    shown = to_notebook(report._replace(alerts=(hostile,), answer=(table,)))
    assert "<script" not in shown
    assert '" onclick' not in shown
    assert "\\u202e" in shown
    assert set(re.findall(r"<\w+ (\w+)=", shown)) <= {"style", "scope"}


def test_many_rows_are_cut_and_counted() -> None:
    table = Table("t", "", (Column("a", "a", "count"),), tuple((i,) for i in range(12_345)))
    shown = to_notebook(Report("t", "", (), (table,), (), dict))
    assert "the first 500 of 12,345 rows" in shown
    assert shown.count("<td") == 506


def test_a_page_in_a_frame_is_one_attribute() -> None:
    shown = framed('<p title="a">&amp; it\'s</p>', 'A "title" <b>')
    assert shown.startswith(
        '<iframe title="A &quot;title&quot; &lt;b&gt;" sandbox="allow-scripts" '
    )
    (inside,) = re.findall('srcdoc="([^"]*)"></iframe>', shown)
    assert unescape(inside) == '<p title="a">&amp; it\'s</p>'
    assert "The page of A &quot;title&quot; &lt;b&gt;, with sliders" in shown.split("</iframe>")[1]


def test_the_explorer_of_results(tmp_path: Path) -> None:
    analysis = mnet_cost.analyze("lenet5", devices=[PI])
    page = analysis.explore()
    assert re.fullmatch(r"<ExplorerPage lenet5: \d+ kB>", repr(page))
    assert "Content-Security-Policy" in page.text
    page.write(tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page.text
    (inside,) = re.findall('srcdoc="([^"]*)"', page._repr_html_())
    assert unescape(inside) == page.text
    assert type(mnet_cost.explore("lenet5")) is type(page) is mnet_cost.ExplorerPage
    both = mnet_cost.compare("lenet5", analysis, devices=[PI]).explore()
    assert both.title == "lenet5 vs lenet5 (2)"
