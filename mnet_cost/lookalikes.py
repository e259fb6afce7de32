"""Characters that look like others: blanks that are none, marks of other scripts, what is unseen.

A text copied from a web page or a document has them, and a message about what they break shows
nothing that is wrong. They may stand in texts, where they mean themselves: so they are looked for
only where something is wrong already, and letters of other scripts only in words that mix them with
Latin ones. Names are those of the Unicode standard.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_BLANKS = (
    "\x85\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028"
    "\u2029\u202f\u205f\u3000"
)
_UNSEEN = (
    "\u00ad\u034f\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060"
    "\u2061\u2062\u2063\u2064\u2066\u2067\u2068\u2069\ufeff"
)
_FULL_WIDTH = range(0xFF01, 0xFF5F)
"""Each stands for the ASCII character so many places before it."""
_MARKS = {
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u2033\u300c\u300d", '"'),
    **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u00b4", "'"),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63", "-"),
    **dict.fromkeys("\ua789\u02d0\u2236\ufe55\ufe13", ":"),
    **dict.fromkeys("\u3001\u060c\ufe50\ufe10\u201a", ","),
    **dict.fromkeys("\u3010\u3014", "["),
    **dict.fromkeys("\u3011\u3015", "]"),
    "\u3002": ".", "\u2044": "/", "\u2215": "/", "\u2217": "*", "\u266f": "#", "\u061b": ";",
    **{chr(code): chr(code - 0xFEE0) for code in _FULL_WIDTH},
}  # fmt: skip
_LETTERS = dict(
    zip(
        "\u0430\u0441\u0435\u04bb\u0456\u0458\u043e\u0440\u0455\u0445\u0443\u0501\u051b\u051d\u03bf"
        "\u0410\u0412\u0421\u0415\u041d\u0406\u0408\u041a\u041c\u041e\u0420\u0405\u0422\u0425\u0423"
        "\u0391\u0392\u0395\u0397\u0399\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a7\u03a5\u0396",
        "acehijopsxydqwoABCEHIJKMOPSTXYABEHIKMNOPTXYZ",
        strict=True,
    )
)
"""Cyrillic and Greek letters that look like a Latin one (`confusables.txt` of Unicode)."""
_WORD = re.compile(r"[^\W\d]\w*")
_UNNAMED = {"\x85": "next line", "\ufeff": "byte order mark"}
_ANY = re.compile("[" + re.escape(_BLANKS + _UNSEEN + "".join(_MARKS)) + "]")
_TEXT_OR_COMMENT = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|(?<!\S)#[^\n]*")


class Lookalike(NamedTuple):
    """One such character in a text."""

    offset: int
    message: str
    hint: str


def lookalike(text: str) -> Lookalike | None:
    """The first character of `text` that looks like another one, or like nothing."""
    match = _ANY.search(text)
    if match is None:
        return _letter(text)
    character = match[0]
    name = _UNNAMED.get(character) or unicodedata.name(character).lower()
    what = f"U+{ord(character):04X} stands here: {name}"
    if character in _BLANKS:
        return Lookalike(match.start(), f"{what}, which is not a blank", "write a blank")
    if character in _UNSEEN:
        return Lookalike(match.start(), f"{what}, which cannot be seen", "remove it")
    plain = _MARKS[character]
    shown = f"`{plain}`" if plain != "`" else "a backquote"
    return Lookalike(match.start(), f"{what}, which is not {shown}", f"write {shown}")


def _letter(text: str) -> Lookalike | None:
    """The first letter that looks like a Latin letter, in a word that has Latin letters as well."""
    for match in _WORD.finditer(text):
        word = match[0]
        others = [i for i, c in enumerate(word) if not c.isascii()]
        mixed = others and re.search("[A-Za-z]", word)
        if mixed and all(word[i] in _LETTERS for i in others):
            letter = word[others[0]]
            name, latin = unicodedata.name(letter).lower(), _LETTERS[letter]
            message = f"U+{ord(letter):04X} stands here: {name}, which is not `{latin}`"
            return Lookalike(match.start() + others[0], message, f"write `{latin}`")
    return None


def lookalike_in_yaml(text: str) -> Lookalike | None:
    """`lookalike` for lines of YAML, without texts in quotes and comments."""
    return lookalike(_TEXT_OR_COMMENT.sub(lambda match: " " * len(match[0]), text))
