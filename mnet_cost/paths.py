"""Paths that a user names: errors of the system become errors that name the path.

Code that opens, makes or replaces a file of a user does so within `naming`. Questions about a path
(is it the same file, is it there) have an answer for every text, even if it cannot be a path.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EISDIR, ENOENT
from itertools import islice
from pathlib import Path

from mnet_cost.errors import MnetCostError, OutputError, Problem, did_you_mean

Named = str | os.PathLike[str]

_NAME_BYTES = 200  # of the 255 that a name may have: what is added has room
_LONGEST_ENDING = 10
_MOST_BESIDE = 1000  # names of a folder that are held against one that is not there


@contextmanager
def naming(
    path: Named, what: str, error: type[MnetCostError] = OutputError, shown: str = "``"
) -> Iterator[None]:
    """Within it, the system's errors are an `error`: `PATH: cannot be read: permission denied`.

    `what` is `cannot be read` or similar. The message has `shown` for an empty path. A text that
    cannot be a path is refused before the block runs.
    """
    text = os.fspath(path)
    try:
        refusal = None if text else "the name is empty"
        if b"\0" in os.fsencode(text):
            refusal = "a path cannot hold a NUL character"
    except UnicodeEncodeError as reason:
        refusal = f"the system has no name with the character U+{ord(text[reason.start]):04X}"
    hint = None
    if refusal is None:
        try:
            yield
            return
        except OSError as reason:
            refusal = (reason.strerror or str(reason) or type(reason).__name__).lower()
            if reason.errno == ENOENT and not os.path.isabs(text) and not _has_working_folder():
                refusal = "the working directory is not there any more"
            elif reason.errno == ENOENT:
                hint = _to_make(text) if error is OutputError else _beside(text)
    raise error(Problem(f"{text or shown}: {what}: {refusal}", hint=hint)) from None


def _to_make(path: str) -> str | None:
    """A hint with the folder that is to be there before a file can be written in it."""
    folder = os.path.dirname(path)
    if not folder or os.path.exists(folder):
        return None
    return f"there is no folder `{folder}`: make it first, or choose another one"


def _beside(path: str) -> str | None:
    """A hint with a file of the same folder whose name is close to that of `path`."""
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0]
    try:
        with os.scandir(folder or os.curdir) as entries:
            neighbours = [entry.name for entry in islice(entries, _MOST_BESIDE)]
    except OSError:
        return None
    # An ending in common makes no name close.
    close = [
        neighbour
        for neighbour in neighbours
        if did_you_mean(stem, [os.path.splitext(neighbour)[0]])
    ]
    return did_you_mean(name, close)


def _has_working_folder() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def is_yaml(path: str) -> bool:
    """Whether a path ends like a YAML file, in small or capital letters."""
    return path.lower().endswith((".yaml", ".yml"))


def is_there(path: Named) -> bool:
    """Whether a path leads to something; raises `OSError` where the system does not say.

    `Path.exists` also answers for links that form a circle, where neither answer is right.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def same_file(first: Named, other: Named) -> bool:
    """Whether two paths lead to the same file, whether that exists or not."""
    return real_path(first) == real_path(other)


def real_path(path: Named) -> Path:
    """The path with its links followed; unchanged where that is impossible."""
    try:
        return Path(os.path.realpath(path))
    except (OSError, ValueError):
        return Path(path)


def is_below(path: Named, folder: Named) -> bool:
    """Whether a path leads into a folder or below it, all links followed."""
    root = os.path.realpath(folder or os.curdir)
    try:
        return os.path.commonpath([root, os.path.realpath(path)]) == root
    except ValueError:  # on different drives
        return False


def file_to_write(path: Named) -> tuple[Path, int]:
    """The file that a path leads to, and its mode, which is 0 where there is none yet.

    `OSError` where it is a folder, or a link leads in a circle.
    """
    target = Path(os.path.realpath(path))
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return target, 0
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(EISDIR, "is a directory")
    return target, mode


def write_whole(target: Named, text: str) -> None:
    """Write a text so that it is never there half; `OutputError` where that is impossible."""
    with whole_file(target) as path:
        _write(path, text)


def _write(path: Path, text: str) -> None:
    # What is no UTF-8 text is the name of a file, which has bytes of its own.
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def draft_of(path: Path) -> Path:
    """The temporary file beside `path` to which its new content is written first.

    If the system accepts the name of the file, the name of the draft is not too long either.
    """
    ending = path.suffix if len(path.suffix) < _LONGEST_ENDING else ""
    return path.with_name(f".{short_name(path.name)}.{os.getpid()}.part{ending}")


@contextmanager
def whole_file(path: Named) -> Iterator[Path]:
    """Where to write what is to be at `path`, so that it is never there half; `OutputError` where
    that is impossible.

    A link leads to its file, which keeps its mode. What is no regular file (a device, a named
    pipe) is written to as it is.
    """
    with naming(path, "cannot be written", shown="-o"):
        target, mode = file_to_write(path)
        if mode and not stat.S_ISREG(mode):
            yield target
            return
        draft = draft_of(target)
        try:
            yield draft
            if mode:
                draft.chmod(stat.S_IMODE(mode))
            draft.replace(target)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def check_writable(path: Named) -> None:
    """`OutputError` where `whole_file` could not write to a path now: asked before long work."""
    with naming(path, "cannot be written", shown="-o"):
        target, mode = file_to_write(path)
        if not mode or stat.S_ISREG(mode):
            draft = draft_of(target)
            draft.touch()
            draft.unlink()


def short_name(name: str) -> str:
    """The start of `name`, short enough for a file name to which something is added."""
    return os.fsencode(name)[:_NAME_BYTES].decode(errors="ignore")
