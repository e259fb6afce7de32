"""What the documentation shows is what happens. `--update-golden` writes its outputs anew."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pages import DOCS, ROOT, blocks_of, commands_of, fresh_text, pages

from mnet_cost.cli import COMMANDS, build_parser

sys.path.insert(0, str(DOCS))

import generate
import picture

PAGES = {str(path.relative_to(ROOT)): path for path in pages()}
README = ROOT / "README.md"


@pytest.mark.parametrize("page", PAGES)
def test_blocks_show_real_output(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update_golden: bool
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    text = PAGES[page].read_text(encoding="utf-8")
    fresh = fresh_text(text, tmp_path)
    if update_golden:
        PAGES[page].write_text(fresh, encoding="utf-8")
        text = fresh
    assert text == fresh


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist_with_their_options(page: str) -> None:
    """Those that are shown without output, too: they take long, or need what tests do not have."""
    for block in blocks_of(PAGES[page].read_text(encoding="utf-8")):
        if block.language in ("sh", "text"):
            for command in commands_of(block):
                words = shlex.split(re.split(r"\s[|>&]", command)[0], comments=True)
                build_parser().parse_args(words[1:])


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """Links to files of the repository, those that Sphinx makes from code apart."""
    path = PAGES[page]
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text(encoding="utf-8")):
        if not re.match(r"https?:", target) and "generated/" not in target:
            assert (path.parent / target).exists(), target


def test_every_kind_of_block_is_run() -> None:
    languages = {
        block.language
        for path in PAGES.values()
        for block in blocks_of(path.read_text(encoding="utf-8"))
    }
    assert {"console", "pycon", "python", "yaml", "sh"} <= languages


def test_a_wrong_output_is_seen(tmp_path: Path) -> None:
    text = "```console\n$ mnet-cost --version\n```\n"
    with pytest.raises(SystemExit):
        fresh_text(text, tmp_path)
    for name in ("specs", "benchmarks"):
        (tmp_path / name).unlink()
    text = "```pycon\n>>> 1 + 1\n3\n```\n"
    assert fresh_text(text, tmp_path) == "```pycon\n>>> 1 + 1\n2\n```\n"


@pytest.mark.parametrize("theme", picture.THEMES)
def test_the_picture_shows_what_the_command_prints(theme: str, update_golden: bool) -> None:
    """The text of the picture; how rich draws it differs by version."""
    path = DOCS / f"picture-{theme}.svg"
    if update_golden:
        path.write_text(picture.picture(picture.THEMES[theme]), encoding="utf-8")
    drawn = ElementTree.fromstring(path.read_text(encoding="utf-8")).itertext()
    printed = re.sub(r"\x1b\[[\d;]*m", "", picture.report())
    assert "".join(printed.split()) in "".join("".join(drawn).split())
    assert picture.COMMAND in README.read_text(encoding="utf-8")


def test_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 200


def test_files_that_the_design_names_are_there() -> None:
    folders = [ROOT / name for name in ("mnet_cost", "tests", "docs", "specs", "benchmarks")]
    names = {path.name for folder in folders for path in (folder, *folder.rglob("*"))}
    named = re.findall(r"`([\w/]+\.py|[\w/]+/)`", (DOCS / "design.md").read_text(encoding="utf-8"))
    assert [name for name in named if Path(name).name not in names] == []


def test_counts_that_are_written_by_hand_are_true() -> None:
    from mnet_cost.analysis.conventions import CONVENTIONS
    from mnet_cost.devices import device_names, load_device
    from mnet_cost.layers import LAYERS

    profiles = [load_device(name) for name in device_names()]
    fitted = sum(profile.basis == "fitted" for profile in profiles)
    readme = README.read_text(encoding="utf-8")
    assert f"{len(profiles)} device profiles come with it, {fitted} of them fitted" in readme
    assert len(CONVENTIONS) == 8
    assert "[Eight conventions](" in readme
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"- {len(LAYERS)} kinds of layers" in changelog
    assert f"- {len(profiles)} device profiles" in changelog
    assert f"- {fitted} fitted profiles" in changelog


def test_ci_runs_the_readmes_test_command() -> None:
    text = README.read_text(encoding="utf-8")
    tests = "python -m pytest -n 2 --dist worksteal"
    install = "python -m pip install --editable '.[test]' --constraint constraints.txt"
    assert f"{install} && {tests}\n" in text
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert install.replace("install ", "install --quiet ") in script
    assert script.rstrip().endswith(tests)


def test_ci_builds_the_site_with_warnings_as_errors() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "python -m sphinx -q -W --keep-going -n docs " in script


def test_ci_builds_the_page_anew_and_tests_it_in_a_browser() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "\n.ci/page\n.ci/browser\n" in script
    assert ",browser]' --constraint" in script
    page = (ROOT / ".ci" / "page").read_text(encoding="utf-8")
    steps = ("npm ci", "run check", "run build", "git diff --exit-code", "npm test")
    places = [page.replace("run --silent", "run").find(step) for step in steps]
    assert places == sorted(places)
    assert places[0] > 0


def test_the_page_of_mobilenet_is_on_the_site_live(tmp_path: Path) -> None:
    generate.write_live_page(tmp_path)
    page = (tmp_path / generate.LIVE_PAGE).read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert 'html_extra_path = ["live"]' in (DOCS / "conf.py").read_text(encoding="utf-8")
    for name, up in (("index.md", ""), ("how-to/explore.md", "../")):
        text = (DOCS / name).read_text(encoding="utf-8")
        assert f'<a href="{up}{generate.LIVE_PAGE}">' in text
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert f'test -s "$environment/site/{generate.LIVE_PAGE}"' in script


def test_every_command_and_option_is_in_the_reference() -> None:
    text = generate.commands()
    for command in COMMANDS:
        assert f"\n## {command}\n" in text
    for parser in generate._commands(build_parser()).values():
        for action in parser._actions:
            for option in action.option_strings:
                assert option in ("-h", "--help") or f"{option}" in text


def test_every_kind_device_rule_and_convention_is_in_the_reference() -> None:
    from mnet_cost.analysis.conventions import CONVENTIONS
    from mnet_cost.devices import KERNEL_RULES, device_names
    from mnet_cost.layers import LAYERS

    text = generate.layers()
    assert [kind.kind for kind in LAYERS if f"\n### {kind.kind}\n" not in text] == []
    text = generate.devices()
    assert [name for name in device_names() if f"(#device-{name})" not in text] == []
    text = generate.kernel_rules()
    assert [word for word in KERNEL_RULES if f"| `{word}` |" not in text] == []
    text = generate.conventions()
    assert [each.name for each in CONVENTIONS if f"| `{each.name}` |" not in text] == []


def test_every_document_is_in_the_reference() -> None:
    from mnet_cost.report.schema_ids import VERSIONS

    text = generate.documents()
    assert [name for name in VERSIONS if f"\n## {name}, version " not in text] == []
    assert "| `devices[].latency_ms` | number or null | " in text


def test_every_public_name_is_in_the_reference() -> None:
    import mnet_cost

    text = generate.python()
    names = [name for name in mnet_cost.__all__ if name != "__version__"]
    assert [name for name in names if f" mnet_cost.{name}\n" not in text] == []


def test_every_key_of_a_profile_is_in_the_reference() -> None:
    from mnet_cost.devices import load

    text = (DOCS / "reference" / "profiles.md").read_text(encoding="utf-8")
    for key in (*load._TOP, *load._PEAKS, *load._OPTIONAL_TOP):
        assert re.search(rf"^\|(?: `\w+`,)* `{key}\b", text, re.MULTILINE), key


def test_every_page_is_in_the_table_of_contents() -> None:
    """Sphinx says so as well, where it is installed."""
    listed = set()
    for path in PAGES.values():
        for block in blocks_of(path.read_text(encoding="utf-8")):
            if block.words[0] == "{toctree}":
                for line in block.content.splitlines():
                    target = re.sub(r".*<(.*)>", r"\1", line.strip())
                    listed.add((path.parent / f"{target}.md").resolve())
    pages_of_the_site = {path for path in PAGES.values() if DOCS in path.parents}
    assert {path.name for path in pages_of_the_site - listed} == {"index.md"}
