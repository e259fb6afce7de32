"""The built files of the page: what the source builds, in the wheel, in the colours of reports."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from zipfile import ZipFile

import pytest
from engine import needs_node

ROOT = Path(__file__).resolve().parent.parent.parent
SOURCE = ROOT / "explorer"
BUILT = ROOT / "mnet_cost" / "explorer" / "page"
REPORTS = ROOT / "mnet_cost" / "report" / "page.css"
MODULES = SOURCE / "node_modules" / "esbuild"


@needs_node
@pytest.mark.skipif(not MODULES.exists(), reason="needs esbuild: npm ci in explorer/")
def test_the_built_files_are_what_the_source_builds(tmp_path: Path) -> None:
    copy = tmp_path / "explorer"
    shutil.copytree(
        SOURCE, copy, ignore=shutil.ignore_patterns("node_modules", "build", "tests", "*.mjs")
    )
    shutil.copy(SOURCE / "build.mjs", copy)
    (copy / "node_modules").symlink_to(SOURCE / "node_modules")
    page = tmp_path / "mnet_cost" / "explorer" / "page"
    page.mkdir(parents=True)
    done = subprocess.run(["node", "build.mjs"], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (copy / "engine.mjs").read_bytes() == (SOURCE / "engine.mjs").read_bytes()
    built = {path.name: path.read_bytes() for path in page.iterdir()}
    kept = {path.name: path.read_bytes() for path in BUILT.iterdir()}
    assert built.keys() == kept.keys() - {"page.html"}  # which is written by hand
    stale = [name for name, content in built.items() if content != kept[name]]
    assert stale == [], "run `npm ci && npm run build` in explorer/"


def test_the_wheel_has_the_built_files(tmp_path: Path) -> None:
    hatchling = pytest.importorskip("hatchling.build", reason="needs hatchling")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        wheel = hatchling.build_wheel(str(tmp_path))
    with ZipFile(tmp_path / wheel) as archive:
        for path in BUILT.iterdir():
            name = path.relative_to(ROOT).as_posix()
            assert archive.read(name) == path.read_bytes(), name
        assert archive.read("mnet_cost/report/page.css") == REPORTS.read_bytes()
        assert not [name for name in archive.namelist() if "node_modules" in name]
        assert not [name for name in archive.namelist() if name.endswith(".mjs")]


def colours(style: str) -> list[dict[str, str]]:
    """Colours by name: light ones, dark ones, those on paper."""
    found = []
    for block in re.findall(r":root[^{]*\{([^}]*)\}", style):
        pairs = re.findall(r"--([\w-]+): (#\w+);", block)
        if pairs:
            found.append({name: long_form(value) for name, value in pairs})
    return found


def long_form(colour: str) -> str:
    """`#fff` as `#ffffff`."""
    return "#" + "".join(2 * digit for digit in colour[1:]) if len(colour) == 4 else colour


def test_reports_and_the_page_have_the_same_colours() -> None:
    reports = colours(REPORTS.read_text(encoding="utf-8"))
    page = colours((SOURCE / "src" / "style.css").read_text(encoding="utf-8"))
    assert reports[0]["card"] == "#ffffff"
    for ours, theirs in zip(reports[:2], page[:2], strict=True):
        shared = ours.keys() & theirs.keys()
        assert {"page", "card", "ink", "line", "accent", "bad"} <= shared
        assert {name: ours[name] for name in shared} == {name: theirs[name] for name in shared}
