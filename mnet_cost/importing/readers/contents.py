"""The bytes of a binary model file, mapped into memory, and what a file of another format is.

Weights are most of such a file and are not looked at, so pages that nobody asks for are never
read. Not here: what the bytes mean, which each reader knows.
"""

from __future__ import annotations

import mmap
import os

from mnet_cost.errors import ModelFileError, Problem
from mnet_cost.files import open_file
from mnet_cost.paths import Named, naming

_START = 1024
_TORCH = "`torch.onnx.export` or `torch.export.save` makes a file of it that can be imported"
_MARKS: tuple[tuple[int, bytes, str, str], ...] = (
    (
        0,
        b"version https://git-lfs",
        "a pointer of Git LFS, not the file itself",
        "`git lfs pull` fetches the file",
    ),
    (0, b"PK\x03\x04", "a zip archive, as `.pt`, `.pth`, `.pt2` and `.keras` files are", _TORCH),
    (0, b"PK\x05\x06", "an empty zip archive", "save the model again"),
    (0, b"\x80\x02", "a pickle, as old `.pt` and `.pth` files are", _TORCH),
    (0, b"\x80\x04", "a pickle of Python objects", _TORCH),
    (
        0,
        b"\x89HDF\r\n",
        "an HDF5 file, as `.h5` files of Keras are",
        "`keras.models.load_model(FILE).save('net.keras')` makes a file that can be read",
    ),
    (4, b"TFL3", "a TFLite model", "a name that ends in `.tflite` says so"),
    (4, b"ORTM", "a model in the format of ONNX Runtime (`.ort`)", "import the `.onnx` file"),
    (0, b"\x1f\x8b", "compressed (gzip)", "`gunzip` unpacks it"),
    (0, b"\xfd7zXZ", "compressed (xz)", "`unxz` unpacks it"),
    (0, b"\x28\xb5\x2f\xfd", "compressed (Zstandard)", "`unzstd` unpacks it"),
)
"""(position, bytes there, what such a file is, the way out)."""


class Unreadable(Exception):
    """What makes a file unusable as a model. Its reader adds the name of the file."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def contents(path: Named) -> memoryview:
    """The bytes of the file at `path`. The file stays mapped for as long as parts are in use.

    Raises `ModelFileError` for what cannot be read, and for an empty file.
    """
    with naming(path, "cannot be read", ModelFileError), open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size:
            return memoryview(mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ))
    raise ModelFileError(Problem(f"{path}: the file is empty", hint="save or download it again"))


def mistaken_format(data: memoryview) -> tuple[str, str] | None:
    """(what a file is that begins like `data`, the way out), where it is of a well-known format."""
    start = bytes(data[:_START])
    for position, mark, what, hint in _MARKS:
        if start.startswith(mark, position):
            return what, hint
    if start.startswith(b"{", 8):  # the length of the header is before it
        return "a file of weights alone (safetensors)", _TORCH
    if _is_text(start):
        markup = start.lstrip()[:1] == b"<"
        page = ("a page of the web, not the file that it offers", "download the file itself")
        return page if markup else ("a text", "the file of a model is binary")
    return None


def _is_text(start: bytes) -> bool:
    try:
        text = start.decode()
    except UnicodeDecodeError as problem:
        if problem.end < len(start):
            return False
        text = start[: problem.start].decode()
    return all(character.isprintable() or character in "\t\r\n\f" for character in text)
