"""Characters that look like others, by their names."""

from __future__ import annotations

import sys
import unicodedata

import pytest

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
    found = lookalike(f"ab{character}c{character}")
    assert found is not None
    assert found.offset == 2
    assert found.message == f"U+{ord(character):04X} stands here: {message}"
    assert found.hint == hint


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


def test_texts_in_quotes_and_comments_are_left_out() -> None:
    assert lookalike_in_yaml('a: "\u201cb\u201d" # \u3000') is None
    assert lookalike_in_yaml("a: 'b\uff0c' c") is None
    found = lookalike_in_yaml('"\uff0c": a#b\uff0c # \uff0c')
    assert found is not None
    assert found.offset == 8
