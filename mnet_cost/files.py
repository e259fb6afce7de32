"""Opens files that others wrote, and only regular files.

Reading a named pipe or a device may never end, so they are refused before anything is read. Not
here: the messages that a user reads (`paths.naming`), and how much of a file is read.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """The regular file at `path`, open for reading.

    Raises `OSError`: as `open` does, and with EINVAL for what is no regular file. `ValueError` for
    a NUL character in the path.
    """
    _refuse(os.stat(path))  # opening a device can already do something
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    try:
        _refuse(os.fstat(handle))  # what is open now, whatever was there before
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _refuse(status: os.stat_result) -> None:
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        what = next((name for is_kind, name in _KINDS if is_kind(mode)), "something else")
        raise OSError(errno.EINVAL, f"it is {what}, not a file")
