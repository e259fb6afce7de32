"""Written PyTorch source of hostile specs: their text is in the docstring, and is nowhere code."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

pytest.importorskip("torch")

from hostile_text import FRAGMENTS, TEXTS, shows
from hypothesis import example, given, settings

from mnet_cost.escaping import printable
from mnet_cost.models.dump import dump_data
from mnet_cost.models.load import parse_spec
from mnet_cost.network import elaborate
from mnet_cost.torch_model.source import write_source


def source_of(words: str) -> str:
    """The file written for a network that says where it is from."""
    data = {
        "format": 1,
        "name": "n",
        "source": words,
        "input": {"x": [3, 8, 8]},
        "layers": [{"conv2d": {"channels": 4, "kernel": 1}}, "relu"],
    }
    return write_source(elaborate(parse_spec(dump_data(data))))


PLAIN = ast.parse(source_of("a paper"))


def allowed(text: str) -> bool:
    """Whether YAML can hold a text, and a source it."""
    return bool(text.strip()) and not any("\ud800" <= c <= "\udfff" for c in text)


@given(TEXTS.filter(allowed))
@example('a""" + str(__import__("os").system("id")) + """')
@example("\\N{x}")
@example("a\0b")
@example('ends in a quote"')
@example("ends in a backslash\\")
@example("\\" * 101)
@settings(max_examples=50)
def test_what_a_spec_says_is_no_code(words: str) -> None:
    source = source_of(words)
    assert shows(source)
    compile(source, "n.py", "exec")
    tree = ast.parse(source)
    said = ast.get_docstring(tree, clean=False)
    assert said is not None
    wanted = printable(f"Source: {words}.".replace("\n", " "))
    assert "".join(wanted.split()) in "".join(said.split())
    # All that is not the docstring is as it is for any other words.
    assert [ast.dump(statement) for statement in tree.body[1:]] == [
        ast.dump(statement) for statement in PLAIN.body[1:]
    ]


def test_importing_it_runs_nothing(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    source = source_of(f'x""" + str(open({str(marker)!r}, "w")) + """ {"".join(FRAGMENTS[:60])}')
    exec(compile(source, "n.py", "exec"), {"__name__": "n"})
    assert not marker.exists()
