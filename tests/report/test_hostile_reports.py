"""Reports of hostile text: what a format's own parser reads is that text, in the places of text.

All writers escape all text of a report, so a report that is full of it stands for all reports.
"""

from __future__ import annotations

import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest
from hostile_text import TEXTS, shows
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mnet_cost.escaping import plain, printable, printable_lines
from mnet_cost.report import FORMATS, Column, Fact, Report, Table, render
from mnet_cost.report.types import Form, Quantity, Time

ENCODINGS = ("utf-8", "gbk", "cp1252", "ascii")
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
COLOURS = re.compile("\x1b\\[[0-9;]*m")


def filled(text: str, rows: tuple[str, ...] = ()) -> Report:
    """A report with `text` in every place that holds text."""
    forms: tuple[Form, ...] = ("text", "prose", "count", "seconds", "quantity")
    columns = tuple(Column(text, text, form, i) for i, form in enumerate(forms))
    row = (text, text, 12_345, Time(2e-6, least=True), Quantity(3e-6, "J"))
    others = tuple((name, name, -1, None, None) for name in rows)
    table = Table(text, text, columns, (row, *others), total=row, note=text)
    fact = Fact(text, 12_345, "count", text)
    words = Fact(text, text, "text", text)
    return Report(text, text, (fact, words), (table, table), (text, text), lambda: {text: [text]})


class Page(HTMLParser):
    """Tags of a page that hold text, and the text of each; attributes that hold text of a report
    are kept apart."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[list[str]] = []
        self.labels: list[str | None] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.labels += [value for name, value in attrs if name == "aria-label"]
        for name, value in attrs:
            assert name in ATTRIBUTES or (tag == "meta" and name in ("http-equiv", "content"))
            assert name == "aria-label" or value is None or "<" not in value
        if tag in HOLDERS:
            self.elements.append([tag, ""])
        elif tag == "br":
            self.elements[-1][1] += "\n"
        else:
            assert tag in CONTAINERS, tag

    def handle_data(self, data: str) -> None:
        if self.elements:
            self.elements[-1][1] += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_pi = unknown_decl = handle_comment


ATTRIBUTES = (
    "lang", "charset", "name", "class", "role", "tabindex", "aria-label", "scope", "aria-hidden",
)  # fmt: skip
HOLDERS = ("title", "style", "h1", "h2", "p", "dt", "dd", "th", "td", "li")
CONTAINERS = (
    "html", "head", "body", "meta", "main", "header", "section", "div", "dl", "table", "caption",
    "thead", "tbody", "tfoot", "tr", "ul", "span", "small", "wbr",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("encoding", ENCODINGS)
@given(TEXTS)
def test_what_is_written_shows_and_fits_the_encoding(form: str, encoding: str, text: str) -> None:
    written = render(filled(text), form, width=80, encoding=encoding)
    assert shows(written)
    assert written.encode(encoding).decode(encoding) == written


@pytest.mark.parametrize("width", [40, 100, 400])
@given(TEXTS)
def test_a_terminal_gets_no_orders_but_our_colours(width: int, text: str) -> None:
    plainly = COLOURS.sub("", render(filled(text), "text", width, color=True))
    assert shows(plainly)
    lines = [line.rstrip() for line in plainly.splitlines()]
    assert lines == render(filled(text), "text", width).splitlines()


@pytest.mark.parametrize("text", ["[bold]x[/bold] [/] :smile: [link=http://a.b]y[/link]", "\\[x]"])
def test_a_terminal_shows_markup_of_rich_as_it_is(text: str) -> None:
    written = render(filled(text), "text", 400)
    # Title, subtitle, two facts with label and detail and one value, twice a table: its title,
    # five columns, two rows of two texts and a note; two notes.
    assert written.count(text) == 2 + 5 + 2 * (1 + 5 + 4 + 1) + 2


def test_a_title_of_several_lines_cannot_pass_for_a_report() -> None:
    text = "n (a paper)\n\nmult-adds 0"
    report = Report(text, text, (Fact("a", 1, "count", text),), (), (text,), dict)
    assert render(report, "text").splitlines() == [
        r"n (a paper)\n\nmult-adds 0",
        r"n (a paper)\n\nmult-adds 0",
        "",
        r"a  1  n (a paper)\n\nmult-adds 0",
        "",
        r"* n (a paper)\n\nmult-adds 0",
    ]


@given(TEXTS)
def test_html_has_our_tags_and_the_text(text: str) -> None:
    page = Page()
    page.feed(render(filled(text), "html"))
    page.close()
    shown = " ".join(printable_lines(text).split())
    row = [("th", shown), ("td", shown), ("td", "12,345"), ("td", "≥2.00 µs"), ("td", "3.00 µJ")]
    table = [("h2", shown), *[("th", shown)] * 5, *row, *row]
    facts = [("dt", shown), ("dd", "12.35 k 12,345"), ("dd", shown)]
    facts += [("dt", shown), ("dd", shown), ("dd", shown)]
    notes = [("h2", "Notes"), ("li", shown), ("li", shown)]
    expected = [("title", shown), ("h1", shown), *facts, *table, *table, *notes]
    found = [(tag, " ".join(said.split())) for tag, said in page.elements]
    assert [each for each in found if each[1] and each[0] not in ("style", "p")] == [
        each for each in expected if each[1]
    ]
    assert {said for tag, said in found if tag == "p" and "narrow page" not in said} <= {shown, ""}
    assert page.labels == [printable_lines(text)] * 2


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(TEXTS)
def test_markdown_has_our_blocks_and_the_text(encoding: str, text: str) -> None:
    tokens = MARKDOWN.parse(render(filled(text), "markdown", encoding=encoding))
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
    assert kinds <= {
        "heading", "paragraph", "table", "thead", "tbody", "tr", "th", "td", "bullet_list",
        "list_item", "inline",
    }  # fmt: skip
    texts = []
    for token in tokens:
        if token.type == "inline":
            assert token.children is not None
            children = {child.type for child in token.children}
            assert children <= {"text", "text_special", "softbreak", "hardbreak"}, children
            texts.append("".join(child.content for child in token.children))
    shown = plain(printable(text.replace("\n", " ")), encoding).strip()
    if shown:
        # As in a terminal, but that lines of notes, which are two, may be apart.
        assert texts.count(shown) >= 2 + 5 + 2 * (1 + 5 + 4) + 2


UNITS = ("_s", "_j", "_w", "_bytes")
"""Keys of columns are the program's own: one that ends so has its unit in it, and no column for
it."""


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(TEXTS.filter(lambda text: not text.endswith(UNITS)), st.lists(TEXTS, max_size=2).map(tuple))
def test_csv_has_the_texts_and_no_formulas(encoding: str, text: str, rows: tuple[str, ...]) -> None:
    written = render(filled(text, rows), "csv", encoding=encoding)
    header, *lines = csv.reader(io.StringIO(written, newline=""))
    assert len(header) == 6
    for cell in header:
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))
    for cells, given_text in zip(lines, (text, *rows), strict=True):
        shown = plain(printable_lines(given_text), encoding)
        for cell in cells[:2]:
            assert cell in (shown, f"'{shown}")
            assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))
    assert [cells[2:] for cells in lines] == [
        ["12345", "2e-06", "3e-06", "J"],
        *([["-1", "", "", ""]] * len(rows)),
    ]


@given(TEXTS.filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)))
def test_json_has_exactly_the_text(text: str) -> None:
    notes = [text, text]  # also where the text is `notes`, which is no key of any document
    assert json.loads(render(filled(text), "json")) == {text: [text], "notes": notes}


def test_tables_stay_in_line_where_signs_are_missing() -> None:
    columns = (Column("a", "a", "seconds"), Column("b", "b", "text"))
    rows = ((Time(2e-6, least=True), "x"), (Time(0.5), "y"), (Time(3e-6), "long name of a thing"))
    report = Report("t", "", (), (Table("k", "", columns, rows),), (), dict)
    assert render(report, "text", 60, encoding="ascii").splitlines()[2:] == [
        "        a  b",
        ">=2.00 us  x",
        "   500 ms  y",
        "  3.00 us  long name of a thing",
    ]
