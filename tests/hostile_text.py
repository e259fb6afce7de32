"""Texts that a hostile file may hold, for tests of what becomes of them."""

from __future__ import annotations

from hypothesis import strategies as st

FRAGMENTS = (
    # markup
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<!--", "-->", "<![CDATA[",
    "<?php", "</td></table>", "</title>", "&lt;", "&#60;", "&", "<", ">", "<a@b.co>",
    "<http://a.b>", "![x](http://a.b/x.png)", "[x](javascript:alert)", "[x]: http://a.b",
    "[x][y]", "[x]", "](", "[ ] ", "`", "```", "~~~", "~~x~~", "|", "| a |", ":-:", "_", "__x__",
    "_x_", "a_b_c", "*", "**x**", "$x$", "# ", "##", " #", "---", "===", "> ", "- ", "+ ", "1. ",
    "12) ", "    x", "http://a.b", "www.a.b",
    # code
    '"""', "'''", '"', "'", "\\", "\\\\", "\\N{x}", "\\x", "\\u12", "{x}", "{0}", "%s", "%(x)s",
    "; import os", '" + str(__import__("os")) + "',
    # formulas
    "=1+1", "+1", "-1", "@x", "\uff1d1", "=cmd|' /C calc'!A0", ",", ";",
    # rich
    "[bold]x[/bold]", "[/]", "[link=http://a.b]", ":smile:", "\\[x]",
    # orders to terminals, and what does not show
    "\x1b[31m", "\x1b]0;x\x07", "\x1b]8;;http://a.b\x1b\\", "\x9b31m", "\x90", "\0", "\x07",
    "\x08", "\x7f", "\n", "\r", "\r\n", "\t", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029",
    "\u202e", "\u202d", "\u2066", "\u2069", "\u200f", "\u061c", "\u200b", "\u200d", "\u2060",
    "\ufeff", "\xad", "\xa0", "\u3000", "\u3164", "\u115f", "\u2800", "\ufe0f", "\U000e0041",
    "\U000e0100", "\ue000", "\ud800", "\udcff", "\ufffe", "\U0010ffff",
    # signs, letters, and length
    "µ", "≥", "\u2013", "\xd7", "…", "·", "a", "é", "名", "😀", "e\u0301", "1", "0.5", ".", "..",
    "/", "-", " ", "  ", "x" * 300,
)  # fmt: skip

TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=6).map("".join)
"""Texts of such parts and of any characters, halves of characters among them."""

INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\ufe00\ufe0f\uffa0\U000e0100"
)
"""Some of the characters that `str.isprintable` lets pass, and that do not show."""


def shows(text: str) -> bool:
    """Whether a text has nothing but visible characters, blanks and ends of lines."""
    return text.replace("\n", "").isprintable() and not INVISIBLE & set(text)
