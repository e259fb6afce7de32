"""One HTML file out of a document: the built script and style, and the data, packed.

The file loads nothing and sends nothing: its Content-Security-Policy allows two scripts and a style
by their hashes, and nothing else. Data, style and explorer are packed, which halves the file, and
as base64 no text of a spec can end the element that it stands in. A short script unpacks them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mnet_cost.escaping import printable
from mnet_cost.explorer.packing import packed, text_of
from mnet_cost.report.page import hash_of

_BUILT = Path(__file__).parent / "page"
_HOLE = re.compile("<!--([a-z]+)-->")


def write_page(document: Mapping[str, Any]) -> str:
    """The text of the page of a document."""
    start, script, style = map(_built, ("start.js", "explorer.js", "explorer.css"))
    titles = [model["title"] for model in document["models"]]
    contents = {
        "policy": _policy([start, script], style),
        "version": html.escape(document["version"]),
        "title": html.escape(printable(" vs ".join(titles))) + " - mnet-cost",
        "data": packed(text_of(document)),
        "style": packed(style),
        "script": packed(script),
        "start": start,
    }
    # Split once: what goes into a hole may have the look of one.
    parts = _HOLE.split(_built("page.html"))
    parts[1::2] = [contents[hole] for hole in parts[1::2]]
    return "".join(parts)


def _built(name: str) -> str:
    return (_BUILT / name).read_text(encoding="utf-8")


def _policy(scripts: Sequence[str], style: str) -> str:
    hashes = " ".join([f"'{hash_of(script)}'" for script in scripts])
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {hashes}",
            f"style-src '{hash_of(style)}'",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
