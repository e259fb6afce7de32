"""Characters that look like others, by their names."""

from __future__ import annotations

import sys
import time
import unicodedata

import pytest

from mnet_cost.errors import Problem, Source, Span, SpecError
from mnet_cost.lookalikes import lookalike, lookalike_in_yaml


@pytest.mark.parametrize(
    ("character", "message", "hint"),
    [
        ("\u00a0", "no-break space, which is not a blank", "write a blank"),
        ("\u3000", "ideographic space, which is not a blank", "write a blank"),
        ("\x85", "next line, which is not a blank", "write a blank"),
        ("\u200b", "zero width space, which cannot be seen", "remove it"),
        ("\ufeff", "byte order mark, which cannot be seen", "remove it"),
        ("\uff1a", "fullwidth colon, which is not `:`", "write `:`"),
        ("\uff0c", "fullwidth comma, which is not `,`", "write `,`"),
        ("\uff40", "fullwidth grave accent, which is not a backquote", "write a backquote"),
        ("\u2019", "right single quotation mark, which is not `'`", "write `'`"),
        ("\u2212", "minus sign, which is not `-`", "write `-`"),
    ],
)
def test_names_and_ways_out(character: str, message: str, hint: str) -> None:
    look = lookalike(f"ab{character}c{character}")
    assert look is not None
    assert look.offset == 2
    assert look.message == f"U+{ord(character):04X} stands here: {message}"
    assert look.hint == hint


def test_all_blanks_but_ascii_and_all_full_width_marks_are_known() -> None:
    for code in range(128, sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character).startswith("Z") or 0xFF01 <= code <= 0xFF5E:
            assert lookalike(character) is not None, f"U+{code:04X}"


def test_letters_of_any_script_are_no_lookalikes() -> None:
    assert (
        lookalike("Gr\u00f6\u00dfe \u540d \u0438\u043c\u044f \u00b5 \u00d7 \u2265 a-b: [c, 'd']")
        is None
    )


@pytest.mark.parametrize(
    ("text", "offset", "message", "hint"),
    [
        ("\u0441onv2d: 8", 0, "U+0441 stands here: cyrillic small letter es", "c"),
        ("8 * \u0430lph\u0430", 4, "U+0430 stands here: cyrillic small letter a", "a"),
        ("re\u039cap", 2, "U+039C stands here: greek capital letter mu", "M"),
    ],
)
def test_a_letter_among_latin_ones(text: str, offset: int, message: str, hint: str) -> None:
    assert lookalike(text) == (offset, f"{message}, which is not `{hint}`", f"write `{hint}`")


def test_words_of_other_scripts_and_signs_are_their_own() -> None:
    for word in ("\u0441\u0435\u0442\u044c", "\u03bd_max", "\u03c3x", "Zo\u00eb", "\u0441_1"):
        assert lookalike(word) is None, word
    assert lookalike("\u0441\u0436x") is None


def test_texts_in_quotes_and_comments_are_left_out() -> None:
    assert lookalike_in_yaml('a: "\u201cb\u201d" # \u3000') is None
    assert lookalike_in_yaml("a: 'b\uff0c' c") is None
    look = lookalike_in_yaml('"\uff0c": a#b\uff0c # \uff0c')
    assert look is not None
    assert look.offset == 8


def test_a_long_span_takes_little_work() -> None:
    for line in ("a\u0430" * 200_000 + ":", "a" * 400_000 + " \u0436"):
        start = time.process_time()
        str(SpecError(Problem("wrong", Span(Source("net.yaml", line), 1, 1, len(line) + 1))))
        assert time.process_time() - start < 1.0
