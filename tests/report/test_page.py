"""A report as a page: it holds all that the report says, for eyes, phones, paper and screen
readers; and the policy in it allows its own style alone."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest

from mnet_cost import analyze, compare
from mnet_cost.report import Column, Fact, Report, Table, render
from mnet_cost.report.analysis import analysis_report
from mnet_cost.report.types import Compared, Marked

PI = "raspberry_pi_4_ncnn"


class Texts(HTMLParser):
    """What a reader of a page reads, without its style."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.said: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "br", "wbr"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "rect"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "title"):
            self.said.append(data)


def texts(page: str) -> str:
    """The texts of a page, one blank between words."""
    parser = Texts()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return " ".join("".join(parser.said).split())


def small(*columns: Column, rows: tuple[tuple[Any, ...], ...]) -> Report:
    table = Table("things", "Things", columns, rows)
    return Report("title", "", (), (table,), (), dict)


@pytest.fixture(scope="module")
def page() -> str:
    return analyze("mobilenet_v1", devices=[PI, "stm32h743"]).report(format="html")


def test_the_policy_allows_its_own_style_and_nothing_else(page: str) -> None:
    (style,) = re.findall("<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert re.findall('http-equiv="Content-Security-Policy" content="(.*?)"', page) == [
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    ]
    body = page.partition("</style>")[2]
    assert "style=" not in body  # which the policy would forbid
    assert "<script" not in body
    assert not re.search(r"url\(|@import|https?://", page)


def test_the_page_says_all_that_the_text_says(page: str) -> None:
    analysis = analyze("mobilenet_v1", devices=[PI, "stm32h743"])
    said = texts(page)
    report = analysis_report(analysis)
    for note in (*report.alerts, *report.notes, *report.more_notes):
        assert note in said
    for table in (*report.answer, *report.tables):
        for column in table.columns:
            assert column.title in said
            assert column.help in said
        assert all(str(row[0]) in said for row in table.rows)
    for number in ("568,740,352", "568.7 M", "4,231,976", "127 ms", "110-146 ms", "443 mJ"):
        assert number in said


def test_the_answer_comes_first(page: str) -> None:
    parts = ("<h1>", 'class="row answer"', "127 ms", 'class="tiles"', "Blocks;", "<h2>Notes")
    places = [page.index(part) for part in parts]
    assert places == sorted(places)


def test_tables_say_what_they_are_to_screen_readers(page: str) -> None:
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert page.count("<main>") == page.count("<h1>") == 1
    tables = page.count("<table>")
    assert tables == page.count("<caption") == page.count('role="region" tabindex="0" aria-label=')
    assert tables == 3
    assert '<caption class="hidden">devices</caption>' in page
    heads = re.findall(r"<thead><tr>(.*?)</tr>", page)
    assert all(re.fullmatch(r'(<th scope="col"[^>]*>.*?</th>)+', head) for head in heads)
    for row in re.findall(r"<tr>(.*?)</tr>", "".join(re.findall(r"(?s)<tbody>.*?</tbody>", page))):
        assert row.count("<th") == row.count('<th scope="row"') == 1


def test_bars_are_as_long_as_their_shares() -> None:
    column = Column("share", "%", "share")
    rows = (("a", 0.5), ("b", 0.25), ("c", 0.0), ("d", None), ("e", Marked(0.05, "largest")))
    page = render(small(Column("name", "name"), column, rows=rows), "html")
    assert re.findall(r'<rect width="(.*?)"', page) == ["100%", "50%", "10%"]
    assert page.count("<svg") == 4  # an empty bar says 0, and where nothing is known is none
    assert page.count('<span class="bar"></span>') == 1
    assert "span.bar {\n  visibility: hidden;" in page
    assert re.findall(r"<t[dh][^>]*>([\d.-]+)<", page) == ["50.0", "25.0", "0.0", "-", "5.0"]


def test_numbers_are_on_the_right_and_states_have_classes() -> None:
    columns = (
        Column("name", "name"),
        Column("n", "n", "count"),
        Column("spare", "spare", weight=0),
    )
    rows = (
        (Marked("no", "bad"), 1_234, "x"),
        ("b" * 30 + ".cc", None, ""),
        ("d", Compared(12_000, 0.5), ""),
    )
    page = render(small(*columns, rows=rows), "html")
    assert '<th scope="row" class="text bad">no</th><td class="number">1,234</td>' in page
    assert '<td class="number none">-</td>' in page
    assert f'class="text long">{"b" * 30}.<wbr>cc</th>' in page
    assert "12.00 k<br><small>0.50x</small>" in page
    assert "left out on a narrow page: spare" in page


def test_facts_in_full_stand_on_lines() -> None:
    facts = (
        Fact("params", 61_706, "count", "at fp32"),
        Fact("published", "63.7 %", "text", "top-1; a paper", whole=True),
    )
    page = render(
        small(Column("a", "a"), rows=())._replace(facts=facts, facts_in_line=True), "html"
    )
    tile, line = page.index('<dl class="tiles">'), page.index('<dl class="facts">')
    assert tile < page.index('61.71 k <span class="exact">61,706</span>') < line
    assert line < page.index("63.7 %") < page.index("top-1; a paper")


def test_a_title_a_total_and_a_note_belong_to_the_table() -> None:
    table = Table("t", "A <b>", (Column("a", "a\nb"),), ((1,),), total=(2,), note="one\ntwo")
    page = render(Report("t", "", (), (table,), (), dict), "html")
    assert "<caption><h2>A &lt;b&gt;</h2></caption>" in page
    assert 'aria-label="A &lt;b&gt;"' in page
    assert '<th scope="col" class="text">a<br>\nb</th>' in page
    assert '<tfoot>\n<tr><th scope="row" class="text">2</th></tr>\n</tfoot>' in page
    assert '<p class="note">one<br>\ntwo</p>' in page


def test_pages_are_small() -> None:
    # 98 kB: a row of a layer is 600 bytes.
    layers = analyze("mobilenet_v2", devices=[PI]).report("layer", format="html")
    assert len(layers) < 110_000
    assert len(compare("full", "separable", devices=[PI]).report(format="html")) < 16_000


def test_what_the_browser_reads_is_the_text() -> None:
    hostile = '</caption><script>x</script>"\u202e'
    page = render(small(Column("a", hostile, help=hostile), rows=((hostile,),)), "html")
    assert "<script" not in page
    assert page.isascii()
    shown = hostile.replace("\u202e", r"\u202e")
    assert unescape(page).count(shown) >= 3
