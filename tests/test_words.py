"""Words that were retired do not come back in what a user sees.

Looked at are all strings in the code of the program, docstrings too; specs and profiles with their
keys and comments; the schema; golden reports; and all pages. The glossary (`docs/glossary.md`) has
the words that are used instead. Names in the code are not looked at.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

RETIRED = {
    r"standings?": "basis",
    r"tiers?": "basis",
    r"prices?|priced|pricing": "cost coefficient",
    r"roofs?": "lower bound, bound",
    r"foretells?|foretold|foretelling": "predicted",
    r"(?:rides?|riding)\s+on|riders?": "fused into",
    r"partings?": "ratio breakdown",
    r"launches": "kernel launch",
    r"be (?:they|it)\b": "whether",
    r"(?:had|has|have)\s+(?:not|never)\s+seen|did\s+not\s+see": "held out",
}
"""Patterns of whole words, in any case, and what is said instead."""

ALLOWED = re.compile(r"(?:kernel|runtime|it)\s+launches\b|\blaunches of kernels\b", re.IGNORECASE)
"""Where a retired word is right."""

_PATTERN = re.compile(rf"\b(?:{'|'.join(RETIRED)})\b", re.IGNORECASE)


def retired_words(text: str) -> list[tuple[int, str]]:
    """(line, word) of the retired words of a text."""
    allowed = [match.span() for match in ALLOWED.finditer(text)]
    return [
        (text.count("\n", 0, match.start()) + 1, " ".join(match[0].lower().split()))
        for match in _PATTERN.finditer(text)
        if not any(start <= match.start() < end for start, end in allowed)
    ]


def texts_of_code(path: Path) -> Iterator[tuple[int, str]]:
    """(line, text) of the strings in a file of Python."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def documents() -> list[Path]:
    """Files that are read as they are."""
    patterns = (
        *("*.md", "docs/**/*.md", "docs/*.svg", "benchmarks/**/*.md", "specs/**/*.yaml"),
        *("specs/*.json", "tests/golden/*"),
    )
    paths = {path for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(path for path in paths if "generated" not in path.parts)


@pytest.mark.parametrize("folder", ["mnet_cost", "docs"])
def test_texts_of_the_program(folder: str) -> None:
    assert [
        f"{path.relative_to(ROOT)}:{first + line - 1}: {word}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for first, text in texts_of_code(path)
        for line, word in retired_words(text)
    ] == []


def test_documents() -> None:
    assert [
        f"{path.relative_to(ROOT)}:{line}: {word}"
        for path in documents()
        for line, word in retired_words(path.read_text(encoding="utf-8"))
    ] == []


def test_the_words_that_are_used_instead_are_in_the_glossary() -> None:
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    terms = set(re.findall(r"^(\S.*)$", text, re.MULTILINE))
    instead = {word for words in RETIRED.values() for word in words.split(", ")}
    assert instead - terms == {"whether"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("its Standing", ["standing"]),
        ("priced at the roof", ["priced", "roof"]),
        ("a roofline with 2 kernel launches", []),
        ("30 % is launches", ["launches"]),
        ("what a runtime launches", []),
        ("2 % goes to kernel\n  launches of conv2d", []),
        ("rides\non it", ["rides on"]),
        ("outstanding, frontier, overrides", []),
        ("`standing:`", ["standing"]),
    ],
)
def test_what_is_a_retired_word(text: str, words: list[str]) -> None:
    assert [word for _, word in retired_words(text)] == words
