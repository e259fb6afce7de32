"""Specs in git revisions: `git:REV:PATH`, what it reads, and that nothing of a repository runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from mnet_cost.analysis import analyze
from mnet_cost.errors import MnetCostError, ModelReferenceError, SpecError
from mnet_cost.measure.measurements import read_measurements
from mnet_cost.models.library import load_model, split_reference

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")

BASE = """\
format: 1
name: base
knobs: {width: 8}
input: {image: [3, 16, 16]}
layers:
  - {id: stem, conv2d: {channels: width, kernel: 3}}
variants:
  wide: {knobs: {width: 16}}
"""
CHILD = "extends: {path}\nformat: 1\nname: child\nlayers: {{stem: {{relu: {{}}}}}}\n"


def git(folder: Path, *arguments: str) -> str:
    names = {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER")
             for what in ("NAME", "EMAIL")}  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **names}
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with two commits of `specs/base.yaml` and some that extend it."""
    root = tmp_path_factory.mktemp("repository")
    specs = root / "specs"
    (specs / "below").mkdir(parents=True)
    (specs / "base.yaml").write_text(BASE)
    (specs / "child.yaml").write_text(CHILD.format(path="./base.yaml"))
    (specs / "escaping.yaml").write_text(CHILD.format(path="../outside.yaml"))
    (specs / "revision.yaml").write_text(CHILD.format(path="git:HEAD:specs/base.yaml"))
    (root / "outside.yaml").write_text(BASE)
    (specs / "broken.yaml").write_text(BASE.replace("kernel", "kernle"))
    (specs / "link.yaml").symlink_to("base.yaml")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    git(root, "tag", "v1")
    (specs / "base.yaml").write_text(BASE.replace("width: 8", "width: 24"))
    git(root, "commit", "-q", "-a", "-m", "second")
    (specs / "new.yaml").write_text(BASE)
    return root


@pytest.fixture
def inside(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(repository / "specs")
    return repository


def params(reference: str) -> int:
    return analyze(reference).totals.params


def test_a_revision_is_read_from_the_root_or_from_here(inside: Path) -> None:
    old, new = 3 * 9 * 8, 3 * 9 * 24
    assert params("git:HEAD:specs/base.yaml") == params("./base.yaml") == new
    assert params("git:HEAD~1:specs/base.yaml") == old
    assert params("git:v1:./base.yaml") == old
    assert params("git:main~1:../specs/base.yaml") == old
    assert params("git:HEAD@{0}:specs/base.yaml") == new
    assert params(f"git:v1:{inside}/specs/base.yaml") == old
    assert params("git:v1:specs/base.yaml:wide") == 2 * old
    assert params("git:v1:specs/base.yaml:wide@width=40") == 5 * old


def test_a_hint_is_a_reference_that_can_be_pasted(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(repository, root, symlinks=True)
    monkeypatch.chdir(root)
    for name in ("qq@1.zz", "qq:1.zz"):
        (root / name).write_text(BASE)
    git(root, "add", ".")
    commit = git(root, "rev-parse", "HEAD")
    git(root, "update-index", "--add", "--cacheinfo", f"160000,{commit},subm")
    git(root, "commit", "-q", "-m", "odd names")
    for path, hint in (
        ("specs/neww.yaml", "did you mean `specs/new.yaml`?"),
        ("qq.zz", "PATH starts at the root of the repository, and with `./` right here"),
        ("subm/deep/net.yaml",
         "`subm` is a submodule: its files are in a repository of their own"),
    ):  # fmt: skip
        with pytest.raises(ModelReferenceError) as caught:
            load_model(f"git:HEAD:{path}")
        assert str(caught.value).endswith(f"hint: {hint}"), path


def test_within_a_hook_paths_elsewhere_are_of_their_own_repository(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repository)
    monkeypatch.setenv("GIT_DIR", ".git")
    assert params("git:v1:specs/base.yaml") == 3 * 9 * 8
    assert params(f"git:v1:{repository}/specs/base.yaml") == 3 * 9 * 8


def test_what_a_spec_extends_is_of_the_same_revision(inside: Path) -> None:
    old, new = (load_model(f"git:{rev}:specs/child.yaml").spec for rev in ("v1", "HEAD"))
    assert (old.knobs["width"].default, new.knobs["width"].default) == (8, 24)
    here = load_model("git:v1:./child.yaml").spec
    assert here == old
    assert here.extension is not None
    assert [source.path for source in here.extension.named] == ["git:v1:./base.yaml"]


def test_lines_are_those_of_the_revision(inside: Path) -> None:
    step = analyze("git:v1:specs/base.yaml").network.steps[0]
    assert str(step.node.span()) == "git:v1:specs/base.yaml:6:5"
    with pytest.raises(SpecError) as caught:
        load_model("git:v1:specs/broken.yaml")
    assert str(caught.value).startswith(
        "git:v1:specs/broken.yaml:6:42: `conv2d` has no field `kernle`\n"
        "    6 |   - {id: stem, conv2d: {channels: width, kernle: 3}}\n"
    )


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("git:mian:specs/base.yaml",
         "MODEL:1:5: there is no revision `mian`\n"
         "    1 | git:mian:specs/base.yaml\n"
         "      |     ^^^^\n"
         "hint: did you mean `main`?"),
        ("git:0000000:specs/base.yaml",
         "MODEL:1:5: there is no revision `0000000`\n"
         "    1 | git:0000000:specs/base.yaml\n"
         "      |     ^^^^^^^\n"
         "hint: `git log --oneline` lists commits, `git branch --all` branches"),
        ("git:HEAD:specs/bsae.yaml",
         "MODEL:1:10: there is no `specs/bsae.yaml` in HEAD\n"
         "    1 | git:HEAD:specs/bsae.yaml\n"
         "      |          ^^^^^^^^^^^^^^^\n"
         "hint: did you mean `specs/base.yaml`?"),
        ("git:HEAD:base.yaml",
         "MODEL:1:10: there is no `base.yaml` in HEAD\n"
         "    1 | git:HEAD:base.yaml\n"
         "      |          ^^^^^^^^^\n"
         "hint: from the working directory it is `./base.yaml`"),
        ("git:HEAD:./new.yaml",
         "MODEL:1:10: there is no `specs/new.yaml` in HEAD\n"
         "    1 | git:HEAD:./new.yaml\n"
         "      |          ^^^^^^^^^^\n"
         "hint: the file is there now, and was not yet in HEAD"),
        ("git:HEAD:specs",
         "MODEL:1:10: `specs` is a folder in HEAD\n"
         "    1 | git:HEAD:specs\n"
         "      |          ^^^^^"),
        ("git:HEAD:specs/link.yaml",
         "MODEL:1:10: `specs/link.yaml` is a link: name the file that it leads to\n"
         "    1 | git:HEAD:specs/link.yaml\n"
         "      |          ^^^^^^^^^^^^^^^"),
        ("git:HEAD:../../base.yaml",
         "MODEL:1:10: this is outside of the repository\n"
         "    1 | git:HEAD:../../base.yaml\n"
         "      |          ^^^^^^^^^^^^^^^"),
        ("git:HEAD", "`git:HEAD` does not name a file\n"
         "hint: a revision is git:REV:PATH, as in git:HEAD~1:specs/net.yaml"),
        ("git::specs/base.yaml", "`git::specs/base.yaml` does not name a file\n"
         "hint: a revision is git:REV:PATH, as in git:HEAD~1:specs/net.yaml"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_shown_with_a_way_out(
    inside: Path, reference: str, error: str
) -> None:
    with pytest.raises(ModelReferenceError) as caught:
        load_model(reference)
    assert str(caught.value) == error


@pytest.mark.parametrize(
    "rev",
    ["--output=pwned", "-h", "--exec=touch pwned", "HEAD..v1", "^HEAD", "--all", "HEAD\npwned",
     "HEAD v1", "$(touch pwned)", "; touch pwned", "\0", "@{upstream}", "é", "\udcff", "*"],
)  # fmt: skip
def test_hostile_revisions_are_no_options_and_no_commands(inside: Path, rev: str) -> None:
    with pytest.raises(ModelReferenceError):
        load_model(f"git:{rev}:specs/base.yaml")
    assert not list(inside.rglob("pwned*"))


@pytest.mark.parametrize(
    "path",
    [":(glob)**", "specs/*", "specs/base.yaml\nHEAD", "-r", "--help", "specs//../../x", "\0", "/",
     "/etc/passwd", "//", ".", "specs/\udcff"],
)  # fmt: skip
def test_hostile_paths_name_nothing(inside: Path, path: str) -> None:
    with pytest.raises(ModelReferenceError):
        load_model(f"git:HEAD:{path}")


def test_nothing_that_a_repository_configures_runs(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "copy"
    shutil.copytree(repository, root, symlinks=True)
    ran = tmp_path / "ran"
    script = root / "script"
    script.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    script.chmod(0o755)
    (root / ".git" / "info" / "attributes").write_text("* diff=evil filter=evil\n")
    for key in ("core.fsmonitor", "core.pager", "diff.evil.textconv", "diff.external",
                "filter.evil.smudge", "filter.evil.process", "core.sshCommand", "core.editor",
                "core.hooksPath"):  # fmt: skip
        git(root, "config", key, str(script if key != "core.hooksPath" else root))
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        shutil.copy(script, root / hook)
    ran.unlink(missing_ok=True)
    monkeypatch.chdir(root)
    before = sorted(path for path in root.rglob("*"))
    assert params("git:v1:specs/base.yaml") == 3 * 9 * 8
    with pytest.raises(ModelReferenceError):
        load_model("git:v1:specs/bsae.yaml")
    assert not ran.exists()
    assert sorted(path for path in root.rglob("*")) == before


def test_files_name_no_revisions_and_nothing_above_them(inside: Path) -> None:
    for reference in ("git:HEAD:specs/escaping.yaml", "git:HEAD:specs/revision.yaml",
                      "./revision.yaml"):  # fmt: skip
        with pytest.raises(
            MnetCostError, match=r"not in the folder of|names no revision"
        ) as caught:
            load_model(reference)
        assert "1 | extends: " in str(caught.value)


def test_tables_name_no_revisions(inside: Path) -> None:
    """Neither with an ending nor without: a row of a table never runs git."""
    for name in ("git:HEAD:net", "git:HEAD:specs/base.yaml"):
        path = inside / "times.csv"
        path.write_text(f"model,latency_ms\n{name},3\n")
        with pytest.raises(MnetCostError, match="a file names no revision of another one"):
            read_measurements(path)


def test_outside_of_a_repository_and_without_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(ModelReferenceError) as caught:
        load_model("git:HEAD:net.yaml")
    assert str(caught.value) == (
        f"MODEL:1:1: git cannot read this: {tmp_path} is in no git repository\n"
        "    1 | git:HEAD:net.yaml\n"
        "      | ^^^\n"
        "hint: a revision is of the repository around the working directory"
    )
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelReferenceError, match="git is not installed") as caught:
        load_model("git:HEAD:other.yaml")
    assert "hint: install git, or give the path of a file" in str(caught.value)


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mnet_cost.models import revisions

    git(tmp_path, "init", "-q")
    (tmp_path / "net.yaml").write_text(BASE)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(revisions, "MAX_BYTES", 2**6)
    with pytest.raises(ModelReferenceError, match="is larger than 0 MiB, which is the limit"):
        load_model("git:HEAD:net.yaml")


def test_references_are_split_around_the_revision() -> None:
    assert split_reference("git:HEAD@{2026-01-31 12:00}:a/b.yaml:wide@alpha=0.5") == (
        "git:HEAD@{2026-01-31 12:00}:a/b.yaml", "wide", {"alpha": 0.5},
    )  # fmt: skip
    assert split_reference("./git:HEAD:a.yaml")[0] == "./git"  # a file, as ever
