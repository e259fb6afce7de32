"""Text in, only text out: what each place makes of hostile text is read by that place's parser."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from hostile_text import FRAGMENTS, TEXTS, shows
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from mnet_cost.escaping import (
    csv_cell,
    docstring_line,
    file_name,
    html_text,
    json_text,
    markdown_cell,
    markdown_line,
    plain,
    printable,
    printable_lines,
    quoted,
)

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

SIGNS = "1 µs ≥ 2 ≤ 3 \N{EN DASH} 4 \xd7 5 … 6 · 7 \N{GREEK SMALL LETTER MU}s"
FORMULA_SIGNS = tuple("=+-@\uff1d\uff0b\uff0d\uff20")

ENCODINGS = ("ascii", "cp1252", "latin-1", "gbk", "shift_jis", "cp437", "koi8-r", "utf-8", "utf-16")


def test_what_does_not_show_is_shown() -> None:
    assert printable("plain text, é, 名 and 😀") == "plain text, é, 名 and 😀"
    assert printable("\x1b[31m a\nb\tc\0 \x9b \x7f") == r"\x1b[31m a\nb\tc\x00 \x9b \x7f"
    assert printable("\u202egnp.exe \u2066 \u200b \xad \ufeff") == (
        r"\u202egnp.exe \u2066 \u200b \xad \ufeff"
    )
    assert printable("a\xa0b\u3000c\u3164d\u2800e\ufe0f\U000e0100") == (
        r"a\xa0b\u3000c\u3164d\u2800e\ufe0f\U000e0100"
    )
    assert printable("\ud800 \udcff \u2028") == r"\ud800 \udcff \u2028"
    assert printable_lines("a\x1b\nb\r\n") == "a\\x1b\nb\\r\n"


@given(TEXTS)
def test_printable_text_shows_and_stays(text: str) -> None:
    shown = printable(text)
    assert shows(shown)
    assert "\n" not in shown
    assert printable(shown) == shown
    assert shown.encode("utf-8").decode("utf-8") == shown


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(TEXTS)
@example(SIGNS)
def test_plain_text_is_what_an_encoding_has(encoding: str, text: str) -> None:
    shown = plain(printable_lines(text), encoding)
    assert shows(shown)
    assert shown.encode(encoding).decode(encoding) == shown
    if encoding.startswith("utf"):
        assert shown == printable_lines(text)


def test_signs_have_plain_ones_of_the_same_meaning() -> None:
    assert plain(SIGNS, "ascii") == "1 us >= 2 <= 3 - 4 x 5 ... 6 | 7 us"
    assert plain(SIGNS, "cp1252") == "1 µs >= 2 <= 3 \u2013 4 \xd7 5 … 6 · 7 us"
    assert plain("1 µs ≥ 2 … 3", "gbk") == "1 us ≥ 2 … 3"
    assert plain("Zoë's 名 😀", "ascii") == r"Zo\xeb's \u540d \U0001f600"
    assert plain("Zoë's 名 😀", "cp1252") == r"Zoë's \u540d \U0001f600"


@given(st.lists(TEXTS, min_size=1, max_size=3))
def test_a_docstring_is_nothing_but_its_text(lines: list[str]) -> None:
    body = "\n".join(map(docstring_line, lines))
    source = f'"""{body}\n"""\n'
    tree = ast.parse(source)
    (statement,) = tree.body
    assert isinstance(statement, ast.Expr)
    assert isinstance(statement.value, ast.Constant)
    assert statement.value.value == "\n".join(map(printable, lines)) + "\n"
    assert shows(source)
    compile(source, "written.py", "exec")


@given(TEXTS)
def test_a_literal_is_read_as_its_text(text: str) -> None:
    source = quoted(text)
    assert shows(source)
    assert "\n" not in source
    assert ast.literal_eval(source) == text
    if not any("\ud800" <= c <= "\udfff" for c in text):  # YAML has no halves of characters
        assert yaml.load(source, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) == text


@given(st.dictionaries(TEXTS, st.lists(TEXTS)))
def test_json_is_ascii_and_exact(data: dict[str, list[str]]) -> None:
    text = json_text(data)
    assert text.isascii()
    assert shows(text)
    assert text.encode("utf-8").decode("utf-8") == text

    def known(value: str) -> str:
        return "".join(printable(c) if "\ud800" <= c <= "\udfff" else c for c in value)

    expected = {known(key): list(map(known, values)) for key, values in data.items()}
    assert json.loads(text) == expected


class Page(HTMLParser):
    """The tags of a page, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")

    handle_pi = unknown_decl = handle_comment


@given(TEXTS)
def test_html_is_nothing_but_its_text(text: str) -> None:
    page = Page()
    page.feed(f'<p title="{html_text(text)}">{html_text(text)}</p>')
    page.close()
    assert page.tags == [("p", [("title", printable_lines(text))])]
    assert page.text == printable_lines(text)


def inline_texts(source: str, blocks: list[str]) -> list[str]:
    """The texts of a Markdown source of these blocks, which have nothing else in them."""
    texts = []
    tokens = MARKDOWN.parse(source)
    assert [token.type for token in tokens if token.type != "inline"] == blocks, source
    for token in tokens:
        if token.type == "inline":
            assert token.children is not None
            kinds = {child.type for child in token.children}
            assert kinds <= {"text", "text_special"}, (kinds, source)
            texts.append("".join(child.content for child in token.children))
    return texts


def one_line(text: str) -> str:
    return printable(text.replace("\n", " "))


@given(TEXTS)
@example("1.")
@example("-")
@example("x #")
@example("# # ")
def test_a_line_of_markdown_is_nothing_but_its_text(text: str) -> None:
    line, expected = markdown_line(text), one_line(text).strip()
    paragraph = ["paragraph_open", "paragraph_close"] if expected else []
    texts = [expected] if expected else []
    assert inline_texts(line, paragraph) == texts
    assert inline_texts(f"## {line}", ["heading_open", "heading_close"]) == [expected]
    items = ["bullet_list_open", "list_item_open", *paragraph, "list_item_close"]
    assert inline_texts(f"- {line}", [*items, "bullet_list_close"]) == texts


@given(
    TEXTS.filter(lambda text: markdown_line(text)), TEXTS.filter(lambda text: markdown_line(text))
)
@example("a", "===")
@example("a", ":-:")
@example("a | b", "--- | ---")
def test_lines_of_markdown_are_one_paragraph(first: str, second: str) -> None:
    source = f"{markdown_line(first)}  \n{markdown_line(second)}"
    kinds = [token.type for token in MARKDOWN.parse(source)]
    assert kinds == ["paragraph_open", "inline", "paragraph_close"], source


@given(TEXTS, TEXTS)
def test_a_cell_of_markdown_is_nothing_but_its_text(first: str, second: str) -> None:
    cells = f"| {markdown_cell(first)} | {markdown_cell(second)} |"
    source = f"{cells}\n|---|---|\n{cells}\n"
    expected = [one_line(first).strip(), one_line(second).strip()]
    row = [f"{kind}_{edge}" for kind in ("th",) for edge in ("open", "close")] * 2
    blocks = [
        "table_open", "thead_open", "tr_open", *row, "tr_close", "thead_close",
        "tbody_open", "tr_open", *(token.replace("th", "td") for token in row), "tr_close",
        "tbody_close", "table_close",
    ]  # fmt: skip
    assert inline_texts(source, blocks) == expected * 2


def test_markdown_stays_readable() -> None:
    shape = "[3, 224, 224]"
    for text in (shape, "mobilenet_v1", "1.17 ms", "arXiv:1704.04861, Table 1", "a (b), 8 % of c"):
        assert markdown_cell(text) == text
    assert markdown_line("- not a list") == r"\- not a list"
    assert markdown_line("12. not a list") == r"12\. not a list"
    assert markdown_cell("a|b <i> ![x](http://y) `z`") == (r"a\|b \<i> ![x\](http\://y) \`z\`")


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=3))
def test_cells_of_csv_are_their_texts_and_no_formulas(rows: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([list(map(csv_cell, row)) for row in rows])
    assert shows(out.getvalue())
    read = list(csv.reader(io.StringIO(out.getvalue(), newline="")))
    for row, cells in zip(rows, read, strict=True):
        for text, cell in zip(row, cells, strict=True):
            shown = printable_lines(text)
            assert cell in (shown, f"'{shown}")
            assert not cell.lstrip().startswith((*FORMULA_SIGNS, "\t", "\r"))
            assert (cell == shown) == (not shown.lstrip().startswith(FORMULA_SIGNS))


@given(TEXTS)
@example("..")
@example("-rf")
@example("nul.txt")
def test_a_file_name_is_one_and_can_be_used(text: str) -> None:
    name = file_name(text)
    assert shows(name)
    assert Path(name).name == name
    assert name not in ("", ".", "..")
    assert not set(name) & set('/\\:*?"<>| \n')
    assert name[0] not in ".-"
    assert name[-1] != "."
    assert len(os.fsencode(name)) <= 201
    assert file_name(name) == name


def test_file_names_stay_readable() -> None:
    assert file_name("mobilenet_v1@alpha=0.5-vs-名-digits") == "mobilenet_v1@alpha=0.5-vs-名-digits"
    assert file_name("../../etc/passwd") == "etc-passwd"
    assert file_name("a\x1b[31m\nb") == "a-x1b-31m-nb"
    assert [file_name(text) for text in ("", "...", "CON", "com1.txt", "console")] == [
        "_", "_", "_CON", "_com1.txt", "console",
    ]  # fmt: skip


def test_all_fragments_together() -> None:
    text = "".join(FRAGMENTS)
    for write in (printable, docstring_line, quoted, html_text, markdown_line, csv_cell, file_name):
        assert shows(write(text))
