"""Imports only go down: what a module may import is decided by the floor that it is on."""

from __future__ import annotations

import ast
from pathlib import Path

import mnet_cost

FLOORS = (
    ("escaping", "errors", "lookalikes", "units", "printed", "paths", "files", "shipped"),
    ("tensors", "recording", "yamlfile", "filekinds", "expressions"),
    ("layers",),
    ("models", "devices"),
    ("network", "importing"),
    ("analysis", "metrics"),
    (
        *("search", "differences", "budgets", "changes", "papers", "report", "torch_model"),
        *("measure", "reconciliation", "exporting", "drawing", "explorer"),
    ),
    ("api", "results"),
    ("cli", "__init__", "__main__"),
)

PACKAGE = Path(mnet_cost.__file__).parent


def floor_of(part: str) -> int | None:
    """The floor of a top-level module or package."""
    return next((number for number, parts in enumerate(FLOORS) if part in parts), None)


def imported_parts(tree: ast.Module) -> list[tuple[int, str]]:
    """(line, top-level part) for each import from the package, wherever in the file it stands."""
    imports = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            modules = [node.module or ""]
            if node.module == "mnet_cost":
                modules = [f"mnet_cost.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            package, _, rest = module.partition(".")
            if package == "mnet_cost":
                part = rest.partition(".")[0]
                # What is no module is a name of the package itself.
                imports.append((node.lineno, part if floor_of(part) is not None else "__init__"))
    return imports


def violations(root: Path) -> list[str]:
    """All imports below `root` that go up, and all parts that have no floor."""
    breaches = []
    for file in sorted(root.rglob("*.py")):
        path = file.relative_to(root)
        own = path.parts[0].removesuffix(".py")
        floor = floor_of(own)
        if floor is None:
            breaches.append(f"{path.as_posix()}: {own} has no floor")
            continue
        for line, part in imported_parts(ast.parse(file.read_text(encoding="utf-8"))):
            other = floor_of(part)
            assert other is not None
            if other > floor:
                breaches.append(
                    f"{path.as_posix()}:{line}: {own} (floor {floor}) "
                    f"imports {part} (floor {other})"
                )
    return breaches


def test_imports_only_go_down() -> None:
    assert violations(PACKAGE) == []


def test_the_check_can_fail(tmp_path: Path) -> None:
    (tmp_path / "layers").mkdir()
    (tmp_path / "cli").mkdir()
    (tmp_path / "layers" / "conv.py").write_text(
        "from mnet_cost.tensors import DType\nfrom mnet_cost.report.text import table\n"
    )
    (tmp_path / "errors.py").write_text(
        "def late():\n    import mnet_cost.units\n    import mnet_cost.yamlfile as y\n"
    )
    (tmp_path / "tensors.py").write_text("from mnet_cost import expressions, layers, load_model\n")
    (tmp_path / "cli" / "analyze.py").write_text("from mnet_cost import analysis\nimport os.path\n")
    (tmp_path / "helpers.py").write_text("")
    assert violations(tmp_path) == [
        "errors.py:3: errors (floor 0) imports yamlfile (floor 1)",
        "helpers.py: helpers has no floor",
        "layers/conv.py:2: layers (floor 2) imports report (floor 6)",
        "tensors.py:1: tensors (floor 1) imports layers (floor 2)",
        "tensors.py:1: tensors (floor 1) imports __init__ (floor 8)",
    ]
