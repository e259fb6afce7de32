"""Notebooks of the documentation run, cell by cell, without a notebook server."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "docs" / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Run a cell; the value of its last line if that is an expression, as a notebook shows it."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<cell>", "exec"), names)
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)


def test_there_are_notebooks() -> None:
    assert [path.name for path in NOTEBOOKS] == ["sizes.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_stored_without_what_it_gave(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    assert text == json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in notebook["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in notebook["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert (cell["execution_count"], cell["outputs"]) == (None, [])


def test_the_sizes_of_a_network(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("numpy")
    notebook = json.loads((EXAMPLES / "sizes.ipynb").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    shown = [
        run_cell("".join(cell["source"]), names)
        for cell in notebook["cells"]
        if cell["cell_type"] == "code"
    ]
    kinds = [type(each).__name__ for each in shown]
    assert kinds == [
        "Analysis", "NoneType", "Comparison", "Sweep", "Fit", "str", "ExplorerPage", "Drawing",
    ]  # fmt: skip
    assert all("<table" in shown[i]._repr_html_() for i in (0, 2, 3, 4))
    assert "<iframe" in shown[6]._repr_html_()
    assert shown[7]._repr_svg_().startswith("<svg")
    assert capsys.readouterr().out.splitlines()[0] == "568,740,352 mult-adds"
    assert shown[5].startswith("mobilenet_v1@alpha=")
