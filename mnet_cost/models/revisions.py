"""Specs as they are in a revision of a git repository: `git:REV:PATH`.

PATH is as `git show REV:PATH` takes it: from the root of the repository, or with `./` or `../` from
the working directory; an absolute path also is of its own repository. Git is asked by commands that
only look objects up, so nothing that a repository configures runs, nothing is fetched and nothing
is written. Not here: the variant and knobs of a reference, which `library.py` reads.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
from functools import lru_cache
from typing import NamedTuple

from mnet_cost.errors import (
    ModelReferenceError,
    Problem,
    Source,
    Span,
    did_you_mean,
    meant_names,
    one_of,
)
from mnet_cost.yamlfile import MAX_BYTES, text_of

PREFIX = "git:"

_FORM = "a revision is git:REV:PATH, as in git:HEAD~1:specs/net.yaml"
# A colon in braces is of the revision: HEAD@{2026-01-31 12:00}.
_PARTS = re.compile(r"git:((?:[^:{}]|\{[^{}]*\})*):(.*)", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ENTRY = re.compile(rb"([0-7]+) (\w+) ([0-9a-f]+) +(-|[0-9]+)\t")
_UNNAMEABLE = re.compile(r"[:@\x00-\x1f\x7f]")
_SECONDS = 60
_FILE, _LINK, _FOLDER = ("100644", "100664", "100755"), "120000", "tree"


class AbsentFileError(ModelReferenceError):
    """A file that is not in a revision."""


class NoRepositoryError(ModelReferenceError):
    """A path around which there is no repository."""


class Revision(NamedTuple):
    """A file in a revision, as it was asked for."""

    rev: str
    path: str

    def __str__(self) -> str:
        return f"{PREFIX}{self.rev}:{self.path}"


def is_file_in_revision(reference: str) -> bool:
    """Whether a text is `git:REV:PATH`, not `git:REV` alone."""
    match = _PARTS.fullmatch(reference)
    return match is not None and bool(match[1]) and bool(match[2])


def split_revision(reference: str) -> tuple[str, str]:
    """(`git:REV:`, PATH and what follows it) of a reference to a file in a revision."""
    match = _PARTS.fullmatch(reference)
    if match is None or not match[1] or not match[2]:
        raise ModelReferenceError(Problem(f"`{reference}` does not name a file", hint=_FORM))
    return reference[: match.start(2)], match[2]


def read_revision(name: str) -> Source:
    """The text of `git:REV:PATH`, whose place in errors is that name.

    Raises `ModelReferenceError` where git, the repository, the revision or the file is not there,
    `SpecError` where the text is too large or is not UTF-8.
    """
    source = _read(name, _working_folder())
    return Source(name, source.text, is_file=True)


def path_in_revision(file: str, name: str) -> str:
    """The path `name` that the spec `file` of a revision gives, in the same revision.

    Raises `ModelReferenceError` unless it is in or below the folder of `file`.
    """
    start, path = split_revision(file)
    folder = posixpath.dirname(path)
    named = posixpath.normpath(posixpath.join(folder, name))
    inside = posixpath.normpath(folder or ".")
    below = (
        not posixpath.isabs(name)
        and "\\" not in name
        and (_is_inside(named) if inside == "." else named.startswith(inside.rstrip("/") + "/"))
    )
    if not below:
        raise ModelReferenceError(
            Problem(
                f"`{name}` is not in the folder of {file}, nor below it",
                hint="a spec extends models of the library, or specs in or below its own folder",
            )
        )
    # From the working directory it is with its dot: without, it is from the root.
    return start + (f"./{named}" if path.startswith("./") else named)


def _is_inside(path: str) -> bool:
    """Whether a normal relative path leads to something in the folder that it starts from."""
    return path != ".." and not path.startswith("../")


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError as reason:
        raise ModelReferenceError("the working directory is not there any more") from reason


@lru_cache(maxsize=64)
def _read(name: str, folder: str) -> Source:
    """The text of `name` with `folder` as the working directory; read once in a run."""
    start, path = split_revision(name)
    asked = Revision(start[len(PREFIX) : -1], path)
    if control := _CONTROL.search(name):
        raise _problem(asked, f"a revision has no character U+{ord(control[0]):04X}", name, _FORM)
    if asked.rev.startswith("-"):
        raise _problem(asked, f"`{asked.rev}` is an option, not a revision", asked.rev, _FORM)
    if posixpath.isabs(path) or os.path.isabs(path):
        folder = _nearest_folder(os.path.dirname(path))
        path = "./" + os.path.relpath(os.path.realpath(path), os.path.realpath(folder))
    git = _Git(folder, asked)
    commit = git.commit()
    inside = git.path_from_root(path.replace(os.sep, "/"))
    data = git.blob(commit, inside)
    return text_of(data, name)


def _nearest_folder(folder: str) -> str:
    """The nearest folder around a path that is there: that of an old file may be gone."""
    while not os.path.isdir(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return folder


def _problem(
    asked: Revision, message: str, marked: str, hint: str | None = None
) -> ModelReferenceError:
    """An error that shows the reference with `marked`, a part of it, underlined."""
    text = str(asked)
    start = text.find(marked, 0 if marked in (text, "git") else len(PREFIX))
    shown = Source("MODEL", text)
    return ModelReferenceError(
        Problem(message, Span(shown, 1, start + 1, start + 1 + len(marked)), hint)
    )


class _Git:
    """Asks git about the repository that `folder` is in."""

    def __init__(self, folder: str, asked: Revision) -> None:
        self._folder = folder
        self._asked = asked
        program = shutil.which("git")
        if program is None:
            raise _problem(
                asked, "git is not installed, which reads revisions", "git",
                "install git, or give the path of a file",
            )  # fmt: skip
        self._program = program
        run = self._run("rev-parse", "--show-prefix")
        if run.returncode:
            reason = _first_line(run.stderr)
            hint = "a revision is of the repository around the working directory"
            if "not a git repository" in reason:
                reason = f"{_shown(folder)} is in no git repository"
                lost = _problem(asked, f"git cannot read this: {reason}", "git", hint)
                raise NoRepositoryError(lost.problems)
            raise _problem(asked, f"git cannot read this: {reason}", "git", hint)
        self._prefix = os.fsdecode(run.stdout).rstrip("\n")

    def commit(self) -> str:
        """The commit that REV names."""
        rev = self._asked.rev
        run = self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
        commit = run.stdout.decode("ascii", "replace").strip()
        if run.returncode or not re.fullmatch("[0-9a-f]+", commit):
            names = self._run(
                "for-each-ref", "--count=2000", "--format=%(refname:short)",
                "refs/heads", "refs/tags", "refs/remotes",
            )  # fmt: skip
            known = names.stdout.decode("utf-8", "replace").split("\n")
            hint = did_you_mean(rev, filter(None, [*known, "HEAD"]))
            raise _problem(
                self._asked, f"there is no revision `{rev}`", rev,
                hint or "`git log --oneline` lists commits, `git branch --all` branches",
            )  # fmt: skip
        return commit

    def path_from_root(self, path: str) -> str:
        """PATH as trees of the repository have it."""
        here = path in (".", "..") or path.startswith(("./", "../"))
        inside = posixpath.normpath(posixpath.join(self._prefix if here else "", path))
        if not _is_inside(inside):
            raise _problem(self._asked, "this is outside of the repository", self._asked.path)
        return inside

    def blob(self, commit: str, path: str) -> bytes:
        """The bytes of the file at `path` in a commit."""
        rev, shown = self._asked
        listed = self._listed(commit, path)
        match = _ENTRY.match(listed)
        if match is None:
            absent = _problem(self._asked, f"there is no `{path}` in {rev}", shown,
                              self._meant(commit, path))  # fmt: skip
            raise AbsentFileError(absent.problems)
        mode, kind, blob, size = (part.decode("ascii") for part in match.groups())
        if kind == _FOLDER:
            raise _problem(self._asked, f"`{path}` is a folder in {rev}", shown)
        if mode not in _FILE:
            what = "a link: name the file that it leads to" if mode == _LINK else "a submodule"
            raise _problem(self._asked, f"`{path}` is {what}", shown)
        if int(size) > MAX_BYTES:
            limit = MAX_BYTES // 2**20
            raise _problem(
                self._asked, f"this is larger than {limit} MiB, which is the limit", shown
            )
        run = self._run("cat-file", "blob", blob)
        if run.returncode:
            raise _problem(self._asked, f"git cannot read this: {_first_line(run.stderr)}", shown)
        return run.stdout

    def _listed(self, commit: str, *paths: str) -> bytes:
        return self._run("ls-tree", "-z", "-l", "--full-tree", commit, "--", *paths).stdout

    def _submodule_around(self, commit: str, path: str) -> str | None:
        """The folder around a path that is a submodule, if there is one."""
        folder = posixpath.dirname(path)
        while folder:
            match = _ENTRY.match(self._listed(commit, folder))
            if match is not None:
                return folder if match[2] == b"commit" else None
            folder = posixpath.dirname(folder)
        return None

    def _meant(self, commit: str, path: str) -> str | None:
        """A hint where a file that is not in a commit may be."""
        run = self._run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
        submodule = self._submodule_around(commit, path)
        if submodule is not None:
            return f"`{submodule}` is a submodule: its files are in a repository of their own"
        names = os.fsdecode(run.stdout).split("\0")
        from_here = posixpath.normpath(posixpath.join(self._prefix, path))
        if from_here != path and from_here in names:
            return f"from the working directory it is `./{path}`"
        if os.path.exists(os.path.join(self._folder, self._asked.path)):
            return f"the file is there now, and was not yet in {self._asked.rev}"
        folder, name = posixpath.split(path)
        # Whatever is proposed can be pasted: the path from the root, and no name with a colon or an
        # at sign, which a reference reads as the start of a variant or of knobs.
        names = [each for each in names if not _UNNAMEABLE.search(each)]
        same = [each for each in names if posixpath.basename(each) == name]
        if same:
            return f"did you mean `{same[0]}`?"
        beside = [posixpath.basename(each) for each in names if posixpath.dirname(each) == folder]
        meant = [posixpath.join(folder, each) for each in meant_names(name, beside)]
        meant = meant or meant_names(path, names)
        if meant:
            return f"did you mean {one_of(meant)}?"
        return "PATH starts at the root of the repository, and with `./` right here"

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run git, without anything that a repository configures to be run, and without network."""
        command = [
            self._program, "--no-pager", "--literal-pathspecs", "--no-replace-objects",
            "-c", "core.fsmonitor=false", "-c", "protocol.allow=never", *arguments,
        ]  # fmt: skip
        environment = {
            **os.environ,
            "LC_ALL": "C",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
        }
        if self._folder != _working_folder():  # a hook sets these for the working directory
            for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_PREFIX", "GIT_INDEX_FILE"):
                environment.pop(name, None)
        try:
            return subprocess.run(
                command,
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            reason = f"git did not answer within {_SECONDS} s"
        except (OSError, ValueError) as error:
            reason = f"git cannot be run: {error}"
        raise _problem(self._asked, reason, "git") from None


def _first_line(output: bytes) -> str:
    """What git says is wrong, without its `fatal:`."""
    lines = output.decode("utf-8", "replace").strip().split("\n")
    return lines[0].removeprefix("fatal: ") or "it does not say why"


def _shown(folder: str) -> str:
    return folder or "the working directory"
