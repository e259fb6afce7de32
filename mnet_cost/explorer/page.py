"""One HTML file out of a document: the built script and style, and the data, packed.

The file loads nothing and sends nothing: its Content-Security-Policy allows the script and the
style that stand in it, by their hashes, and nothing else. The data are base64, so that no text of
a spec can end the element that they stand in.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnet_cost.escaping import printable

_BUILT = Path(__file__).parent / "page"
_HOLE = re.compile("<!--([a-z]+)-->")


def write_page(document: Mapping[str, Any]) -> str:
    """The text of the page of a document."""
    script = (_BUILT / "explorer.js").read_text(encoding="utf-8")
    style = (_BUILT / "explorer.css").read_text(encoding="utf-8")
    titles = [model["title"] for model in document["models"]]
    contents = {
        "policy": _policy(script, style),
        "version": html.escape(document["version"]),
        "title": html.escape(printable(" vs ".join(titles))) + " - mnet-cost",
        "style": style,
        "data": _packed(document),
        "script": script,
    }
    # Split once: what goes into a hole may have the look of one.
    parts = _HOLE.split((_BUILT / "page.html").read_text(encoding="utf-8"))
    parts[1::2] = [contents[hole] for hole in parts[1::2]]
    return "".join(parts)


def _packed(document: Mapping[str, Any]) -> str:
    """JSON, gzip, base64; the same for the same document."""
    text = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(
        gzip.compress(text.encode("utf-8", "backslashreplace"), 9, mtime=0)
    ).decode("ascii")


def _policy(script: str, style: str) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_hash(script)}'",
            f"style-src '{_hash(style)}'",
            "img-src data: blob:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
